"""Small programs saved by PyTorch, with inputs and answers, for the tests of the .pt2 reader.

    python make_archives.py FOLDER

For every program NAME: NAME.pt2 (torch.export.save), NAME.core.pt2 (after run_decompositions) and NAME.safetensors, which holds
"<call>.in.<n>" and "<call>.out.<n>": flattened inputs and outputs of successive calls (state carries over from call to call).
index.json lists the programs, their calls, and what has no tensor form."""
import json
import logging
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)
import torch
import torch.utils._pytree as pytree
from safetensors.torch import save_file
from torch import nn
from torch._higher_order_ops.map import map as map_
from torch._higher_order_ops.scan import scan
from torch._higher_order_ops.while_loop import while_loop
from torch.export import Dim

F = nn.functional
programs = {}


def program(name, dynamic=None, core=True):
    """Registers a function that gives (module, example inputs, further calls)."""
    return lambda make: programs.setdefault(name, (make, dynamic, core))


@program("linear")
def linear():
    return nn.Linear(3, 2), (torch.randn(4, 3),), []


@program("mlp_dynamic", dynamic=({0: Dim("batch", min=2, max=64)},))
def mlp():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 4), nn.Softmax(dim=-1)).eval()
    return model, (torch.randn(5, 8),), [(torch.randn(64, 8),), (torch.randn(2, 8),)]


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("sum", torch.zeros(3))
        self.register_buffer("scale", torch.full((3,), 2.0), persistent=False)

    def forward(self, x):
        self.count.add_(1)
        self.sum += x * self.scale
        return self.sum / self.count, self.count + 0


@program("counter")
def counter():
    return Counter(), (torch.ones(3),), [(torch.randn(3),), (torch.randn(3),)]


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        return self.head(self.embedding(tokens))


@program("tied", dynamic=({1: Dim("length", min=1, max=30)},))
def tied():
    return Tied(), (torch.randint(0, 11, (2, 5)),), [(torch.randint(0, 11, (2, 9)),)]


class InPlace(nn.Module):
    def forward(self, x):
        y = x.clone()
        y.add_(1)
        y[:, 0].mul_(2)
        y[1:].sub_(x[1:] * 3)
        y.t()[2].fill_(7)
        torch.relu_(y)
        z = torch.zeros_like(y)
        z.copy_(y)
        z[0] = 5
        return y, z.add_(y, alpha=2)


@program("in_place")
def in_place():
    return InPlace(), (torch.randn(3, 4),), [(torch.randn(3, 4),)]


class Branch(nn.Module):
    def forward(self, x, y):
        return torch.cond(x.sum() > 0, lambda x, y: x.sin() + y, lambda x, y: (x * y).cos(), (x, y))


@program("branch")
def branch():
    return Branch(), (torch.ones(3), torch.randn(3)), [(-torch.ones(3), torch.randn(3))]


class SizeBranch(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4))

    def forward(self, x):
        n = x.shape[0]
        return torch.cond(n > 3, lambda x: x * self.weight, lambda x: x - self.weight, (x,))


@program("size_branch", dynamic=({0: Dim("n", min=2, max=8)},))
def size_branch():
    return SizeBranch(), (torch.randn(5, 4),), [(torch.randn(2, 4),), (torch.randn(8, 4),)]


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.out = nn.Linear(4 * 2 * 2, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x)), inplace=True), 2)
        return F.log_softmax(self.out(torch.flatten(x, 1)), dim=1)


@program("convnet", dynamic=({0: Dim("batch", min=1, max=16)},))
def convnet():
    model = ConvNet()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(8, 1, 8, 8))
    return model.eval(), (torch.randn(3, 1, 8, 8),), [(torch.randn(16, 1, 8, 8),)]


@program("convnet_train")
def convnet_train():
    return ConvNet().train(), (torch.randn(3, 1, 8, 8),), [(torch.randn(3, 1, 8, 8),)]


