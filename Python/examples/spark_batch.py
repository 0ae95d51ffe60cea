"""A program over many rows with PySpark: Arrow batches through a function of pandas, in workers that load the program once.

python spark_batch.py digits programs/digits.pt2 --rows 1000000 --workers 2 --kill
"""

import argparse
import os
import shutil
import signal
import tempfile
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


def kill_an_executor(out, files, told):
    """Once half of the tasks have written their rows, the death of an executor in the midst of its work."""
    while len(list(Path(out).rglob("part-*.parquet"))) < files // 2:
        time.sleep(0.02)
    for process in psutil.Process().children(recursive=True):
        if "CoarseGrainedExecutorBackend" in " ".join(process.cmdline()):
            told.append(process.pid)
            os.kill(process.pid, signal.SIGKILL)
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["digits", "encoder"])
    parser.add_argument("program")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill", action="store_true", help="kill an executor half-way")
    options = parser.parse_args()
    path = os.path.abspath(options.program)
    folder = Path(tempfile.mkdtemp(prefix="apus-spark-"))
    here = os.path.dirname(os.path.abspath(__file__))
    spark = (
        SparkSession.builder.master(f"local-cluster[{options.workers},1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.executorEnv.PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
        .config("spark.executorEnv.APUS_LIBRARY", os.environ.get("APUS_LIBRARY", ""))
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 4096)
        # A task for each file.
        .config("spark.sql.files.openCostInBytes", 1 << 27)
        .getOrCreate()
    )
    try:
        spark.sparkContext.setLogLevel("OFF")
        rows.write(options.name, options.rows, folder / "in")
        told = []
        if options.kill:
            threading.Thread(target=kill_an_executor, args=(folder / "out", rows.FILES, told), daemon=True).start()
        started = time.perf_counter()
        table = spark.read.parquet(str(folder / "in"))
        table.mapInPandas(inference(options.name, path), "id long, result double").write.parquet(str(folder / "out"))
        seconds = time.perf_counter() - started
        rows.check(options.name, path, options.rows, folder / "out")
        assert not options.kill or told, "no executor was there to be killed"
        died = f", executor {told[0]} killed half-way" if told else ""
        print(f"spark: {options.rows} rows of {options.name} once each, {options.rows / seconds:.0f} a second on {options.workers} executors{died}")
    finally:
        spark.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
