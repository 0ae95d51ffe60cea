"""Compares results and gradients of operators with PyTorch's. Prints one line for each difference, then `judged N`."""

import base64
import json
import sys
import warnings

import torch
import torch.ao.quantization.fx._decomposed  # registers quantized_decomposed

warnings.filterwarnings("ignore")
torch.set_num_threads(1)


def decode(value):
    if value is None or value == {}:
        return None
    if "tensor" in value:
        dtype = getattr(torch, value["tensor"])
        data = bytearray(base64.b64decode(value["bytes"]))
        if not data:
            return torch.zeros(value["shape"], dtype=dtype)
        return torch.frombuffer(data, dtype=dtype).reshape(value["shape"]).clone()
    if "list" in value:
        return [decode(item) for item in value["list"]]
    if "double" in value:
        return eval(value["double"].replace("inf", "float('inf')").replace("nan", "float('nan')"))
    for kind in ("int", "bool", "string"):
        if kind in value:
            return value[kind]
    return getattr(torch, value["dtype"])


def find(name):
    namespace, rest = name.split("::")
    base, _, overload = rest.partition(".")
    return getattr(getattr(getattr(torch.ops, namespace), base), overload or "default")


def flatten(value):
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in flatten(part)]
    return [value]


def call(operator, arguments):
    parameters = operator._schema.arguments
    arguments = [p.default_value if a is None and p.default_value is not None else a for a, p in zip(arguments, parameters)]
    plain = [a for a, p in zip(arguments, parameters) if not p.kwarg_only]
    named = {p.name: a for a, p in zip(arguments, parameters) if p.kwarg_only}
    return flatten(operator(*plain, **named))


TOLERANCE = {torch.float64: 1e-8, torch.complex128: 1e-8, torch.float16: 4e-3, torch.bfloat16: 3e-2}


# What PyTorch can't do itself is no disagreement: the results are compared without gradients then.
UNJUDGED = ("is not implemented", "not implemented for", "Autograd not support dtype", "is not differentiable with respect to", "could not create a primitive descriptor", "modified by an inplace operation")


def difference(ours, theirs, factor, floor=0):
    if not isinstance(theirs, torch.Tensor):
        if isinstance(theirs, float) and isinstance(ours, (int, float)):
            return None if abs(ours - theirs) <= 1e-5 * factor * (1 + abs(theirs)) or ours != ours and theirs != theirs else f"{ours} != {theirs}"
        return None if ours == theirs else f"{ours} != {theirs}"
    if ours.dtype != theirs.dtype:
        return f"dtype {ours.dtype}, PyTorch {theirs.dtype}"
    if ours.shape != theirs.shape:
        return f"shape {list(ours.shape)}, PyTorch {list(theirs.shape)}"
    tolerance = max(TOLERANCE.get(ours.dtype, 2e-5), floor) * factor if ours.is_floating_point() or ours.is_complex() else 0
    theirs = theirs.detach().resolve_conj().resolve_neg()
    if torch.allclose(ours, theirs, rtol=tolerance, atol=tolerance, equal_nan=True):
        return None
    worst = (ours.to(torch.complex128) - theirs.to(torch.complex128)).abs().max().item()
    return f"differs by {worst}\n  ours   {ours.flatten()[:8].tolist()}\n  theirs {theirs.flatten()[:8].tolist()}".replace("\n", " |")


def judge(case, gradients=True):
    operator = find(case["name"])
    arguments = [decode(a) for a in case["arguments"]]
    tensors = [t for t in flatten(arguments) if isinstance(t, torch.Tensor)]
    wants = [gradients and w is not None for w in case.get("gradients") or [None] * len(tensors)]
    # Results are no more precise than the least precise argument.
    floor = max([TOLERANCE.get(t.dtype, 2e-5) for t in tensors if t.is_floating_point() or t.is_complex()], default=0)
    for tensor, wanted in zip(tensors, wants):
        if wanted:
            tensor.requires_grad_(True)
    results = call(operator, arguments)
    ours = [decode(r) for r in case["results"]]
    ours = [part for r in ours for part in (r if isinstance(r, list) else [r])]
    if len(results) != len(ours):
        return [f"{len(ours)} results, PyTorch {len(results)}"]
    problems = []
    for position, (a, b) in enumerate(zip(ours, results)):
        if b is None:
            continue
        found = difference(a, b, case["tolerance"], floor)
        if found:
            problems.append(f"result {position}: {found}")
    if not any(wants):
        return problems

    def compare(what, mine, theirs):
        for position, (a, b, source) in enumerate(zip(mine, theirs, sources)):
            b = torch.zeros_like(source) if b is None else b
            found = difference(a, b, 4 * case["tolerance"], floor)
            if found:
                problems.append(f"{what} {position}: {found}")

    sources = [t for t, wanted in zip(tensors, wants) if wanted]
    weights = [decode(w) for w in case["weights"]]
    loss = sum((r * w).double().sum() for r, w in zip(results, weights) if w is not None and r is not None and r.requires_grad)
    if not isinstance(loss, torch.Tensor):
        return problems
    first = torch.autograd.grad(loss, sources, create_graph=True, allow_unused=True)
    compare("gradient", [decode(g) for g in case["gradients"] if g is not None], first)
    if case.get("secondGradients") is None:
        return problems
    seconds = [decode(w) for w in case["secondWeights"] if w is not None]
    inner = sum((g * w).double().sum() for g, w in zip(first, seconds) if g is not None and g.requires_grad)
    if isinstance(inner, torch.Tensor) and inner.requires_grad:
        theirs = torch.autograd.grad(inner, sources, allow_unused=True)
    else:
        theirs = [None] * len(sources)
    compare("second gradient", [decode(g) for g in case["secondGradients"] if g is not None], theirs)
    return problems


if __name__ == "__main__":
    cases = json.load(open(sys.argv[1]))
    for case in cases:
        try:
            problems = judge(case)
        except Exception as error:  # an operator that PyTorch refuses is a difference too
            if any(text in str(error) for text in UNJUDGED):
                try:
                    problems = judge(case, gradients=False)
                except Exception as second:
                    problems = [] if any(text in str(second) for text in UNJUDGED) else [f"PyTorch: {second}"]
            else:
                problems = [f"PyTorch: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"]
        for problem in problems:
            print(f"{case['name']}: {problem}")
    print(f"judged {len(cases)}")
