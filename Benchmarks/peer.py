#!/usr/bin/env python3
"""PyTorch's side of the benchmarks.

Started by apus-bench, which speaks one JSON object a line with it:

    {"prepare": "add_4"}                  -> {"ready": true} | {"missing": "why this case has no peer"}
    {"measure": "add_4", "seconds": 0.2}  -> {"nanoseconds": [per call, one number per sample]}

Each case is the same work as the Swift case of the same name; the data may differ, the sizes may not.
"""
import argparse
import ctypes
import json
import logging
import os
import sys
import time
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)

import torch
from torch import nn
from torch.nn import functional

CASES = {}


def case(name):
    """Registers a function that sets up a case and returns what is to be timed."""

    def register(setup):
        CASES[name] = setup
        return setup

    return register


# -- single operations ---------------------------------------------------------------------------------------------------------


@case("add_4")
def add_4():
    a, b = torch.randn(4), torch.randn(4)
    return lambda: a + b


def elementwise(name, size):
    a, b = torch.randn(size), torch.randn(size)
    return {"add": lambda: a + b, "exp": lambda: torch.exp(a), "tanh": lambda: torch.tanh(a), "sum": lambda: torch.sum(a)}[name]


for operation in ("add", "exp", "tanh", "sum"):
    for label, size in (("1m", 1 << 20), ("16m", 1 << 24)):
        case(f"{operation}_{label}")(lambda operation=operation, size=size: elementwise(operation, size))


def matmul(size):
    a, b = torch.randn(size, size), torch.randn(size, size)
    return lambda: a @ b


for size in (64, 256, 1024, 2048):
    case(f"sgemm_{size}")(lambda size=size: matmul(size))


def raw_openblas(size):
    """The system's OpenBLAS itself, without anybody's wrapper: the same library that Apus calls."""
    blas = ctypes.CDLL("libopenblas.so.0")
    blas.openblas_set_num_threads(torch.get_num_threads())
    a, b, c = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
    row_major, plain = 101, 111
    one, zero = ctypes.c_float(1), ctypes.c_float(0)
    pa, pb, pc = (ctypes.c_void_p(t.data_ptr()) for t in (a, b, c))

    def work(keep=(a, b, c)):
        blas.cblas_sgemm(row_major, plain, plain, size, size, size, one, pa, size, pb, size, zero, pc, size)

    work()
    torch.testing.assert_close(c, a @ b, rtol=1e-3, atol=1e-3)
    return work


for size in (1024, 2048):
    case(f"openblas_{size}")(lambda size=size: raw_openblas(size))


@case("softmax")
def softmax():
    x = torch.randn(4096, 1024)
    return lambda: torch.softmax(x, -1)


@case("layer_norm")
def layer_norm():
    x, weight, bias = torch.randn(4096, 1024), torch.randn(1024), torch.randn(1024)
    return lambda: functional.layer_norm(x, (1024,), weight, bias)


# -- models --------------------------------------------------------------------------------------------------------------------


def exported(model, *example):
    return torch.export.export(model.eval(), example).module()


def training_step(model, inputs, targets):
    optimizer = torch.optim.SGD(model.train().parameters(), lr=0.01, momentum=0.9)

    def step():
        with torch.enable_grad():
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    return step


def mlp():
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


@case("mlp_eager")
def mlp_eager():
    model, x = mlp().eval(), torch.randn(128, 784)
    return lambda: model(x)


@case("mlp_exported")
def mlp_exported():
    x = torch.randn(128, 784)
    program = exported(mlp(), x)
    return lambda: program(x)


@case("mlp_train")
def mlp_train():
    return training_step(mlp(), torch.randn(128, 784), torch.randint(0, 10, (128,)))


class Digits(nn.Module):
    """The classifier of the digits example, layer for layer."""

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.norm2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.hidden, self.dropout, self.output = nn.Linear(512, 64), nn.Dropout(0.25), nn.Linear(64, 10)

    def forward(self, x):
        x = torch.relu(self.norm1(self.conv1(x)))
        x = functional.max_pool2d(torch.relu(self.norm2(self.conv2(x))), 2)
        x = self.dropout(torch.relu(self.hidden(x.reshape(x.shape[0], -1))))
        return self.output(x)


