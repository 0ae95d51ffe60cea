"""Opens joint (forward and backward) programs with torch.export.load and runs them; computes the same with PyTorch's autograd.

    python joint_programs.py FOLDER NAME...

For each name the folder holds NAME.pt2 and NAME.safetensors with the inputs in.0, in.1 ... It gets NAME.out.safetensors with two sets of
results: "program/<what>" as the file's graph gives them and "autograd/<what>" as the model below, written for PyTorch and given the file's
weights, gives them. <what> is loss, parameter/<name>, input/<name> or buffer/<name>. Prints one line for each program that fails."""
import logging
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x, y):
        return F.cross_entropy(self.second(self.first(x).relu()), y)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(4, 2, bias=False)
        self.decoder = nn.Linear(2, 4, bias=False)
        self.shared = nn.Parameter(torch.zeros(4, 2))
        self.again = self.shared

    def forward(self, x):
        hidden = torch.tanh(x @ self.shared) + self.encoder(x)
        return F.mse_loss(hidden @ self.again.T + self.decoder(hidden), x)


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(4, 3)

    def forward(self, x, y):
        return F.cross_entropy(self.head(self.pool(F.gelu(self.norm(self.conv(x)))).flatten(1)), y, label_smoothing=0.1)


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x):
        y = self.linear(x)
        return y.cos().mean() if x.shape[0] > 3 else (y.sin() * y).sum()


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 11)

    def forward(self, tokens, targets):
        scores = self.head(self.layer(self.embedding(tokens)))
        return F.cross_entropy(scores.flatten(0, 1), targets.flatten())


MODELS = {"mlp": Mlp, "tied": Tied, "norm": Norm, "branch": Branch, "encoder": Encoder}


def run_program(exported, inputs):
    """The graph on the file's state, with every output under its role."""
    arguments, user = [], iter(inputs)
    state = {**exported.state_dict, **exported.constants}
    for spec in exported.graph_signature.input_specs:
        arguments.append(next(user) if spec.kind.name == "USER_INPUT" else state[spec.target])
    with torch.no_grad():
        outputs = exported.graph_module(*arguments)
    results = {}
    for spec, value in zip(exported.graph_signature.output_specs, outputs, strict=True):
        prefix = {
            "LOSS_OUTPUT": "loss", "BUFFER_MUTATION": "buffer/", "GRADIENT_TO_PARAMETER": "parameter/",
            "GRADIENT_TO_USER_INPUT": "input/"}[spec.kind.name]
        results[prefix + (spec.target or "")] = value
    return results


def run_autograd(exported, inputs, name):
    model = MODELS[name]().train()
    model.load_state_dict(exported.state_dict, strict=True)
    user = [spec.arg.name for spec in exported.graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    wanted = {s.target for s in exported.graph_signature.output_specs if s.kind.name == "GRADIENT_TO_USER_INPUT"}
    inputs = [x.clone().requires_grad_() if n in wanted else x for n, x in zip(user, inputs)]
    loss = model(*inputs)
    loss.backward()
    results = {"loss": loss}
    results |= {"parameter/" + key: p.grad for key, p in model.named_parameters() if p.grad is not None}
    results |= {"input/" + key: x.grad for key, x in zip(user, inputs) if x.grad is not None}
    results |= {"buffer/" + key: value for key, value in model.named_buffers()}
    return results


folder, names = sys.argv[1], sys.argv[2:]
for name in names:
    try:
        exported = torch.export.load(f"{folder}/{name}.pt2")
        tensors = load_file(f"{folder}/{name}.safetensors")
        inputs = [tensors[f"in.{i}"] for i in range(len(tensors))]
        results = {f"program/{key}": value for key, value in run_program(exported, inputs).items()}
        results |= {f"autograd/{key}": value for key, value in run_autograd(exported, inputs, name.split("_")[0]).items()}
        save_file({key: value.detach().clone().contiguous() for key, value in results.items()}, f"{folder}/{name}.out.safetensors")
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:800]}")
