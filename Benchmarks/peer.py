#!/usr/bin/env python3
"""The other side of the benchmarks: PyTorch's cases, or the models under one of the runtimes.

Started by apus-bench, which speaks one JSON object a line with it:

    {"prepare": "add_4"}                  -> {"ready": true} | {"missing": "why this case has no peer"}
    {"measure": "add_4", "seconds": 0.2}  -> {"turn": {"nanoseconds": per call, the median of the samples,
                                                       "mean_nanoseconds": the same as the mean of all calls,
                                                       "processor_nanoseconds": such a mean, all threads together,
                                                       "process_nanoseconds": of the whole turn}}
    {"memory": true}                      -> {"memory": {"peak_bytes": of this process, "base_bytes": before it had a model}}
    {"check": true}                       -> {} | {"missing": "what is wrong with the answers"}
"""
import argparse
import json
import logging
import os
import statistics
import sys
import time
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)


class Cases:
    """PyTorch's cases of single operations, small networks and programs."""

    def __init__(self, file, threads):
        import torch

        import cases

        cases.FILE = file
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        torch.manual_seed(0)
        self.cases, self.version = cases.CASES, torch.__version__

    def prepare(self, name):
        if name not in self.cases:
            raise LookupError(f"PyTorch has no counterpart of '{name}'")
        work = self.cases[name]()
        work()
        return work


class Models:
    """The models under a runtime."""

    def __init__(self, runtime, folder, threads):
        import runtimes

        self.runtimes, self.runtime = runtimes, runtimes.RUNTIMES[runtime](folder, threads)
        self.version, self.base = self.runtime.version, None

    def prepare(self, name):
        self.runtime.imports(name)
        self.base = status("VmRSS")
        work = self.runtime.load(name)
        work()
        return work

    def check(self, name, work):
        """Compares with what PyTorch answered when the model was written."""
        return self.runtimes.difference(self.runtimes.leaves(work()), self.runtime.expected(name))

    def memory(self):
        return {"peak_bytes": status("VmHWM"), "base_bytes": self.base}


def status(field):
    """A number of bytes that Linux knows of this process. `ru_maxrss` would count the process that started this one."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def measure(work, seconds):
    """What a call takes, from samples for so many seconds. A sample holds enough calls to be well above the clock's resolution."""
    clock, processor = time.perf_counter_ns, time.process_time_ns
    beginning, start = processor(), clock()
    work()
    calls = max(1, int(50_000 / max(clock() - start, 1)))
    repeat = range(calls)
    samples, end, busy = [], clock() + int(seconds * 1e9), processor()
    while True:
        start = clock()
        for _ in repeat:
            work()
        now = clock()
        samples.append((now - start) / calls)
        if now >= end:
            break
    last = processor()
    return {
        "nanoseconds": statistics.median(samples),
        "mean_nanoseconds": statistics.fmean(samples),
        "processor_nanoseconds": (last - busy) / (calls * len(samples)),
        "process_nanoseconds": last - beginning,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--file", default="encoder.pt2", help="where the case 'load' writes its program")
    parser.add_argument("--runtime", choices=["pytorch", "onnxruntime", "openvino"], help="run models instead of PyTorch's cases")
    parser.add_argument("--models", default=".", help="the folder that models.py wrote")
    arguments = parser.parse_args()

    # Libraries may print; only answers may reach the other side.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**fields):
        answers.write(json.dumps(fields) + "\n")
        answers.flush()

    if arguments.runtime:
        side = Models(arguments.runtime, arguments.models, arguments.threads)
    else:
        side = Cases(arguments.file, arguments.threads)
    answer(version=side.version)
    current, work = None, None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "prepare" in request:
                # The last case's data goes first, so that it does not take memory from the next one.
                current, work = None, None
                work = side.prepare(request["prepare"])
                current = request["prepare"]
                answer(ready=True)
            elif "memory" in request:
                answer(memory=side.memory())
            elif "check" in request:
                answer(missing=side.check(current, work))
            elif request.get("measure") == current and work is not None:
                answer(turn=measure(work, request["seconds"]))
            else:
                answer(missing=f"'{request.get('measure')}' is not prepared")
        except LookupError as error:
            answer(missing=str(error))
        except Exception as error:
            answer(missing=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
