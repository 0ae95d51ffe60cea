"""Says where PyTorch has names, and what it has besides.

    python torch_names.py NAMES.json

NAMES.json is a list. Prints a line for each: its places in PyTorch with spaces between, `torch.relu F.relu`, - for none; x stands for a tensor. Then a line
for each of some modules with the names that are not in the list, `torch.nn: CTCLoss ...`."""
import inspect
import json
import sys
import warnings

warnings.simplefilter("ignore")
import torch

names = json.load(open(sys.argv[1]))
F = torch.nn.functional
places = [("torch", torch), ("F", F), ("torch.linalg", torch.linalg), ("torch.special", torch.special), ("torch.nn", torch.nn), ("torch.optim", torch.optim)]
for name in names:
    found = [f"{place}.{name}" for place, module in places if callable(getattr(module, name, None))]
    print(" ".join(found or [f"x.{name}" if hasattr(torch.Tensor, name) else "-"]))


def types(module, base):
    return [name for name, value in vars(module).items() if inspect.isclass(value) and issubclass(value, base) and value is not base]


def functions(module):
    # What is imported there from elsewhere, in place, or of the dispatcher is nobody's vocabulary.
    skipped = ("_torch_function", "boolean_dispatch", "assert_int", "native_")
    return [
        name for name, value in vars(module).items()
        if callable(value) and not inspect.isclass(value) and not name.startswith("_") and not name.endswith(("_", "_ex", "_with_indices"))
        and not any(part in name for part in skipped) and "typing" not in str(value)]


known = set(names)
for place, vocabulary in [
    ("torch.nn", types(torch.nn, torch.nn.Module)), ("torch.nn.functional", functions(F)), ("torch.linalg", functions(torch.linalg)),
    ("torch.special", functions(torch.special)), ("torch.optim", types(torch.optim, torch.optim.Optimizer))]:
    print(f"{place}: " + " ".join(sorted(set(vocabulary) - known, key=str.lower)))
