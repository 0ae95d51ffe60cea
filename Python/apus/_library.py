"""The C library: its functions with the types of their arguments (see apus.h)."""

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_void_p

from ._errors import BY_RESULT, Error


class ValueInfo(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("dtype", c_int),
        ("rank", c_int32),
        ("sizes", POINTER(c_int64)),
        ("symbols", POINTER(c_char_p)),
        ("least", POINTER(c_int64)),
        ("largest", POINTER(c_int64)),
    ]


FUNCTIONS = {
    "apus_abi_version": (c_uint32, []),
    "apus_error_message": (c_char_p, [c_void_p]),
    "apus_error_free": (None, [c_void_p]),
    "apus_program_load": (c_int, [c_char_p, c_char_p, c_int, c_void_p, c_void_p]),
    "apus_program_free": (None, [c_void_p]),
    "apus_set_thread_count": (None, [c_int32]),
    "apus_program_input_count": (c_size_t, [c_void_p]),
    "apus_program_output_count": (c_size_t, [c_void_p]),
    "apus_program_input": (POINTER(ValueInfo), [c_void_p, c_size_t]),
    "apus_program_output": (POINTER(ValueInfo), [c_void_p, c_size_t]),
    "apus_program_run": (c_int, [c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p]),
    "apus_session_create": (c_int, [c_void_p, c_void_p, c_void_p]),
    "apus_session_free": (None, [c_void_p]),
    "apus_session_run": (c_int, [c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p]),
    "apus_session_reset": (None, [c_void_p]),
    "apus_tensor_copy": (c_int, [c_void_p, c_int, c_int32, c_void_p, c_void_p, c_void_p]),
    "apus_tensor_free": (None, [c_void_p]),
    "apus_tensor_from_dlpack": (c_int, [c_void_p, c_void_p, c_void_p]),
    "apus_tensor_from_dlpack_versioned": (c_int, [c_void_p, c_void_p, c_void_p]),
    "apus_tensor_to_dlpack": (c_int, [c_void_p, c_void_p, c_void_p]),
    "apus_tensor_to_dlpack_versioned": (c_int, [c_void_p, c_void_p, c_void_p]),
}


def _open():
    # Beside the module, as in a wheel; or wherever APUS_LIBRARY says, for work on the library itself.
    path = os.environ.get("APUS_LIBRARY") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "libapus.so")
    library = ctypes.CDLL(path)
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    if library.apus_abi_version() >> 16 != 1:
        raise ImportError(f"{path} has version {library.apus_abi_version() >> 16} of the C interface, not 1")
    return library


C = _open()


def check(result, error):
    """Raises what a call reported through its last argument, a `c_void_p`."""
    if result == 0:
        return
    text = C.apus_error_message(error).decode("utf-8", "replace") if error else "no memory for a message"
    C.apus_error_free(error)
    raise BY_RESULT.get(result, Error)(text)