class Nested(nn.Module):
    def forward(self, x, pair, table):
        a, b = pair
        return {"sum": x + a, "parts": [b * 2, (table["w"] - table["v"],)], "same": x, "none": None, "number": 3}


@program("nested")
def nested():
    t = torch.randn
    return Nested(), (t(2), (t(2), t(3)), {"w": t(4), "v": t(4)}), []


class Baked(nn.Module):
    def forward(self, x, factor: int, mode: str, flag: bool, nothing=None):
        return x * factor if flag and mode == "mul" else x


@program("baked")
def baked():
    return Baked(), (torch.randn(2), 3, "mul", True, None), []


class StridedWeights(nn.Module):
    def __init__(self):
        super().__init__()
        base = torch.randn(4, 6)
        self.transposed = nn.Parameter(base.t())
        self.register_buffer("slice", torch.arange(24.0).reshape(4, 6)[1:3, ::2])
        self.register_buffer("expanded", torch.randn(1, 5).expand(3, 5))
        self.register_buffer("empty", torch.zeros(0, 3))
        self.register_buffer("brain", torch.randn(5).to(torch.bfloat16))
        self.register_buffer("mask", torch.tensor([True, False, True, True, False]))
        self.constant = torch.randn(6)

    def forward(self, x):
        y = self.transposed @ x
        return y, self.slice + 1, self.expanded * self.brain.float(), self.empty.sum(), self.expanded[0][self.mask], self.constant + y[:, 0]


@program("strided_weights")
def strided_weights():
    return StridedWeights(), (torch.randn(4, 2),), []


class Sizes(nn.Module):
    def forward(self, x, y):
        n, m = x.shape
        a = x.reshape(-1) * (n // 2 + m)
        b = torch.arange(n * 2 + 1, dtype=torch.float32)
        c = torch.cat([x, y], 0)[1:n + 1]
        d = torch.zeros(n - 3, 2) + n / 4
        return a, b, c, d, n + m


@program("sizes", dynamic=({0: Dim("n", min=6, max=20)}, {0: Dim("k", min=2, max=9)}))
def sizes():
    return Sizes(), (torch.randn(7, 4), torch.randn(3, 4)), [(torch.randn(9, 4), torch.randn(2, 4)), (torch.randn(20, 4), torch.randn(9, 4))]


class Item(nn.Module):
    def forward(self, x, y):
        b = y.item()
        torch._check(b >= 3)
        torch._check(b <= 5)
        return x.sum() + torch.ones(b, 4).sum()


@program("item")
def item():
    return Item(), (torch.randn(3), torch.tensor(4)), [(torch.randn(3), torch.tensor(5))]


class Block(nn.Module):
    def __init__(self, width=16, heads=4):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, c))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


@program("transformer", dynamic=({0: Dim("batch", min=1, max=8), 1: Dim("length", min=2, max=32)},))
def transformer():
    return nn.Sequential(Block(), Block()).eval(), (torch.randn(2, 7, 16),), [(torch.randn(1, 32, 16),), (torch.randn(8, 2, 16),)]


class MutatesInput(nn.Module):
    def forward(self, x):
        x.mul_(2)
        return x + 1


@program("mutates_input")
def mutates_input():
    return MutatesInput(), (torch.randn(3),), []


class Pieces(nn.Module):
    def forward(self, x):
        a, b, c = x.split([1, 2, 3], dim=1)
        values, indices = x.topk(2)
        mean, var = torch.var_mean(x, dim=0)
        return [a, b, c], values, indices, mean, var, x.max(dim=1).indices


@program("pieces")
def pieces():
    return Pieces(), (torch.randn(4, 6),), []


class WhileTensor(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4))

    def forward(self, x):
        return while_loop(lambda i, x: i < 5, lambda i, x: (i + 1, (x * self.weight).tanh() + i), (torch.zeros((), dtype=torch.int64), x))


