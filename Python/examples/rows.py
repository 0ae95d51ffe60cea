"""What the examples of batch inference share: their command line, made-up rows in Parquet files, a program's results for a batch of them, and the
check of the outcome."""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

import apus

FILES = 64


def width(name):
    return {"digits": 64, "encoder": 16}[name]


def values(name, ids):
    """The numbers of some rows, which follow from their ids: the check needs no file."""
    mixed = ids[:, None].astype(np.uint64) * np.uint64(2654435761) + np.arange(width(name), dtype=np.uint64) * np.uint64(40503)
    mixed = (mixed ^ (mixed >> np.uint64(13))) % np.uint64(1009)
    if name == "digits":
        return (mixed / 1009).astype(np.float32)
    tokens = (mixed % 999 + 1).astype(np.int64)
    lengths = 1 + ids % width(name)
    return np.where(np.arange(width(name)) < lengths[:, None], tokens, 0)


def write(name, count, folder):
    """Rows 0 ..< count as (id, values), in FILES files."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    for part in range(FILES):
        ids = np.arange(part * count // FILES, (part + 1) * count // FILES)
        flat = pa.array(values(name, ids).reshape(-1))
        table = pa.table({"id": ids, "values": pa.FixedSizeListArray.from_arrays(flat, width(name))})
        pq.write_table(table, folder / f"rows-{part:03}.parquet")


def results(name, program, batch):
    """One number for each row: a class, or the first coordinate of a sentence's vector."""
    out = program(np.ascontiguousarray(batch))
    return out.argmax(1).astype(np.float64) if name == "digits" else out[:, 0].astype(np.float64)


def check(name, path, count, folder):
    """That each row came out exactly once, with the result that the program gives it by itself."""
    table = ds.dataset(folder, format="parquet").to_table().to_pandas().sort_values("id")
    ids = table["id"].to_numpy()
    assert len(ids) == count, f"{len(ids)} rows came out of {count}"
    assert (ids == np.arange(count)).all(), "a row is missing, or there twice"
    sample = np.unique(np.random.default_rng(1).integers(0, count, 500))
    program = apus.load(path)
    expected = np.concatenate([results(name, program, values(name, ids[i : i + 1])) for i in sample])
    given = table["result"].to_numpy()[sample]
    assert np.abs(given - expected).max() < 1e-5, "results differ from those of single rows"


def run(engine, description, work):
    """An example's command: makes rows, lets the engine do its work on them, and checks what came out.

    work(options, path, folder, told): reads FOLDER/in, writes FOLDER/out, adds to `told` the process that it killed; gives the seconds it took."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("name", choices=["digits", "encoder"])
    parser.add_argument("program")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill", action="store_true", help="kill a worker half-way")
    options = parser.parse_args()
    path = os.path.abspath(options.program)
    folder = Path(tempfile.mkdtemp(prefix=f"apus-{engine}-"))
    told = []
    try:
        write(options.name, options.rows, folder / "in")
        seconds = work(options, path, folder, told)
        check(options.name, path, options.rows, folder / "out")
        assert not options.kill or told, "no worker was there to be killed"
        died = f", worker {told[0]} killed half-way" if told else ""
        print(f"{engine}: {options.rows} rows of {options.name} once each, {options.rows / seconds:.0f} a second on {options.workers} workers{died}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def module_path():
    """PYTHONPATH for workers, which import this module."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
