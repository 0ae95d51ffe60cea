"""Tells what becomes of numbers that are brought into tensors: the first element of the result with its dtype, or that it was refused."""
import json
import math
import sys
import warnings

import torch

warnings.simplefilter("ignore")


def text(value):
    value = float(value)
    return "nan" if math.isnan(value) else repr(value)


def answer(question):
    x = torch.ones(1, dtype=getattr(torch, question["dtype"]))
    scope = {"torch": torch, "x": x, "v": eval(question["number"])}
    try:
        result = eval(question["way"], scope)
    except (RuntimeError, TypeError, ValueError):
        return "refused"
    return f"{str(result.dtype).removeprefix('torch.')} {text(result.reshape(-1)[0].item())}"


with open(sys.argv[1]) as file:
    for question in json.load(file):
        print(answer(question))
