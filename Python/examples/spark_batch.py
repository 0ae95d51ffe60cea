"""A program over many rows with PySpark: Arrow batches through a function of pandas, in workers that load the program once.

python spark_batch.py digits programs/digits.pt2 --rows 1000000 --workers 2 --kill
"""

import os
import threading
import time
from pathlib import Path

import psutil
from pyspark.sql import SparkSession

import rows


def inference(name, path):
    """What a task does with its rows, batch by batch."""

    def run(batches):
        import numpy as np
        import pandas as pd

        import apus

        apus.set_thread_count(1)
        program = apus.load(path)
        for batch in batches:
            yield pd.DataFrame({"id": batch["id"], "result": rows.results(name, program, np.stack(batch["values"]))})

    return run


def is_executor(process):
    try:
        return "CoarseGrainedExecutorBackend" in " ".join(process.cmdline())
    except psutil.Error:  # It has ended meanwhile, or is about to.
        return False


def kill_an_executor(out, files, told):
    """Once half of the tasks have written their rows, the death of an executor in the midst of its work."""
    while len(list(Path(out).rglob("part-*.parquet"))) < files // 2:
        time.sleep(0.02)
    executor = next(process for process in psutil.Process().children(recursive=True) if is_executor(process))
    executor.kill()
    told.append(executor.pid)


def work(options, path, folder, told):
    spark = (
        SparkSession.builder.master(f"local-cluster[{options.workers},1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.executorEnv.PYTHONPATH", rows.module_path())
        .config("spark.executorEnv.APUS_LIBRARY", os.environ.get("APUS_LIBRARY", ""))
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 4096)
        # A task for each file.
        .config("spark.sql.files.openCostInBytes", 1 << 27)
        .getOrCreate()
    )
    try:
        spark.sparkContext.setLogLevel("OFF")
        if options.kill:
            threading.Thread(target=kill_an_executor, args=(folder / "out", rows.FILES, told), daemon=True).start()
        started = time.perf_counter()
        table = spark.read.parquet(str(folder / "in"))
        table.mapInPandas(inference(options.name, path), "id long, result double").write.parquet(str(folder / "out"))
        return time.perf_counter() - started
    finally:
        spark.stop()


if __name__ == "__main__":
    rows.run("spark", __doc__, work)
