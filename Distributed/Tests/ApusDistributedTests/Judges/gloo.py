"""Carries out what `ranks` did, with PyTorch's gloo back end: gloo.py <case> <number of processes> <folder>."""

import os
import sys

import torch
import torch.distributed as dist
import torch.distributed._functional_collectives as functional
import torch.multiprocessing as processes
from safetensors.torch import load_file

case, size, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(1)


def read(name, rank):
    return load_file(f"{folder}/{name}-{rank}.safetensors")


def complex_of(name, tensor):
    return torch.view_as_complex(tensor.contiguous()) if ".complex" in name else tensor


def close(name, ours, theirs):
    ours, theirs = complex_of(name, ours), theirs.contiguous()
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype, (name, ours.shape, theirs.shape, ours.dtype, theirs.dtype)
    # Sums of several are rounded in another order.
    tolerance = {torch.bfloat16: 3e-2, torch.float16: 4e-3, torch.float32: 2e-6, torch.complex64: 2e-6}.get(ours.dtype, 1e-14)
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance, msg=lambda text: f"{name}: {text}")


OPERATIONS = {"sum": dist.ReduceOp.SUM, "product": dist.ReduceOp.PRODUCT, "min": dist.ReduceOp.MIN, "max": dist.ReduceOp.MAX}


def reduced(x, operation):
    if operation == "avg":
        # gloo has none.
        total = x.to(torch.float32) if x.dtype in (torch.float16, torch.bfloat16) else x.clone()
        return (reduced(total, "sum") / size).to(x.dtype)
    if x.dtype == torch.bool:
        # gloo has no truth values: they are numbers, of which those that are not 0 are true.
        return reduced(x.to(torch.uint8), operation) != 0
    if x.dtype == torch.int16:
        return reduced(x.to(torch.int32), operation).to(torch.int16)
    if x.is_complex():
        parts = [torch.empty_like(x) for _ in range(size)]
        gather(parts, x)
        total = torch.stack(parts)
        return total.sum(0) if operation == "sum" else total.prod(0)
    x = x.contiguous().clone()
    dist.all_reduce(x, OPERATIONS[operation])
    return x


def gather(parts, x):
    if x.dtype in (torch.bool, torch.int16):
        # Of these gloo has none.
        wide = [torch.empty(part.shape, dtype=torch.int32) for part in parts]
        dist.all_gather(wide, x.to(torch.int32).contiguous())
        for part, numbers in zip(parts, wide):
            part.copy_(numbers)
        return
    raw = [torch.view_as_real(part) if part.is_complex() else part for part in parts]
    dist.all_gather(raw, torch.view_as_real(x.contiguous()) if x.is_complex() else x.contiguous())


def collectives(rank):
    tensors = read("collectives", rank)
    inputs = sorted(name for name in tensors if name.endswith(".input"))
    assert len(inputs) > 400, len(inputs)
    for name in inputs:
        x, ours = complex_of(name, tensors[name]), tensors[name.replace(".input", ".output")]
        kind, operation = name.split(".")[:2]
        if kind == "all_reduce":
            theirs = reduced(x, operation)
        elif kind == "reduce_scatter":
            theirs = reduced(x, operation).chunk(size)[rank] if x.shape[0] else x
        elif kind == "broadcast":
            parts = [torch.empty_like(x) for _ in range(size)]
            gather(parts, x)
            theirs = parts[int(operation)]
        elif kind == "all_gather":
            parts = [torch.empty_like(x) for _ in range(size)]
            gather(parts, x)
            theirs = torch.cat(parts)
        elif operation == "uneven":
            sizes = [rank + other for other in range(size)]
            theirs = torch.empty_like(x)
            dist.all_to_all_single(theirs, x, sizes, sizes)
        else:
            parts = [torch.empty_like(x) for _ in range(size)]
            gather(parts, x)
            theirs = torch.cat([part.chunk(size)[rank] if part.shape[0] else part for part in parts])
        close(name, ours, theirs)


