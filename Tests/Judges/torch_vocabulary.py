"""Prints, as JSON, the names that PyTorch has for training: classes of torch.nn, torch.optim and its schedulers, functions of torch.nn.functional,
torch.nn.init and torch.func, by the module that has them."""

import inspect
import json
import warnings

warnings.simplefilter("ignore")
import torch
import torch.func
import torch.optim.lr_scheduler


def classes(module, base):
    return [name for name, value in vars(module).items() if inspect.isclass(value) and issubclass(value, base) and not name.startswith("_")]


def functions(module):
    # What is imported there from elsewhere, in place, or of the dispatcher is nobody's vocabulary.
    skipped = ("_torch_function", "boolean_dispatch", "assert_int", "native_")
    return [
        name for name, value in vars(module).items()
        if callable(value) and not inspect.isclass(value) and not name.startswith("_") and not any(part in name for part in skipped)
        and "typing" not in str(value)]


in_place = lambda names: [name for name in names if not name.endswith("_")]
schedulers = torch.optim.lr_scheduler
UTILITIES = [torch.nn.utils, torch.nn.utils.parametrizations, torch.nn.utils.parametrize, torch.nn.utils.rnn]
vocabulary = {
    "torch.nn": classes(torch.nn, torch.nn.Module),
    "torch.nn.functional": in_place(functions(torch.nn.functional)),
    "torch.nn.init": [name.removesuffix("_") for name in functions(torch.nn.init) if name.endswith("_") or name == "calculate_gain"],
    "torch.nn.utils": [
        name.removesuffix("_") for module in UTILITIES for name in functions(module)
        if getattr(module, name).__module__.startswith("torch.nn.utils")],
    "torch.optim": classes(torch.optim, torch.optim.Optimizer),
    "torch.optim.lr_scheduler": classes(schedulers, schedulers.LRScheduler),
    "torch.func": [name for name in torch.func.__all__] if hasattr(torch.func, "__all__") else functions(torch.func),
}
print(json.dumps({place: sorted(set(names), key=str.lower) for place, names in vocabulary.items()}))
