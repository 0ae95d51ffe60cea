"""PyTorch's cases: each is the same work as the Swift case of the same name; the data may differ, the sizes may not."""
import ctypes

import torch
from torch.nn import functional

from networks import Chain, Digits, Encoder, mlp

CASES = {}
# Where the case 'load' writes its program; apus-bench says it at the start.
FILE = "encoder.pt2"


def case(name):
    """Registers a function that sets up a case and returns what is to be timed."""

    def register(setup):
        CASES[name] = setup
        return setup

    return register


# -- single operations ---------------------------------------------------------------------------------------------------------


@case("add_4")
def add_4():
    a, b = torch.randn(4), torch.randn(4)
    return lambda: a + b


def elementwise(name, size):
    a, b = torch.randn(size), torch.randn(size)
    return {"add": lambda: a + b, "exp": lambda: torch.exp(a), "tanh": lambda: torch.tanh(a), "sum": lambda: torch.sum(a)}[name]


for operation in ("add", "exp", "tanh", "sum"):
    for label, size in (("1m", 1 << 20), ("16m", 1 << 24)):
        case(f"{operation}_{label}")(lambda operation=operation, size=size: elementwise(operation, size))


def matmul(size):
    a, b = torch.randn(size, size), torch.randn(size, size)
    return lambda: a @ b


for size in (64, 256, 1024, 2048):
    case(f"sgemm_{size}")(lambda size=size: matmul(size))


def raw_openblas(size):
    """The system's OpenBLAS itself, without anybody's wrapper: the same library that Apus calls."""
    blas = ctypes.CDLL("libopenblas.so.0")
    blas.openblas_set_num_threads(torch.get_num_threads())
    a, b, c = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
    row_major, plain = 101, 111
    one, zero = ctypes.c_float(1), ctypes.c_float(0)
    pa, pb, pc = (ctypes.c_void_p(t.data_ptr()) for t in (a, b, c))

    def work(keep=(a, b, c)):
        blas.cblas_sgemm(row_major, plain, plain, size, size, size, one, pa, size, pb, size, zero, pc, size)

    work()
    torch.testing.assert_close(c, a @ b, rtol=1e-3, atol=1e-3)
    return work


for size in (1024, 2048):
    case(f"openblas_{size}")(lambda size=size: raw_openblas(size))


@case("softmax")
def softmax():
    x = torch.randn(4096, 1024)
    return lambda: torch.softmax(x, -1)


@case("layer_norm")
def layer_norm():
    x, weight, bias = torch.randn(4096, 1024), torch.randn(1024), torch.randn(1024)
    return lambda: functional.layer_norm(x, (1024,), weight, bias)


# -- models --------------------------------------------------------------------------------------------------------------------


def exported(model, *example):
    return torch.export.export(model.eval(), example).module()


def training_step(model, inputs, targets):
    optimizer = torch.optim.SGD(model.train().parameters(), lr=0.01, momentum=0.9)

    def step():
        with torch.enable_grad():
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    return step


@case("mlp_eager")
def mlp_eager():
    model, x = mlp().eval(), torch.randn(128, 784)
    return lambda: model(x)


@case("mlp_exported")
def mlp_exported():
    x = torch.randn(128, 784)
    program = exported(mlp(), x)
    return lambda: program(x)


@case("mlp_train")
def mlp_train():
    return training_step(mlp(), torch.randn(128, 784), torch.randint(0, 10, (128,)))


@case("digits_eager")
def digits_eager():
    model, x = Digits().eval(), torch.randn(64, 1, 8, 8)
    return lambda: model(x)


@case("digits_exported")
def digits_exported():
    x = torch.randn(64, 1, 8, 8)
    program = exported(Digits(), x)
    return lambda: program(x)


@case("digits_train")
def digits_train():
    return training_step(Digits(), torch.randn(64, 1, 8, 8), torch.randint(0, 10, (64,)))


@case("chain_call")
def chain_call():
    x = torch.randn(4)
    program = exported(Chain(), x)
    return lambda: program(x)


@case("chain_export")
def chain_export():
    model, x = Chain(), torch.randn(4)
    return lambda: torch.export.export(model, (x,))


def tokens():
    return torch.randint(0, 30522, (1, 128))


@case("encoder_eager")
def encoder_eager():
    model, x = Encoder().eval(), tokens()
    return lambda: model(x)


@case("encoder_export")
def encoder_export():
    model, x = Encoder().eval(), tokens()
    return lambda: torch.export.export(model, (x,))


@case("load")
def load():
    # apus-bench opens the same file, so that nobody reads a friendlier one.
    torch.export.save(torch.export.export(Encoder().eval(), (tokens(),)), FILE)
    return lambda: torch.export.load(FILE)