def operators(rank):
    """PyTorch opens our program, sees its operations and runs them with the same results."""
    program = torch.export.load(f"{folder}/collectives.pt2")
    called = [str(node.target) for node in program.graph.nodes if "_c10d" in str(node.target) and "wait" not in str(node.target)]
    names = ["all_reduce"] * 4 + ["all_gather_into_tensor", "reduce_scatter_tensor", "all_to_all_single", "broadcast"]
    assert called == [f"_c10d_functional.{name}.default" for name in names], called
    tensors = read("operators", rank)
    for columns in (3, 5):
        x = tensors[f"{columns}.input"]
        theirs = program.module()(x)
        for index, result in enumerate(theirs):
            torch.testing.assert_close(tensors[f"{columns}.{index}"], result, rtol=1e-4, atol=1e-5)


class Program(torch.nn.Module):
    def forward(self, x):
        total = torch.ops._c10d_functional.wait_tensor(torch.ops._c10d_functional.all_reduce(x, "sum", "0"))
        y = total.clone()
        torch.ops._c10d_functional.wait_tensor(torch.ops._c10d_functional.all_reduce_(y, "sum", "0"))
        return y + 1


def write_program(rank):
    if rank == 0:
        torch.export.save(torch.export.export(Program(), (torch.ones(4),)), f"{folder}/torch-{size}.pt2")


def gradients(rank):
    tensors = read("gradients", rank)
    group = dist.group.WORLD

    def all_reduced(x):
        return functional.all_reduce(x, "sum", group)

    w = tensors["w"]
    losses = {
        "all_reduce": lambda x: (all_reduced(x * x) * w).sum(),
        "avg": lambda x: (all_reduced(x * x) / size * w).sum(),
        "all_gather": lambda x: (
            functional.all_gather_tensor(x.sin(), 0, group) * functional.all_gather_tensor(w, 0, group)
        ).sum() * (rank + 1),
        "reduce_scatter": lambda x: (functional.reduce_scatter_tensor(x.sin(), "sum", 0, group) * w[:2]).sum(),
        "all_to_all": lambda x: (functional.all_to_all_single(x.sin(), None, None, group) * w).sum(),
    }
    for name, loss in losses.items():
        x = tensors["x"].clone().requires_grad_()
        loss(x).backward()
        close(name, tensors[name], x.grad)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.second = torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 3)
        self.extra, self.idle = torch.nn.Linear(3, 3), torch.nn.Linear(2, 2)
        self.uses_extra = False

    def scores(self, x):
        scores = self.second(self.norm(self.first(x)).relu())
        return scores + self.extra(scores) if self.uses_extra else scores

    def forward(self, x):
        return (self.scores(x) * self.scores(x)).mean()


def parallel(rank):
    tensors = read("parallel", rank)
    model = Network()
    state = {name.removeprefix("state."): tensor for name, tensor in tensors.items() if name.startswith("state.")}
    model.load_state_dict(state)
    model.uses_extra = rank == 0
    wrapped = torch.nn.parallel.DistributedDataParallel(model, find_unused_parameters=True)

    def check(label):
        known = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
        ours = {name.removeprefix(label + "."): tensor for name, tensor in tensors.items() if name.startswith(label + ".")}
        assert ours.keys() == known.keys(), (label, ours.keys(), known.keys())
        assert "extra.weight" in ours and "idle.weight" not in ours
        for name, gradient in known.items():
            torch.testing.assert_close(ours[name], gradient, rtol=1e-5, atol=1e-6, msg=lambda text: f"{label} {name}: {text}")

    wrapped(tensors["x"]).backward()
    check("plain")
    model.zero_grad()
    with wrapped.no_sync():
        wrapped(tensors["x"]).backward()
    wrapped(tensors["y"]).backward()
    check("accumulated")


def run(rank):
    os.environ.update(MASTER_ADDR="127.0.0.1", RANK=str(rank), WORLD_SIZE=str(size))
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous-{case}-{size}", rank=rank, world_size=size)
    globals()[case](rank)
    # A process that leaves before another has found it is an error of that one.
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    processes.start_processes(run, nprocs=size, start_method="fork")
    print("agreed")