@program("while_tensor", dynamic=({0: Dim("n", min=2, max=8)},))
def while_tensor():
    return WhileTensor(), (torch.randn(3, 4),), [(torch.randn(8, 4),)]


class WhileNumber(nn.Module):
    def forward(self, x):
        return while_loop(lambda i, x: i < 20, lambda i, x: (i + 3, x * 0.5 + i), (x.shape[0], x))


@program("while_number", dynamic=({0: Dim("n", min=2, max=30)},))
def while_number():
    return WhileNumber(), (torch.randn(3, 4),), [(torch.randn(8, 4),), (torch.randn(25, 4),)]


class WhileItem(nn.Module):
    def forward(self, x):
        def body(i, x):
            k = i.item()
            return torch.scalar_tensor(k + 1, dtype=torch.int64), x + k

        return while_loop(lambda i, x: (i < 7) & (x.sum() < 100), body, (torch.zeros((), dtype=torch.int64), x))


@program("while_item", dynamic=({0: Dim("n", min=2, max=8)},))
def while_item():
    return WhileItem(), (torch.randn(3, 4),), [(torch.randn(8, 4),), (torch.randn(2, 4) + 20,)]


class WhileBranch(nn.Module):
    def forward(self, x, y):
        n = x.shape[0]

        def body(i, state):
            state = torch.cond(state.sum() > 0, lambda s: s * 0.5, lambda s: s + n, (state,))
            return i + 1, state + y

        return while_loop(lambda i, x: (i < 3) & (x.sum() < 100), body, (torch.zeros((), dtype=torch.int64), x))


@program("while_branch", dynamic=({0: (rows := Dim("rows", min=2, max=8))}, {0: rows}))
def while_branch():
    return WhileBranch(), (torch.randn(3, 4), torch.randn(3, 4)), [(-torch.ones(5, 4), torch.randn(5, 4))]


class Mapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4))

    def forward(self, x, y):
        return map_(lambda rows: ((rows[0] * self.weight).sin() + y, rows[1].sum()), (x, x * 2))


@program("mapped", dynamic=({0: Dim("n", min=2, max=8)}, None))
def mapped():
    return Mapped(), (torch.randn(3, 4), torch.randn(4)), [(torch.randn(8, 4), torch.randn(4))]


class Scanned(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 4))

    def forward(self, h, x):
        def combine(carried, rows):
            a, b = carried
            a = torch.cond(a.sum() > 0, lambda a: a * 0.5, lambda a: a + 1, (a,))
            a = torch.tanh(a @ self.weight + rows[0])
            return (a, b * rows[1]), (a * 2, {"sum": b + 1})

        return scan(combine, (h, h * 2), (x, x + 1), reverse=True)


@program("scanned", dynamic=(None, {0: Dim("n", min=2, max=8)}))
def scanned():
    return Scanned(), (torch.randn(4), torch.randn(3, 4)), [(torch.randn(4), torch.randn(8, 4))]


class Recurrent(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, *states):
        return self.network(x, *states)


@program("lstm", dynamic=({0: Dim("batch", min=1, max=8)},))
def lstm():
    network = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True, proj_size=2)
    return Recurrent(network), (torch.randn(2, 5, 3),), [(torch.randn(8, 5, 3),), (torch.randn(1, 5, 3),)]


@program("gru")
def gru():
    return Recurrent(nn.GRU(3, 4, bias=False)), (torch.randn(5, 2, 3), torch.randn(1, 2, 4)), []


@program("rnn")
def rnn():
    return Recurrent(nn.RNN(3, 4, num_layers=2, nonlinearity="relu")), (torch.randn(5, 2, 3),), []


