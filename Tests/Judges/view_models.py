"""Files for the pages that `apus view` writes: a transformer, a branch and a loop, ten thousand nodes, and names that attack a page.

    python view_models.py FOLDER
"""
import pathlib, sys

import numpy, onnx, torch
from onnx import TensorProto, helper

ATTACK = "</script><script>window.attacked=1</script><img src=x onerror='window.attacked=1'>"


class Block(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.qkv, self.out = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.mlp = torch.nn.Sequential(torch.nn.Linear(width, 4 * width), torch.nn.GELU(), torch.nn.Linear(4 * width, width))

    def forward(self, x):
        b, n, w = x.shape
        q, k, v = (part.reshape(b, n, self.heads, w // self.heads).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, dim=-1))
        y = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(y.transpose(1, 2).reshape(b, n, w))
        return x + self.mlp(self.norm2(x))


class Transformer(torch.nn.Module):
    def __init__(self, layers=4, width=32):
        super().__init__()
        self.embed = torch.nn.Embedding(100, width)
        self.layers = torch.nn.ModuleList(Block(width, 4) for _ in range(layers))
        self.head = torch.nn.Linear(width, 100)

    def forward(self, tokens):
        x = self.embed(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


class Branch(torch.nn.Module):
    def forward(self, x):
        def then(x):
            return torch.cond(x[0].sum() > 2, lambda x: x.exp(), lambda x: x.tanh() + 1, (x,))

        y = torch.cond(x.sum() > 0, then, lambda x: x.cos() * 2, (x,))
        return y.relu() + x


class Sizes(torch.nn.Module):
    """A branch on a size, and a size that only a run knows."""

    def forward(self, x):
        y = torch.cond(x.shape[0] > 4, lambda x: x.sin(), lambda x: x.cos(), (x,))
        found = (y > 0).nonzero()
        return found * 2, y


def value(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def loop():
    """x doubled as long as a count lasts, and a branch on what that gives."""
    body = helper.make_graph(
        [helper.make_node("Add", ["v", "v"], ["w"], name="double"), helper.make_node("Identity", ["go"], ["on"])],
        "body", [value("i", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("v", [3])], [value("on", [], TensorProto.BOOL), value("w", [3])])
    yes = helper.make_graph([helper.make_node("Sin", ["looped"], ["a"], name="sine")], "yes", [], [value("a", [3])])
    no = helper.make_graph([helper.make_node("Cos", ["looped"], ["b"], name="cosine")], "no", [], [value("b", [3])])
    nodes = [
        helper.make_node("Loop", ["n", "true", "x"], ["looped"], name="loop", body=body),
        helper.make_node("ReduceSum", ["looped"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["y"], name="choice", then_branch=yes, else_branch=no),
    ]
    constants = [helper.make_tensor("true", TensorProto.BOOL, [], [True]), helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])]
    return helper.make_graph(nodes, "loop", [value("x", [3]), value("n", [], TensorProto.INT64)], [value("y", [3])], constants)


def long(count):
    """Sums, each of the last and of one further up."""
    nodes = [helper.make_node("Add", [f"v{i}", f"v{max(0, i - i % 9)}"], [f"v{i + 1}"], name=f"/layers.{i // 10}/Add_{i}") for i in range(count)]
    return helper.make_graph(nodes, "long", [value("v0", [4])], [value(f"v{count}", [4])])


def attack():
    weight = numpy.arange(4, dtype=numpy.float32)
    nodes = [helper.make_node("Mul", ["x" + ATTACK, "w" + ATTACK], ["m" + ATTACK], name="/" + ATTACK.replace("/", "") + "/mul"),
             helper.make_node("Add", ["m" + ATTACK, "w" + ATTACK], ["y" + ATTACK], name=ATTACK)]
    return helper.make_graph(nodes, ATTACK, [value("x" + ATTACK, [4])], [value("y" + ATTACK, [4])], [onnx.numpy_helper.from_array(weight, "w" + ATTACK)])


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    size = torch.export.Dim("n", min=2, max=64)
    torch.export.save(torch.export.export(Transformer().eval(), (torch.ones(1, 8, dtype=torch.int64),), dynamic_shapes=({1: size},)), folder / "transformer.pt2")
    torch.export.save(torch.export.export(Branch().eval(), (torch.ones(4),)), folder / "branch.pt2")
    rows = torch.export.Dim("rows", min=2, max=64)
    torch.export.save(torch.export.export(Sizes().eval(), (torch.ones(6, 3),), dynamic_shapes=({0: rows},)), folder / "sizes.pt2")
    for name, graph in [("loop", loop()), ("long", long(10_000)), ("attack", attack())]:
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), folder / f"{name}.onnx")


if __name__ == "__main__":
    main(sys.argv[1])
