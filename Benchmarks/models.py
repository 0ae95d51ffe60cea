#!/usr/bin/env python3
"""Writes the models of the benchmarks, for every side the same: random weights from fixed seeds, nothing downloaded.

    models.py FOLDER [NAME ...]
    models.py --list

For each model (all of them, or those named; a name may end in `*`) the folder gets

    NAME.pt2                    torch.export.save of the exported module: what Apus loads
    NAME.onnx                   the same program by torch.onnx.export(dynamo=True), opset 20: what ONNX Runtime and OpenVINO load
    NAME.inputs.safetensors     in.0, in.1 ...: the inputs, flattened
    NAME.expected.safetensors   out.0, out.1 ...: what PyTorch's eager module answers to them
"""
import argparse
import fnmatch
import gc
import importlib.util
import json
import logging
import os
import pathlib
import re
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from safetensors.torch import save_file
from torch import nn
from torch.utils import _pytree as pytree

import networks

OPSET = 20


@dataclass
class Model:
    name: str
    title: str
    make: Callable[[], tuple[nn.Module, tuple]]
    # Written out in PyTorch's smaller set of operators before it is saved.
    decomposed: bool = False

    def build(self):
        """The module, ready for inference, and its inputs: the same whoever asks."""
        torch.manual_seed(0)
        module, inputs = self.make()
        return settle(module).eval(), inputs

    def export(self):
        module, inputs = self.build()
        with torch.no_grad():
            program = torch.export.export(module, inputs)
            return program.run_decompositions() if self.decomposed else program


def settle(module):
    """Gives batch norms statistics as training leaves them: with means of zero and variances of one there is little to fold."""
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return module


# -- what the models are -------------------------------------------------------------------------------------------------------


def prepare_torchvision():
    """timm and transformers import torchvision, whose compiled part loads only beside the PyTorch it was built for. No model here
    uses an operator of it: where it does not load, its operators get their names, which is all that the import asks for."""
    folder = pathlib.Path(importlib.util.find_spec("torchvision").origin).parent
    try:
        for library in folder.glob("_C*.so"):
            torch.ops.load_library(library)
    except OSError:
        declared = set(re.findall(r"torchvision::(\w+)", (folder / "_meta_registrations.py").read_text()))
        declared |= set(re.findall(r'register_meta\("(\w+)"', (folder / "_meta_registrations.py").read_text()))
        prepare_torchvision.library = torch.library.Library("torchvision", "DEF")
        for name in declared:
            prepare_torchvision.library.define(f"{name}(Tensor input) -> Tensor")


