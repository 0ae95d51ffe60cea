#!/usr/bin/env python3
"""PyTorch's side of `operator-times`: how long each call takes.

operator_times.py CASES SECONDS THREADS. CASES is a JSON list of {"name", "arguments", "factor"}; tensors are given small, and repeated `factor`
times along every dimension longer than one. Prints a line for each case: nanoseconds of the fastest call, or `-` and why there is none.
"""
import json
import sys
import time
import warnings

import torch

warnings.simplefilter("ignore")


def tensor(description, factor):
    base = torch.tensor(description["values"], dtype=torch.float64).to(getattr(torch, description["dtype"])).reshape(description["shape"])
    return base.repeat([factor if size > 1 else 1 for size in base.shape]) if factor > 1 else base


def argument(value, factor):
    """A number, text or list is itself; tensors and dtypes come as dictionaries."""
    if isinstance(value, dict):
        return tensor(value, factor) if "values" in value else getattr(torch, value["dtype"])
    if isinstance(value, list):
        return [argument(item, factor) for item in value]
    return value


def prepare(case):
    namespace, name = case["name"].split("::")
    base, _, overload = name.partition(".")
    operator = getattr(getattr(getattr(torch.ops, namespace), base), overload or "default")
    plain, named = [], {}
    for value, parameter in zip(case["arguments"], operator._schema.arguments):
        value = argument(value, case["factor"])
        if value is None and parameter.default_value is not None:
            value = parameter.default_value
        if parameter.kwarg_only:
            named[parameter.name] = value
        else:
            plain.append(value)
    return lambda: operator(*plain, **named)


def fastest(work, seconds):
    """Nanoseconds of a call in the fastest batch; batches are long enough for the clock."""
    work()
    start = time.perf_counter_ns()
    work()
    once = max(time.perf_counter_ns() - start, 1)
    count = max(1, min(1000, 20_000 // once))
    best, end = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter_ns()
        for _ in range(count):
            work()
        best = min(best, (time.perf_counter_ns() - start) / count)
        if time.perf_counter() > end:
            return best


def main():
    cases, seconds, threads = json.load(open(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    with torch.inference_mode():
        for case in cases:
            try:
                print(f"{fastest(prepare(case), seconds):.0f}", flush=True)
            except Exception as error:
                print("-", str(error).split("\n")[0], flush=True)


main()
