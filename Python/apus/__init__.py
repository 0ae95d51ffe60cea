"""Runs programs that Apus or PyTorch exported (.pt2), and ONNX models.

    program = apus.load("model.pt2")
    y = program(x)

Inputs are NumPy arrays, numbers, or tensors of any library that speaks DLPack; they are not copied. Results are NumPy arrays, or tensors of
PyTorch or JAX where the first tensor among the inputs is one. Calls release the interpreter's lock.
"""

from ._errors import Error, FailedError, FileError, InputError, InvalidArgumentError, OutOfMemoryError, UnsupportedError
from ._program import Program, Session, ValueInfo, load, set_thread_count

__all__ = [
    "Error",
    "FailedError",
    "FileError",
    "InputError",
    "InvalidArgumentError",
    "OutOfMemoryError",
    "Program",
    "Session",
    "UnsupportedError",
    "ValueInfo",
    "load",
    "set_thread_count",
]
__version__ = "0.1.0"
