"""The networks of the benchmarks that no library brings: small ones, and the shapes that a library would hide."""
import torch
from torch import nn
from torch.nn import functional


def mlp():
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


class Digits(nn.Module):
    """The classifier of the digits example, layer for layer."""

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.norm2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.hidden, self.dropout, self.output = nn.Linear(512, 64), nn.Dropout(0.25), nn.Linear(64, 10)

    def forward(self, x):
        x = torch.relu(self.norm1(self.conv1(x)))
        x = functional.max_pool2d(torch.relu(self.norm2(self.conv2(x))), 2)
        x = self.dropout(torch.relu(self.hidden(x.reshape(x.shape[0], -1))))
        return self.output(x)


class Chain(nn.Module):
    """200 operations on a tiny tensor: what is left is the cost of a call."""

    def forward(self, x):
        for _ in range(50):
            x = (x * 0.5 + 0.25).tanh() + x
        return x


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        split = lambda t: t.reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(split(self.query(x)), split(self.key(x)), split(self.value(x)))
        x = self.norm1(x + self.out(mixed.transpose(1, 2).reshape(batch, length, width)))
        return self.norm2(x + self.down(functional.gelu(self.up(x))))


class Encoder(nn.Module):
    """A text encoder of six layers, about 90 MB of weights."""

    def __init__(self, vocabulary=30522, width=384, heads=12, layers=6):
        super().__init__()
        self.words, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(512, width)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))

    def forward(self, tokens):
        x = self.norm(self.words(tokens) + self.positions(torch.arange(tokens.shape[1])))
        for block in self.blocks:
            x = block(x)
        return x


class Recurrent(nn.Module):
    """The last state of an LSTM, and a classifier on it."""

    def __init__(self, features=64, hidden=256, layers=1):
        super().__init__()
        self.lstm, self.output = nn.LSTM(features, hidden, layers, batch_first=True), nn.Linear(hidden, 10)

    def forward(self, x):
        steps, _ = self.lstm(x)
        return self.output(steps[:, -1])


class UNet(nn.Module):
    """Two convolutions a level, halved and doubled again, with a bridge across each level."""

    def __init__(self, channels=3, classes=2, widths=(32, 64, 128)):
        super().__init__()

        def pair(inner, outer):
            layers = []
            for source in (inner, outer):
                layers += [nn.Conv2d(source, outer, 3, padding=1, bias=False), nn.BatchNorm2d(outer), nn.ReLU()]
            return nn.Sequential(*layers)

        self.down = nn.ModuleList(pair(a, b) for a, b in zip((channels, *widths), widths))
        self.middle = pair(widths[-1], 2 * widths[-1])
        self.grow = nn.ModuleList(nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in reversed(widths))
        self.up = nn.ModuleList(pair(2 * width, width) for width in reversed(widths))
        self.output = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        bridges = []
        for level in self.down:
            bridges.append(level(x))
            x = functional.max_pool2d(bridges[-1], 2)
        x = self.middle(x)
        for grow, level in zip(self.grow, self.up):
            x = level(torch.cat([bridges.pop(), grow(x)], 1))
        return self.output(x)


class Trees(nn.Module):
    """Gradient-boosted trees of one depth: at each level a feature, a threshold and a side, all of them small gathers."""

    def __init__(self, trees=100, depth=6, features=32):
        super().__init__()
        self.depth = depth
        self.register_buffer("roots", torch.arange(trees))
        self.register_buffer("features", torch.randint(0, features, (trees, 2**depth - 1)))
        self.register_buffer("thresholds", torch.randn(trees, 2**depth - 1))
        self.register_buffer("leaves", torch.randn(trees, 2**depth) / trees)

    def forward(self, x):
        node = torch.zeros(x.shape[0], self.roots.shape[0], dtype=torch.int64)
        for _ in range(self.depth):
            value = torch.gather(x, 1, self.features[self.roots, node])
            node = torch.where(value > self.thresholds[self.roots, node], 2 * node + 2, 2 * node + 1)
        score = self.leaves[self.roots, node - (2**self.depth - 1)].sum(1)
        return torch.sigmoid(score)
