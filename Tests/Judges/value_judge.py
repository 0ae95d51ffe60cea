"""Compares what operators give, values or refusals, with what PyTorch gives. Prints one line for each case:

    same | both refuse | differs: WHAT | PyTorch refuses: WHY | PyTorch gives: VALUES"""

import json
import os
import sys

import torch
from torch_judge import call, decode, difference, find, flatten


def bounded(ours, theirs):
    """Their magnitudes, and ours where ours are no finite numbers: what is left to differ are numbers here that are others, or none, there."""
    if not (isinstance(ours, torch.Tensor) and ours.is_floating_point() and ours.shape == theirs.shape):
        return theirs
    return torch.where(ours.isfinite(), theirs, ours).abs()


PRECISION = {torch.float64: 1e-12, torch.float32: 4e-6, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}


def exact(ours, theirs, arguments, factor):
    """Where elements differ by more than the last digits of their dtype, or zeros in their signs, with the arguments' elements that they come of."""
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return f"{ours.dtype} {list(ours.shape)}, PyTorch {theirs.dtype} {list(theirs.shape)}"
    tolerance = factor * PRECISION.get(ours.dtype, 0)
    floor = factor * torch.finfo(ours.dtype).tiny if ours.is_floating_point() else 0
    same = torch.isclose(ours.double(), theirs.double(), rtol=tolerance, atol=floor, equal_nan=True)
    if ours.is_floating_point():
        same &= (ours != 0) | (theirs != 0) | (ours.signbit() == theirs.signbit())
    same = same.flatten()
    wrong = (~same).nonzero().flatten().tolist()
    given = [a.flatten() for a in arguments if isinstance(a, torch.Tensor) and a.numel() == ours.numel()]
    shown = [f"{[g[i].item() for g in given]} -> {ours.flatten()[i].item()}, PyTorch {theirs.flatten()[i].item()}" for i in wrong[:8]]
    return f"{len(wrong)} of {ours.numel()}: {'; '.join(shown)}" if wrong else None


def judge(case):
    try:
        with torch.no_grad():
            arguments = [decode(a) for a in case["arguments"]]
            theirs = call(find(case["name"]), arguments)
            # Some of PyTorch's results lie outside of their memory and can't be read.
            theirs = [t.clone() if isinstance(t, torch.Tensor) else t for t in theirs]
    except Exception as error:
        return f"PyTorch refuses: {type(error).__name__}: {' '.join(str(error).split())[:200]}" if "results" in case else "both refuse"
    if "results" not in case:
        shown = [[list(t.shape), t.flatten()[:6].tolist()] if isinstance(t, torch.Tensor) else t for t in theirs]
        return f"PyTorch gives: {shown}"
    ours = flatten([decode(r) for r in case["results"]])
    if len(ours) != len(theirs):
        return f"differs: {len(ours)} results, PyTorch {len(theirs)}"
    if case["isExact"]:
        found = [exact(a, b, arguments, case["tolerance"]) for a, b in zip(ours, theirs)]
        return "differs: " + "; ".join(filter(None, found)) if any(found) else "same"
    if case["isBoundOnly"]:
        theirs = [bounded(a, b) for a, b in zip(ours, theirs)]
        ours = [a.abs() if isinstance(a, torch.Tensor) and a.dtype.is_floating_point else a for a in ours]
    found = [difference(a, b, case["tolerance"]) for a, b in zip(ours, theirs) if b is not None]
    found = [f"result {i}: {text}" for i, text in enumerate(found) if text]
    return "differs: " + "; ".join(found) if found else "same"


def judge_from(start, cases):
    """Judges the cases from one on in a child process, since some of them kill PyTorch. Gives the number of those that are judged."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        # PyTorch's libraries write messages among the answers.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        with os.fdopen(write_end, "w") as pipe:
            for case in cases[start:]:
                pipe.write(judge(case) + "\n")
                pipe.flush()
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        lines = pipe.read().splitlines()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status > 0:
        sys.exit(f"case {start + len(lines)}, {cases[start + len(lines)]['name']}, could not be judged")
    if status < 0:
        lines.append(f"PyTorch refuses: it dies by signal {-status}")
    for line in lines:
        print(line, flush=True)
    return start + len(lines)


cases = json.load(open(sys.argv[1]))
done = 0
while done < len(cases):
    done = judge_from(done, cases)
