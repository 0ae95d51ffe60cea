"""A program over many rows with Ray Data: workers load it once and take batch after batch.

python ray_batch.py digits programs/digits.pt2 --rows 1000000 --workers 2 --kill
"""

import argparse
import os
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import ray

import apus
import rows


class Inference:
    """A worker: an actor that keeps its program. It notes how many rows it has done under its process number."""

    def __init__(self, name, path, notes):
        apus.set_thread_count(1)
        self.name, self.program = name, apus.load(path)
        self.notes = open(os.path.join(notes, str(os.getpid())), "a", buffering=1)

    def __call__(self, batch):
        print(len(batch["id"]), file=self.notes)
        return {"id": batch["id"], "result": rows.results(self.name, self.program, np.stack(batch["values"]))}


def kill_a_worker(notes, count, told):
    """Once workers have taken half of the rows, the death of one in the midst of its work."""
    while sum(int(line) for file in notes.iterdir() for line in file.read_text().splitlines()) < count // 2:
        time.sleep(0.02)
    told.append(int(max(notes.iterdir(), key=lambda file: file.stat().st_mtime).name))
    os.kill(told[0], signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["digits", "encoder"])
    parser.add_argument("program")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill", action="store_true", help="kill a worker half-way")
    options = parser.parse_args()
    path = os.path.abspath(options.program)
    folder = Path(tempfile.mkdtemp(prefix="apus-ray-"))
    try:
        rows.write(options.name, options.rows, folder / "in")
        here = os.path.dirname(os.path.abspath(__file__))
        environment = {"PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}
        ray.init(num_cpus=options.workers + 1, include_dashboard=False, logging_level="ERROR", runtime_env={"env_vars": environment})
        ray.data.DataContext.get_current().enable_progress_bars = False
        told, notes = [], folder / "notes"
        notes.mkdir()
        if options.kill:
            threading.Thread(target=kill_a_worker, args=(notes, options.rows, told), daemon=True).start()
        started = time.perf_counter()
        (
            ray.data.read_parquet(str(folder / "in"), override_num_blocks=rows.FILES)
            .map_batches(Inference, fn_constructor_args=(options.name, path, str(notes)), batch_size=4096, concurrency=options.workers, max_restarts=-1, max_task_retries=-1)
            .write_parquet(str(folder / "out"))
        )
        seconds = time.perf_counter() - started
        rows.check(options.name, path, options.rows, folder / "out")
        assert not options.kill or told, "no worker was there to be killed"
        died = f", worker {told[0]} killed half-way" if told else ""
        print(f"ray: {options.rows} rows of {options.name} once each, {options.rows / seconds:.0f} a second on {options.workers} workers{died}")
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
