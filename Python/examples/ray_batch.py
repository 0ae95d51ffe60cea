"""A program over many rows with Ray Data: workers load it once and take batch after batch.

python ray_batch.py digits programs/digits.pt2 --rows 1000000 --workers 2 --kill
"""

import os
import signal
import threading
import time

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


def work(options, path, folder, told):
    ray.init(
        num_cpus=options.workers + 1, include_dashboard=False, logging_level="ERROR", runtime_env={"env_vars": {"PYTHONPATH": rows.module_path()}})
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        notes = folder / "notes"
        notes.mkdir()
        if options.kill:
            threading.Thread(target=kill_a_worker, args=(notes, options.rows, told), daemon=True).start()
        started = time.perf_counter()
        inference = dict(fn_constructor_args=(options.name, path, str(notes)), concurrency=options.workers, max_restarts=-1, max_task_retries=-1)
        table = ray.data.read_parquet(str(folder / "in"), override_num_blocks=rows.FILES)
        table.map_batches(Inference, batch_size=4096, **inference).write_parquet(str(folder / "out"))
        return time.perf_counter() - started
    finally:
        ray.shutdown()


if __name__ == "__main__":
    rows.run("ray", __doc__, work)