@case("digits_eager")
def digits_eager():
    model, x = Digits().eval(), torch.randn(64, 1, 8, 8)
    return lambda: model(x)


@case("digits_exported")
def digits_exported():
    x = torch.randn(64, 1, 8, 8)
    program = exported(Digits(), x)
    return lambda: program(x)


@case("digits_train")
def digits_train():
    return training_step(Digits(), torch.randn(64, 1, 8, 8), torch.randint(0, 10, (64,)))


class Chain(nn.Module):
    """200 operations on a tiny tensor: what is left is the cost of a call."""

    def forward(self, x):
        for _ in range(50):
            x = (x * 0.5 + 0.25).tanh() + x
        return x


@case("chain_call")
def chain_call():
    x = torch.randn(4)
    program = exported(Chain(), x)
    return lambda: program(x)


@case("chain_export")
def chain_export():
    model, x = Chain(), torch.randn(4)
    return lambda: torch.export.export(model, (x,))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        split = lambda t: t.reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(split(self.query(x)), split(self.key(x)), split(self.value(x)))
        x = self.norm1(x + self.out(mixed.transpose(1, 2).reshape(batch, length, width)))
        return self.norm2(x + self.down(functional.gelu(self.up(x))))


class Encoder(nn.Module):
    """A text encoder of six layers, about 90 MB of weights."""

    def __init__(self, vocabulary=30522, width=384, heads=12, layers=6):
        super().__init__()
        self.words, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(512, width)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))

    def forward(self, tokens):
        x = self.norm(self.words(tokens) + self.positions(torch.arange(tokens.shape[1])))
        for block in self.blocks:
            x = block(x)
        return x


def tokens():
    return torch.randint(0, 30522, (1, 128))


@case("encoder_eager")
def encoder_eager():
    model, x = Encoder().eval(), tokens()
    return lambda: model(x)


@case("encoder_export")
def encoder_export():
    model, x = Encoder().eval(), tokens()
    return lambda: torch.export.export(model, (x,))


@case("load")
def load():
    # apus-bench opens the same file, so that nobody reads a friendlier one.
    torch.export.save(torch.export.export(Encoder().eval(), (tokens(),)), FILE)
    return lambda: torch.export.load(FILE)


# -- measuring -----------------------------------------------------------------------------------------------------------------


def measure(work, seconds):
    """Samples of the time per call. A sample holds enough calls to be well above the clock's resolution."""
    clock = time.perf_counter_ns
    start = clock()
    work()
    calls = max(1, int(50_000 / max(clock() - start, 1)))
    samples, end = [], clock() + int(seconds * 1e9)
    repeat = range(calls)
    while True:
        start = clock()
        for _ in repeat:
            work()
        now = clock()
        samples.append((now - start) / calls)
        if now >= end:
            return samples


def main():
    global FILE
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--file", default="encoder.pt2", help="where the case 'load' writes its program")
    arguments = parser.parse_args()
    FILE = arguments.file
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)

    # Libraries may print; only answers may reach the other side.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**fields):
        answers.write(json.dumps(fields) + "\n")
        answers.flush()

    answer(version=torch.__version__, threads=torch.get_num_threads())
    current, work = None, None
    with torch.no_grad():
        for line in sys.stdin:
            request = json.loads(line)
            try:
                if "prepare" in request:
                    # The last case's data goes first, so that it does not take memory from the next one.
                    current, work = None, None
                    name = request["prepare"]
                    if name not in CASES:
                        answer(missing=f"PyTorch has no counterpart of '{name}'")
                        continue
                    work = CASES[name]()
                    work()
                    current = name
                    answer(ready=True)
                elif request.get("measure") == current and work is not None:
                    answer(nanoseconds=measure(work, request["seconds"]))
                else:
                    answer(missing=f"'{request.get('measure')}' is not prepared")
            except Exception as error:
                answer(missing=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
