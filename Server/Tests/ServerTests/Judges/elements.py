"""Elements of every datatype that the protocol carries in bytes and NumPy has, their extremes among them."""

import numpy as np

KINDS = {"bool": np.bool_, "uint8": np.uint8, "int8": np.int8, "int16": np.int16, "int32": np.int32, "int64": np.int64,
         "fp16": np.float16, "fp32": np.float32, "fp64": np.float64}


def of_every_kind(count=8):
    """(name, elements) of each."""
    chance = np.random.default_rng(1)
    for name, dtype in KINDS.items():
        if np.issubdtype(dtype, np.integer):
            limits = np.iinfo(dtype)
            x = chance.integers(limits.min, limits.max, count, dtype, endpoint=True)
            x[:2] = limits.min, limits.max
        elif dtype == np.bool_:
            x = chance.integers(0, 2, count).astype(dtype)
        else:
            x = chance.standard_normal(count).astype(dtype)
        yield name, x
