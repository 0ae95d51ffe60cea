"""PyTorch's side of the embed example: `export_minilm.py <model folder> <text> <output folder>`.

Writes minilm-torch.pt2, Hugging Face's model with mean pooling as PyTorch exports it for any batch and length, and minilm-torch.npz, the text's token ids
and vectors.
"""

import pathlib
import sys

import numpy
import torch

sys.path.append(str(pathlib.Path(__file__).parents[2] / "Benchmarks"))
from models import prepare_torchvision

prepare_torchvision()
from transformers import AutoTokenizer, BertModel

folder, text, output = map(pathlib.Path, sys.argv[1:])


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bert = BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager").eval()

    def forward(self, ids, mask):
        states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.to(torch.float32).unsqueeze(-1)
        mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=1)


with torch.no_grad():
    encoder = Encoder().eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(text.read_text().splitlines(), padding=True, return_tensors="pt", truncation=True, max_length=256)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    numpy.savez(output / "minilm-torch.npz", ids=ids.numpy(), vectors=encoder(ids, mask).numpy())
    sizes = {0: torch.export.Dim("batch", max=1024), 1: torch.export.Dim("length", max=512)}
    program = torch.export.export(encoder, (ids[:2, :7].clone(), mask[:2, :7].clone()), dynamic_shapes=(sizes, sizes))
    torch.export.save(program, output / "minilm-torch.pt2")