class RecurrentSteps(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.gru = nn.LSTMCell(3, 4), nn.GRUCell(4, 4)

    def forward(self, x, h, c):
        h, c = self.lstm(x, (h, c))
        return self.gru(h, c), h


@program("recurrent_steps")
def recurrent_steps():
    return RecurrentSteps(), (torch.randn(2, 3), torch.randn(2, 4), torch.randn(2, 4)), []


class Regions(nn.Module):
    """Casts that no operator of the file makes. Small multiples of a quarter are exact in bfloat16."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 3)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randint(-4, 5, parameter.shape) / 4)

    def forward(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = torch.relu(self.first(x))
            z = self.second(y)
            mean = F.mse_loss(z, z * 2)
            both = torch.cat([z, x[:, :3]])
            with torch.autocast("cpu", enabled=False):
                plain = self.first(x)
            with torch.autocast("cuda", enabled=False):
                again = self.first(x)
            with torch.no_grad():
                product = y @ y.mT
        return y, z.softmax(-1), mean, both, plain, again, product


@program("regions", dynamic=({0: Dim("batch", min=2, max=16)},))
def regions():
    rows = lambda n: (torch.randint(-4, 5, (n, 4)) / 4,)
    return Regions(), rows(3), [rows(2), rows(16)]


class Parts(nn.Module):
    """Operators that are one of several others, with casts of theirs."""

    def forward(self, x):
        with torch.autocast("cpu"):
            padded = F.pad(x @ x.mT, (1, 1), mode="reflect"), F.pad(x @ x.mT, (1, 1))
            return torch.einsum("bi,bj->bij", x, x), torch.einsum("bi,bi->b", x, x), *padded


# PyTorch's decompositions of these are made outside of the region, without its casts.
@program("parts", core=False)
def parts():
    return Parts(), (torch.randint(-4, 5, (3, 4)) / 4,), []


class Ranges(nn.Module):
    def forward(self, x):
        n = x.shape[0]
        return torch.arange(0.0, n / 2, 0.5), torch.arange(0, n, 2.0) + 0.5, torch.arange(n, -1, -1.0)


@program("ranges", dynamic=({0: Dim("n", min=4, max=20)},))
def ranges():
    return Ranges(), (torch.randn(6),), [(torch.randn(4),), (torch.randn(7),), (torch.randn(20),)]


class Split(nn.Module):
    def forward(self, x, positions):
        first, second, third = torch.tensor_split(x, positions, dim=1)
        return first * 2, second.sum(1), third


@program("split", core=False)
def split():
    return Split(), (torch.randn(3, 7), torch.tensor([2, 5])), [(torch.randn(3, 7), torch.tensor([0, 7]))]


def leaves(value):
    return pytree.tree_leaves(value)


def main(folder):
    index = {}
    for number, (name, (make, dynamic, core)) in enumerate(programs.items()):
        torch.manual_seed(number)
        module, example, further = make()
        calls = [example] + further
        clone = lambda args: pytree.tree_map(lambda v: v.clone() if torch.is_tensor(v) else v, args)
        exported = torch.export.export(module, clone(example), dynamic_shapes=dynamic)
        torch.export.save(exported, f"{folder}/{name}.pt2")
        if core:
            torch.export.save(exported.run_decompositions(), f"{folder}/{name}.core.pt2")
        runnable = exported.module()
        tensors, listing = {}, []
        for number, args in enumerate(calls):
            entry = {"in": [], "out": []}
            for kind, values in (("in", leaves(clone(args))), ("out", None)):
                if kind == "out":
                    with torch.no_grad():
                        values = leaves(runnable(*clone(args)))
                for position, value in enumerate(values):
                    if torch.is_tensor(value):
                        tensors[f"{number}.{kind}.{position}"] = value.detach().clone().contiguous()
                        entry[kind].append(None)
                    else:
                        entry[kind].append({"value": value})
            listing.append(entry)
        save_file(tensors, f"{folder}/{name}.safetensors")
        index[name] = {"calls": listing, "core": core, "nodes": len(exported.graph.nodes)}
    json.dump(index, open(f"{folder}/index.json", "w"), indent=1)


main(sys.argv[1])
