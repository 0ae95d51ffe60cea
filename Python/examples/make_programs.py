"""Exports what the examples run, with PyTorch: a classifier of 8 x 8 images, and an encoder of sentences.

python make_programs.py FOLDER
"""

import sys
from pathlib import Path

import torch
from torch import nn
from torch.export import Dim


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.classes = nn.Sequential(nn.Linear(32 * 4 * 4, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, pixels):
        return self.classes(self.features(pixels.reshape(-1, 1, 8, 8)).flatten(1))


class Encoder(nn.Module):
    """MiniLM's shape made small: the mean over the tokens that are there, of length 1."""

    def __init__(self, words=1000, width=64, heads=4, layers=2, longest=16):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Embedding(longest, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0, activation="gelu", batch_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, tokens):
        is_there = tokens != 0
        x = self.words(tokens) + self.places(torch.arange(tokens.shape[1]))
        x = self.layers(x, src_key_padding_mask=~is_there)
        weights = is_there.unsqueeze(-1).to(x.dtype)
        return nn.functional.normalize((x * weights).sum(1) / weights.sum(1), dim=1)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    rows = Dim("rows", min=1, max=65536)
    digits = torch.export.export(Digits().eval(), (torch.rand(4, 64),), dynamic_shapes=({0: rows},))
    torch.export.save(digits, folder / "digits.pt2")
    tokens = torch.randint(1, 1000, (4, 16))
    encoder = torch.export.export(Encoder().eval(), (tokens,), dynamic_shapes=({0: rows},))
    torch.export.save(encoder, folder / "encoder.pt2")


if __name__ == "__main__":
    main()
