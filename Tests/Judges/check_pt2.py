"""Opens programs with torch.export.load, runs them, and writes what they gave.

    python check_pt2.py [--decompose] [--resave] (PROGRAM.pt2 INPUTS.safetensors OUTPUTS.safetensors)...

Inputs are called "<call>.in.<n>", in the order of the program's flattened tensor inputs; outputs "<call>.out.<n>", counting every leaf of
the result, numbers as zero-dimensional tensors. Complex tensors are stored as pairs, ".pairs" behind their names. Calls run one after the other on one
module, so that buffers carry over. With --decompose the program is decomposed to core operators first; with --resave it is saved by PyTorch and opened once more before it runs.

Prints one line for each call that fails and each program that cannot be opened: "<program> <call>: <type>: <text>"."""
import argparse
import logging
import os
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)
import torch
import torch.utils._pytree as pytree
from safetensors.torch import load_file, save_file

parser = argparse.ArgumentParser()
parser.add_argument("--decompose", action="store_true")
parser.add_argument("--resave", action="store_true")
parser.add_argument("files", nargs="+")
arguments = parser.parse_args()


def text(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())[:600]}"


def flat_arguments(exported, tensors, call):
    """The leaves of the arguments: tensors as given, baked values as the signature has them."""
    position = 0
    for spec in exported.graph_signature.input_specs:
        kind = spec.kind.name
        if kind == "USER_INPUT":
            if hasattr(spec.arg, "value"):
                yield spec.arg.value
            else:
                yield tensors[f"{call}.in.{position}"]
                position += 1


def run(program, inputs, outputs):
    name = os.path.basename(program).removesuffix(".pt2")
    try:
        exported = torch.export.load(program)
        if arguments.decompose:
            exported = exported.run_decompositions()
        if arguments.resave:
            with tempfile.NamedTemporaryFile(suffix=".pt2") as file:
                torch.export.save(exported, file.name)
                exported = torch.export.load(file.name)
        module = exported.module()
    except Exception as error:
        print(f"{name} load: {text(error)}")
        return
    tensors = {
        name.removesuffix(".pairs"): torch.view_as_complex(tensor) if name.endswith(".pairs") else tensor
        for name, tensor in load_file(inputs).items()
    }
    results = {}
    # A program without tensors as inputs has one call.
    inputs = [spec for spec in exported.graph_signature.input_specs if spec.kind.name == "USER_INPUT" and not hasattr(spec.arg, "value")]
    for call in sorted({int(key.split(".")[0]) for key in tensors}) or ([] if inputs else [0]):
        flat = list(flat_arguments(exported, tensors, call))
        args, kwargs = pytree.tree_unflatten(flat, exported.call_spec.in_spec)
        try:
            with torch.no_grad():
                output = module(*args, **kwargs)
        except Exception as error:
            print(f"{name} {call}: {text(error)}")
            continue
        for position, value in enumerate(pytree.tree_leaves(output)):
            if value is not None:
                value = value if torch.is_tensor(value) else torch.tensor(value)
                value = value.detach().resolve_conj().resolve_neg()
                pairs = ".pairs" if value.is_complex() else ""
                value = torch.view_as_real(value) if pairs else value
                results[f"{call}.out.{position}{pairs}"] = value.clone(memory_format=torch.contiguous_format)
    save_file(results, outputs)


for start in range(0, len(arguments.files), 3):
    run(*arguments.files[start:start + 3])