def minilm(batch, length):
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, use_cache=False)

    class LastState(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = BertModel(config, add_pooling_layer=False)

        def forward(self, tokens, mask):
            return self.model(input_ids=tokens, attention_mask=mask).last_hidden_state

    tokens = torch.randint(0, config.vocab_size, (batch, length))
    return LastState(), (tokens, torch.ones_like(tokens))


def gpt2(length, cached):
    """The next token's scores and the grown cache, from `length` tokens after `cached` ones."""
    from transformers import DynamicCache, GPT2Config, GPT2LMHeadModel

    config = GPT2Config(n_layer=12, n_embd=768, n_head=12)

    class Step(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = GPT2LMHeadModel(config)

        def forward(self, tokens, past):
            cache = DynamicCache(past) if past else DynamicCache()
            result = self.model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
            return result.logits, [(layer.keys, layer.values) for layer in result.past_key_values.layers]

    head = (1, config.n_head, cached, config.n_embd // config.n_head)
    past = [(torch.randn(head), torch.randn(head)) for _ in range(config.n_layer)] if cached else []
    return Step(), (torch.randint(0, config.vocab_size, (1, length)), past)


def resnet18(batch):
    from torchvision.models import resnet18

    return resnet18(weights=None), (torch.randn(batch, 3, 224, 224),)


def vision(name, batch):
    import timm

    return timm.create_model(name, pretrained=False), (torch.randn(batch, 3, 224, 224),)


def batches(name, title, make):
    return [Model(f"{name}_b{batch}", f"{title}, batch {batch}", lambda batch=batch: make(batch)) for batch in (1, 8)]


def timm_model(name, title, source):
    return batches(name, title, lambda batch: vision(source, batch))


def recurrent():
    return networks.Recurrent(), (torch.randn(1, 100, 64),)


MODELS = [
    *(Model(f"minilm_{batch}x{length}", f"MiniLM-L6 {batch}x{length}", lambda batch=batch, length=length: minilm(batch, length))
      for batch, length in ((1, 16), (1, 128), (8, 128))),
    *batches("resnet18", "ResNet-18 at 224", resnet18),
    *timm_model("vit_tiny", "ViT-tiny at 224", "vit_tiny_patch16_224"),
    *timm_model("mobilenetv3_small", "MobileNetV3-small at 224", "mobilenetv3_small_100"),
    Model("unet", "U-Net of 3 levels at 64", lambda: (networks.UNet(), (torch.randn(1, 3, 64, 64),))),
    Model("gpt2_prefill", "GPT-2 shape, 128 tokens", lambda: gpt2(128, 0)),
    Model("gpt2_token", "GPT-2 shape, 1 token after 512", lambda: gpt2(1, 512)),
    *timm_model("efficientnet_b0", "EfficientNet-B0 at 224", "efficientnet_b0"),
    *timm_model("convnext_atto", "ConvNeXt-atto at 224", "convnext_atto"),
    *timm_model("swin_tiny", "Swin-tiny at 224", "swin_tiny_patch4_window7_224"),
    Model("lstm", "LSTM of 100 steps", recurrent),
    Model("lstm_unrolled", "LSTM of 100 steps, decomposed", recurrent, decomposed=True),
    *(Model(f"trees_b{batch}", f"100 trees of depth 6, batch {batch}", lambda batch=batch: (networks.Trees(), (torch.randn(batch, 32),)))
      for batch in (1, 128)),
    Model("mlp", "MLP 784-512-512-10, batch 128", lambda: (networks.mlp(), (torch.randn(128, 784),))),
    *(Model(f"digits_b{batch}", f"digits model, batch {batch}", lambda batch=batch: (networks.Digits(), (torch.randn(batch, 1, 8, 8),)))
      for batch in (1, 7, 256)),
    Model("chain", "chain of 200 tiny operations", lambda: (networks.Chain(), (torch.randn(4),))),
]


# -- writing -------------------------------------------------------------------------------------------------------------------


def flattened(tree, label):
    # A file keeps a tensor once: aliases and views are copied.
    leaves = [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, torch.Tensor)]
    return {f"{label}.{index}": leaf.detach().contiguous().clone() for index, leaf in enumerate(leaves)}


def write(model, folder):
    stem = str(folder / model.name)
    module, inputs = model.build()
    with torch.no_grad():
        expected = module(*inputs)
        program = model.export()
    torch.export.save(program, f"{stem}.pt2")
    save_file(flattened(inputs, "in"), f"{stem}.inputs.safetensors")
    save_file(flattened(expected, "out"), f"{stem}.expected.safetensors")
    torch.onnx.export(program, f=f"{stem}.onnx", dynamo=True, opset_version=OPSET, external_data=False, verbose=False)


def is_written(model, folder):
    """Whether the file that is written last is there, and not older than what writes it."""
    last = folder / f"{model.name}.onnx"
    return last.exists() and all(last.stat().st_mtime >= os.stat(source).st_mtime for source in (__file__, networks.__file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, nargs="?")
    parser.add_argument("names", nargs="*", default=["*"], metavar="NAME")
    parser.add_argument("--missing", action="store_true", help="only those that the folder does not have, or has from an older script")
    parser.add_argument("--list", action="store_true", help="print the names and titles of all models, as JSON")
    arguments = parser.parse_args()
    if arguments.list:
        print(json.dumps([{"name": model.name, "title": model.title} for model in MODELS]))
        return 0
    if not arguments.folder:
        parser.error("say a folder")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    chosen = [model for model in MODELS if any(fnmatch.fnmatch(model.name, name) for name in arguments.names)]
    if not chosen:
        parser.error(f"none of these models: {', '.join(model.name for model in MODELS)}")
    prepare_torchvision()
    failed = []
    for model in chosen:
        if arguments.missing and is_written(model, arguments.folder):
            continue
        start = time.monotonic()
        try:
            write(model, arguments.folder)
            print(f"{model.name}: written in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        except Exception as error:
            failed.append(model.name)
            print(f"{model.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        gc.collect()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
