"""Opens a .pt2 with torch.export.load, runs it, and writes what it gave.

    python check_pt2.py PROGRAM.pt2 INPUTS.safetensors OUTPUTS.safetensors [--resave AGAIN.pt2] [--decompose]

Inputs are called "<call>.in.<n>", in the order of the program's flattened user inputs; outputs "<call>.out.<n>". Calls run one after the
other on one module, so that buffers carry over. Numbers among the outputs become zero-dimensional tensors. Errors of a call are
printed as "<call>: <type>: <text>". With --decompose the program is decomposed to core operators first."""
import argparse
import logging
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)
import torch
import torch.utils._pytree as pytree
from safetensors.torch import load_file, save_file

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("inputs")
parser.add_argument("outputs")
parser.add_argument("--resave")
parser.add_argument("--decompose", action="store_true")
arguments = parser.parse_args()

exported = torch.export.load(arguments.program)
if arguments.decompose:
    exported = exported.run_decompositions()
if arguments.resave:
    torch.export.save(exported, arguments.resave)
module = exported.module()
tensors = load_file(arguments.inputs)
calls = sorted({int(name.split(".")[0]) for name in tensors})
results = {}
in_spec = exported.call_spec.in_spec
for call in calls:
    count = len([name for name in tensors if name.startswith(f"{call}.in.")])
    flat = [tensors[f"{call}.in.{position}"] for position in range(count)]
    args, kwargs = pytree.tree_unflatten(flat, in_spec)
    try:
        with torch.no_grad():
            output = module(*args, **kwargs)
    except Exception as error:
        print(f"{call}: {type(error).__name__}: {error}")
        continue
    for position, value in enumerate(pytree.tree_leaves(output)):
        if value is not None:
            value = value if torch.is_tensor(value) else torch.tensor(value)
            results[f"{call}.out.{position}"] = value.detach().clone().contiguous()
save_file(results, arguments.outputs)
