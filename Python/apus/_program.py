"""Programs and their sessions."""

import ctypes
import os
from typing import Any, NamedTuple, Optional, Union

import numpy as np

from ._errors import InvalidArgumentError
from ._library import C, check
from ._tensors import Result, handle, library_of

_DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128")
_WEIGHTS = {None: 0, "bfloat16": 1, "int8": 2}
_UNBOUNDED = (1 << 63) - 1


class ValueInfo(NamedTuple):
    """An input or output of a program."""

    name: str
    dtype: str
    shape: tuple[Union[int, str], ...]
    """Sizes; for an open one its symbol, or an expression of symbols."""
    ranges: tuple[tuple[int, Optional[int]], ...]
    """The least and the largest size that is taken, None where nothing bounds it."""


def _info(pointer) -> ValueInfo:
    told = pointer.contents
    dims = range(told.rank)
    shape = tuple(told.symbols[d].decode() if told.sizes[d] < 0 else told.sizes[d] for d in dims)
    ranges = tuple((told.least[d], None if told.largest[d] >= _UNBOUNDED else told.largest[d]) for d in dims)
    return ValueInfo(told.name.decode(), _DTYPES[told.dtype], shape, ranges)


class _Callable:
    """What programs and sessions share: calling."""

    def __init__(self, pointer, run, free, names, results):
        self._pointer, self._run, self._free = pointer, run, free
        self._names = names
        self._is_bfloat16 = [info.dtype == "bfloat16" for info in results]
        self._array = ctypes.c_void_p * max(len(names), 1)
        self._places = ctypes.c_void_p * max(len(results), 1)

    def __call__(self, /, *inputs: Any, **named: Any) -> Any:
        """Runs on inputs in order, by name, or first some in order and then the others by name.

        Returns the result, or a tuple of the results where there are several."""
        if named:
            inputs = self._ordered(inputs, named)
        handles = self._array()
        count = 0
        try:
            # One too many is the library's to refuse, in its own words.
            if len(inputs) > len(handles):
                raise InvalidArgumentError(f"{len(inputs)} inputs where the program takes {len(self._names)}: {', '.join(self._names)}")
            for value in inputs:
                handles[count] = handle(value).value
                count += 1
            places, error = self._places(), ctypes.c_void_p()
            check(self._run(self._pointer, handles, count, places, len(self._is_bfloat16), ctypes.byref(error)), error)
        finally:
            for index in range(count):
                C.apus_tensor_free(handles[index])
        make = library_of(inputs)
        given = places[: len(self._is_bfloat16)]
        if make is np.from_dlpack and True in self._is_bfloat16:
            results = [Result(*pair) for pair in zip(given, self._is_bfloat16)]
            made = tuple([_numpy(*pair) for pair in zip(results, self._is_bfloat16)])
        else:
            results = [Result(place) for place in given]
            made = tuple([make(result) for result in results])
        return made[0] if len(made) == 1 else made

    def _ordered(self, inputs, named):
        rest = self._names[len(inputs) :]
        missing = [name for name in rest if name not in named]
        unknown = [name for name in named if name not in rest]
        if missing or unknown:
            raise InvalidArgumentError(
                f"inputs are {', '.join(self._names)}"
                + (f"; missing: {', '.join(missing)}" if missing else "")
                + (f"; unknown or given twice: {', '.join(unknown)}" if unknown else "")
            )
        return [*inputs, *(named[name] for name in rest)]

    def __del__(self):
        pointer, self._pointer = getattr(self, "_pointer", None), None
        if pointer is not None:
            self._free(pointer)


def _numpy(result, is_bfloat16):
    if not is_bfloat16:
        return np.from_dlpack(result)
    try:
        import ml_dtypes
    except ImportError:
        raise InvalidArgumentError("a result is bfloat16, which NumPy has not: install ml_dtypes, or give the program PyTorch's tensors") from None
    # NumPy takes none of DLPack's bfloat16: the bits come as numbers.
    return np.from_dlpack(result).view(ml_dtypes.bfloat16)


class Program(_Callable):
    """An exported program. May be called by several threads at once."""

    inputs: list[ValueInfo]
    outputs: list[ValueInfo]

    def __init__(self, pointer):
        self.inputs = [_info(C.apus_program_input(pointer, i)) for i in range(C.apus_program_input_count(pointer))]
        self.outputs = [_info(C.apus_program_output(pointer, i)) for i in range(C.apus_program_output_count(pointer))]
        super().__init__(pointer, C.apus_program_run, C.apus_program_free, [info.name for info in self.inputs], self.outputs)

    def session(self) -> "Session":
        """A state of its own for one user of a program that has buffers, over the program's weights."""
        pointer, error = ctypes.c_void_p(), ctypes.c_void_p()
        check(C.apus_session_create(self._pointer, ctypes.byref(pointer), ctypes.byref(error)), error)
        return Session(pointer, self)

    def __reduce__(self):
        """Sent to another process, it is loaded there from the same file."""
        return _reload, self._origin

    def __repr__(self) -> str:
        def told(infos):
            return ", ".join(f"{info.name}: {info.dtype}[{', '.join(map(str, info.shape))}]" for info in infos)

        return f"<apus.Program({told(self.inputs)}) -> {told(self.outputs)}>"


class Session(_Callable):
    """One user's buffers of a program. Its calls follow each other."""

    def __init__(self, pointer, program):
        super().__init__(pointer, C.apus_session_run, C.apus_session_free, program._names, program.outputs)

    def reset(self) -> None:
        """Brings the buffers back to what they were when the session was made."""
        C.apus_session_reset(self._pointer)


def load(path: Union[str, "os.PathLike[str]"], entry_point: Optional[str] = None, *, weights: Optional[str] = None) -> Program:
    """Opens a `.pt2` file or an ONNX model.

    entry_point: one of a file's programs; the only one, or the one called `model`, by default.
    weights: "bfloat16" or "int8" keeps the weights of products and embeddings in so many bits.
    """
    if weights not in _WEIGHTS:
        raise InvalidArgumentError(f"weights are None, 'bfloat16' or 'int8', not {weights!r}")
    pointer, error = ctypes.c_void_p(), ctypes.c_void_p()
    name = entry_point.encode() if entry_point is not None else None
    check(C.apus_program_load(os.fsencode(path), name, _WEIGHTS[weights], ctypes.byref(pointer), ctypes.byref(error)), error)
    program = Program(pointer)
    program._origin = (os.path.abspath(os.fsdecode(path)), entry_point, weights)
    return program


def _reload(path, entry_point, weights):
    return load(path, entry_point, weights=weights)


def set_thread_count(count: int) -> None:
    """How many threads a call may use, the calling one included; 0 for as many as there are processors."""
    C.apus_set_thread_count(count)
