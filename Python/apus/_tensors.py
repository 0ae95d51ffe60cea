"""Tensors between Python's libraries and Apus, through DLPack: without copies."""

import ctypes
import sys

import numpy as np

from ._errors import InvalidArgumentError
from ._library import C, check

_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype, _pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_name_of = ctypes.pythonapi.PyCapsule_GetName
_name_of.restype, _name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
_rename = ctypes.pythonapi.PyCapsule_SetName
_rename.restype, _rename.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]
_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]
_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype, _new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]

# Capsules' names have to outlive them.
_PLAIN, _USED = b"dltensor", b"used_dltensor"
_VERSIONED, _USED_VERSIONED = b"dltensor_versioned", b"used_dltensor_versioned"
_CPU = (1, 0)


def handle(value):
    """The C library's tensor for a value; the caller frees it."""
    if not hasattr(value, "__dlpack__"):
        value = _array(value)
    try:
        try:
            capsule = value.__dlpack__(max_version=(1, 0))
        except TypeError:  # before DLPack 1, which can't hand over what may not be written
            capsule = value.__dlpack__()
    except (BufferError, RuntimeError) as error:
        # A tensor of gradients, a big-endian array, a text.
        raise InvalidArgumentError(f"{type(value).__name__} can't be handed over: {error}") from None
    tensor, error = ctypes.c_void_p(), ctypes.c_void_p()
    if _name_of(capsule) == _VERSIONED:
        managed = _pointer_of(capsule, _VERSIONED)
        _rename(capsule, _USED_VERSIONED)
        check(C.apus_tensor_from_dlpack_versioned(managed, ctypes.byref(tensor), ctypes.byref(error)), error)
    else:
        managed = _pointer_of(capsule, _PLAIN)
        _rename(capsule, _USED)
        check(C.apus_tensor_from_dlpack(managed, ctypes.byref(tensor), ctypes.byref(error)), error)
    return tensor


def _array(value):
    """Numbers and lists become arrays: float32 for Python's floats, as everywhere in deep learning."""
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind in "USV":
        raise InvalidArgumentError(f"{type(value).__name__} is no tensor")
    is_numpy = isinstance(value, (np.ndarray, np.generic))
    return array.astype(np.float32) if array.dtype == np.float64 and not is_numpy else array


class Result:
    """A result on its way to a library: it takes the memory over through `__dlpack__`, once."""

    __slots__ = ("_tensor", "_as_uint16", "_lent")

    def __init__(self, tensor, as_uint16=False):
        """as_uint16: whether a bfloat16's bits are handed over as numbers, for libraries that don't know the type"""
        self._tensor, self._as_uint16 = tensor, as_uint16
        self._lent = []

    def __dlpack_device__(self):
        return _CPU

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        managed, error = ctypes.c_void_p(), ctypes.c_void_p()
        if max_version is not None and max_version[0] >= 1:
            check(C.apus_tensor_to_dlpack_versioned(self._tensor, ctypes.byref(managed), ctypes.byref(error)), error)
            name = _VERSIONED
        else:
            check(C.apus_tensor_to_dlpack(self._tensor, ctypes.byref(managed), ctypes.byref(error)), error)
            name = _PLAIN
        if self._as_uint16:
            code = managed.value + _CODE[name]
            ctypes.c_uint8.from_address(code).value, ctypes.c_uint8.from_address(code + 1).value = _UINT, 16
        # Without a destructor: Python code must not run while a capsule is being freed.
        capsule = _new_capsule(managed, name, None)
        self._lent.append((capsule, managed.value, name))
        return capsule

    def __del__(self):
        if C is None:
            return
        for capsule, managed, name in self._lent:
            # Whoever takes a tensor out renames its capsule, and gives it back later; what nobody took is given back here.
            if _is_valid(capsule, name):
                _rename(capsule, _USED)
                _Deleter(ctypes.c_void_p.from_address(managed + _DELETER[name]).value)(managed)
        C.apus_tensor_free(self._tensor)


# Where the deleter, and the code of the dtype with the bits after it, stand in each structure.
_DELETER, _CODE = {_PLAIN: 56, _VERSIONED: 16}, {_PLAIN: 20, _VERSIONED: 52}
_UINT = 1
_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def library_of(values):
    """What makes results of the kind of the first tensor among the inputs: `from_dlpack` of its library."""
    for value in values:
        if isinstance(value, np.ndarray):
            break
        module = type(value).__module__.partition(".")[0]
        if module == "torch":
            return sys.modules["torch"].from_dlpack
        if module in ("jax", "jaxlib"):
            return sys.modules["jax"].dlpack.from_dlpack
    return np.from_dlpack
