"""The Python package, judged by PyTorch, which makes the programs."""

import ctypes
import gc
import os
import pickle
import resource
import threading
import time

import numpy as np
import pytest
import torch

import apus


def export(module, arguments, path, **options):
    torch.export.save(torch.export.export(module.eval(), arguments, **options), str(path))
    return apus.load(path)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 4)

    def forward(self, x, y):
        return self.linear(x).relu() + y, x.sum()


class Counter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("total", torch.zeros(()))

    def forward(self, x):
        self.total.add_(x)
        return self.total.clone()


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    torch.manual_seed(1)
    module = Net()
    path = tmp_path_factory.mktemp("net") / "net.pt2"
    rows = torch.export.Dim("rows", min=1, max=16)
    return module, export(module, (torch.ones(2, 3), torch.ones(4)), path, dynamic_shapes={"x": {0: rows}, "y": None}), path


def test_tells_what_it_takes(net):
    _, program, _ = net
    x, y = program.inputs
    assert (x.name, x.dtype, x.shape[1], x.ranges) == ("x", "float32", 3, ((1, 16), (3, 3)))
    assert isinstance(x.shape[0], str) and y.shape == (4,)
    assert len(program.outputs) == 2 and program.outputs[1].shape == ()
    assert "x: float32[" in repr(program)


@pytest.mark.parametrize("rows", [1, 2, 16])
def test_gives_what_pytorch_gives(net, rows):
    module, program, _ = net
    x, y = torch.randn(rows, 3), torch.randn(4)
    expected = module(x, y)
    first, second = program(x.numpy(), y.numpy())
    assert isinstance(first, np.ndarray) and first.dtype == np.float32
    np.testing.assert_allclose(first, expected[0].detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(second, expected[1].detach().numpy(), rtol=1e-5, atol=1e-6)


def test_results_are_of_the_inputs_kind_and_the_callers(net):
    _, program, _ = net
    x, y = torch.randn(2, 3), torch.randn(4)
    first, _ = program(x, y)
    assert isinstance(first, torch.Tensor)
    array, total = program(x.numpy(), y.numpy())
    assert array.flags.writeable and isinstance(total, np.ndarray) and total.shape == ()
    array[:] = 7
    assert program(x.numpy(), y.numpy())[0].max() != 7


def test_names_numbers_and_lists(net):
    module, program, _ = net
    x, y = [[1.0, 2.0, 3.0]], np.ones(4, np.float32)
    for result in (program(x, y=y), program(y=y, x=x), program(x, [1.0, 1.0, 1.0, 1.0])):
        np.testing.assert_allclose(result[0], module(torch.tensor(x), torch.ones(4))[0].detach().numpy(), rtol=1e-5)
    for wrong in ({"x": x}, {"x": x, "y": y, "z": y}):
        with pytest.raises(apus.InvalidArgumentError, match="x, y"):
            program(**wrong)
    with pytest.raises(apus.InvalidArgumentError, match="twice"):
        program(x, y, x=x)


def test_any_layout(net):
    module, program, _ = net
    wide = np.random.rand(3, 12).astype(np.float32)
    y = np.random.rand(8).astype(np.float32)
    fixed = np.ascontiguousarray(wide.T)
    fixed.flags.writeable = False
    for x in (wide.T, wide.T[::2], fixed, np.asfortranarray(wide.T)):
        expected = module(torch.from_numpy(np.array(x)), torch.from_numpy(y[::2].copy()))[0].detach().numpy()
        np.testing.assert_allclose(program(x, y[::2])[0], expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(apus.UnsupportedError, match="negative"):
        program(wide.T[::-1], y[::2])


def test_refuses_what_it_does_not_take(net):
    _, program, _ = net
    x, y = np.ones((2, 3), np.float32), np.ones(4, np.float32)
    for inputs, error in [
        ((x.astype(np.float64), y), apus.InputError),
        ((np.ones((17, 3), np.float32), y), apus.InputError),
        ((np.ones((0, 3), np.float32), y), apus.InputError),
        ((x[0], y), apus.InputError),
        ((x,), apus.InputError),
        ((x, y, y), ValueError),
        (("text", y), apus.InvalidArgumentError),
        ((None, y), apus.InvalidArgumentError),
        ((x.astype(">f4"), y), apus.InvalidArgumentError),
        ((x.astype("U3"), y), apus.InvalidArgumentError),
    ]:
        with pytest.raises(error):
            program(*inputs)
    assert issubclass(apus.InputError, ValueError)
    # A tensor that records gradients is not to be handed over silently.
    with pytest.raises(apus.InvalidArgumentError):
        program(torch.ones(2, 3, requires_grad=True), torch.ones(4))
    program(x, y)


def test_refuses_files(tmp_path, net):
    with pytest.raises(apus.FileError, match="nothing.pt2"):
        apus.load(tmp_path / "nothing.pt2")
    (tmp_path / "cut.pt2").write_bytes(net[2].read_bytes()[:1000])
    with pytest.raises(OSError, match="cut.pt2"):
        apus.load(tmp_path / "cut.pt2")
    with pytest.raises(apus.FileError, match="other"):
        apus.load(net[2], "other")
    with pytest.raises(apus.InvalidArgumentError):
        apus.load(net[2], weights="int3")


def test_sessions(tmp_path):
    program = export(Counter(), (torch.zeros(()),), tmp_path / "counter.pt2")
    a, b = program.session(), program.session()
    assert [float(a(np.float32(x))) for x in (1, 2, 3)] == [1, 3, 6]
    assert float(b(np.float32(5))) == 5
    a.reset()
    del program
    gc.collect()
    assert float(a(np.float32(1))) == 1


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float64, torch.complex64])
def test_dtypes(tmp_path, dtype):
    class Flip(torch.nn.Module):
        def forward(self, x):
            return x.flip(0)

    x = torch.tensor([0, 1, 1, 0, 1]).to(dtype)
    program = export(Flip(), (x,), tmp_path / "flip.pt2")
    assert torch.equal(program(x), x.flip(0))
    if dtype != torch.bfloat16:
        assert np.array_equal(program(x.numpy()), x.flip(0).numpy())


