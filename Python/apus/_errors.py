"""What goes wrong, as exceptions that are also those a Python programmer catches."""


class Error(Exception):
    """Any error of Apus. Its text names the operator, shapes, dtypes, the file and the place in it, as far as they are known."""


class InvalidArgumentError(Error, ValueError):
    """A mistake in how a function was called."""


class InputError(Error, ValueError):
    """An input that the program does not take: its dtype, shape, or a size outside of the declared ranges."""


class FileError(Error, OSError):
    """A file that can't be read, or is damaged."""


class UnsupportedError(Error, NotImplementedError):
    """Something that Apus does not have."""


class OutOfMemoryError(Error, MemoryError):
    """There was not enough memory."""


class FailedError(Error, RuntimeError):
    """An error while the program ran: a check of its own, an index out of range."""


# By the C library's numbers.
BY_RESULT = {1: InvalidArgumentError, 2: InputError, 3: FileError, 4: UnsupportedError, 5: OutOfMemoryError, 6: FailedError}