def test_bfloat16_of_numpy(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")

    class Narrow(torch.nn.Module):
        def forward(self, x):
            return x.to(torch.bfloat16), x.sum()

    x = torch.tensor([0.5, -1.0, 3.0])
    program = export(Narrow(), (x,), tmp_path / "narrow.pt2")
    narrow, total = program(x.numpy())
    assert narrow.dtype == ml_dtypes.bfloat16 and list(narrow.astype(np.float32)) == [0.5, -1.0, 3.0]
    assert total.dtype == np.float32 and total == 2.5


def test_what_is_not_taken_is_given_back(net):
    from apus import _library, _tensors

    def capsule(version):
        place, error = ctypes.c_void_p(), ctypes.c_void_p()
        data, sizes = (ctypes.c_float * 4)(1, 2, 3, 4), (ctypes.c_int64 * 1)(4)
        _library.C.apus_tensor_copy(data, 8, 1, sizes, ctypes.byref(place), ctypes.byref(error))
        result = _tensors.Result(place)
        made = result.__dlpack__(max_version=version)
        del result
        gc.collect()
        return made

    # Nobody can take out what was given back.
    for version in (None, (1, 0)):
        assert _tensors._name_of(capsule(version)).startswith(b"used_")


def test_is_sent_to_other_processes(tmp_path, net, monkeypatch):
    module, _, path = net
    monkeypatch.chdir(path.parent)
    program = pickle.loads(pickle.dumps(apus.load(path.name)))
    monkeypatch.chdir("/")
    again = pickle.loads(pickle.dumps(program))
    x, y = np.ones((2, 3), np.float32), np.zeros(4, np.float32)
    assert (again(x, y)[0] == net[1](x, y)[0]).all()
    with pytest.raises(Exception):
        pickle.dumps(export(Counter(), (torch.ones(()),), tmp_path / "counter.pt2").session())


def test_inputs_may_be_named_self(tmp_path):
    class Twice(torch.nn.Module):
        def forward(self, x):
            return x * 2

    program = export(Twice(), (torch.ones(2),), tmp_path / "twice.pt2")
    with pytest.raises(apus.InvalidArgumentError, match="unknown"):
        program(self=np.ones(2, np.float32))


def test_onnx(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in "xy")
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=[helper.make_opsetid("", 18)]), tmp_path / "relu.onnx")
    program = apus.load(tmp_path / "relu.onnx")
    assert program.inputs[0].shape[0] == "n"
    assert np.array_equal(program(np.array([[-1, 2]], np.float32)), [[0, 2]])


def test_threads_run_at_once(tmp_path):
    class Slow(torch.nn.Module):
        def forward(self, x):
            for _ in range(6):
                x = x @ x * 0.01
            return x

    x = np.random.rand(600, 600).astype(np.float32)
    program = export(Slow(), (torch.from_numpy(x),), tmp_path / "slow.pt2")
    expected = program(x)
    # While one thread is in a call, another one goes on.
    counts, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counts[0] += 1
            time.sleep(0)

    counter = threading.Thread(target=count)
    counter.start()
    before = counts[0]
    for _ in range(5):
        program(x)
    during = counts[0] - before
    stop.set()
    counter.join()
    assert during > 5
    results = [None] * 4
    threads = [threading.Thread(target=lambda i=i: results.__setitem__(i, program(x))) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(result, expected) for result in results)


def test_memory_stays(net):
    _, program, _ = net
    x, y = np.ones((16, 3), np.float32), np.ones(4, np.float32)

    def rounds(count):
        for _ in range(count):
            program(x, y)
            try:
                program(x)
            except apus.InputError:
                pass

    rounds(500)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rounds(5000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096  # KiB


def test_inputs_are_not_copied_and_live_on(net):
    # A result that is an input's memory would let one write the other.
    class Same(torch.nn.Module):
        def forward(self, x):
            return x, x

    path = os.path.join(os.path.dirname(net[2]), "same.pt2")
    program = export(Same(), (torch.ones(4),), path)
    x = np.arange(4, dtype=np.float32)
    a, b = program(x)
    a[0] = 9
    assert x[0] == 0 and b[0] == 0
    del x
    gc.collect()
    assert list(b) == [0, 1, 2, 3]
