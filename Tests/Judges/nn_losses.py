"""Prints, for each loss and its options, the value and the input's gradient as PyTorch computes them in float64."""

import json
import warnings

import torch
import torch.nn.functional as F

warnings.simplefilter("ignore")
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
cases = {}


def write(tensor):
    return {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch."), "data": tensor.detach().flatten().double().tolist()}


def case(name, function, x, target):
    x = x.clone().requires_grad_()
    value = function(x, target)
    coefficients = torch.linspace(-1, 1.5, value.numel()).reshape(value.shape) if value.dim() else torch.tensor(1.0)
    (value * coefficients).sum().backward()
    cases[name] = {"input": write(x), "target": write(target), "value": write(value), "gradient": write(x.grad)}


R = torch.randn
logits, classes = R(5, 4), torch.tensor([1, 0, 3, -100, 2])
image, labels = R(2, 3, 4, 2), torch.randint(0, 3, (2, 4, 2))
weight = torch.tensor([0.5, 1.0, 2.0, 0.3])
probabilities = torch.softmax(R(5, 4), 1)
for reduction in ("mean", "sum", "none"):
    case(f"crossEntropy {reduction}", lambda x, t: F.cross_entropy(x, t, reduction=reduction), logits, classes)
    case(f"crossEntropy smooth {reduction}", lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1, reduction=reduction), logits, classes)
    case(f"crossEntropy weighted {reduction}", lambda x, t: F.cross_entropy(x, t, weight=weight, reduction=reduction), logits, classes)
    case(
        f"crossEntropy weighted smooth {reduction}",
        lambda x, t: F.cross_entropy(x, t, weight=weight, label_smoothing=0.2, reduction=reduction),
        logits,
        classes,
    )
    case(f"crossEntropy image {reduction}", lambda x, t: F.cross_entropy(x, t, ignore_index=1, reduction=reduction), image, labels)
    case(f"crossEntropy probabilities {reduction}", lambda x, t: F.cross_entropy(x, t, reduction=reduction), logits, probabilities)
    case(
        f"crossEntropy probabilities weighted smooth {reduction}",
        lambda x, t: F.cross_entropy(x, t, weight=weight, label_smoothing=0.2, reduction=reduction),
        logits,
        probabilities,
    )
    case(f"nll {reduction}", lambda x, t: F.nll_loss(torch.log_softmax(x, 1), t, reduction=reduction), logits, classes)
    case(f"mse {reduction}", lambda x, t: F.mse_loss(x, t, reduction=reduction), R(3, 4), R(3, 4))
    case(f"l1 {reduction}", lambda x, t: F.l1_loss(x, t, reduction=reduction), R(3, 4), R(3, 4))
    case(f"smoothL1 {reduction}", lambda x, t: F.smooth_l1_loss(x, t, reduction=reduction, beta=0.7), R(3, 4), R(3, 4))
    case(f"bce {reduction}", lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction=reduction), R(3, 4), torch.rand(3, 4))
    case(
        f"bce weighted {reduction}",
        lambda x, t: F.binary_cross_entropy_with_logits(x, t, weight=weight, pos_weight=2 * weight, reduction=reduction),
        R(3, 4) * 30,
        torch.rand(3, 4),
    )
    case(f"klDiv {reduction}", lambda x, t: F.kl_div(torch.log_softmax(x, 1), t, reduction=reduction), R(3, 4), torch.softmax(R(3, 4), 1))
    case(
        f"klDiv log {reduction}",
        lambda x, t: F.kl_div(torch.log_softmax(x, 1), t, reduction=reduction, log_target=True),
        R(3, 4),
        torch.log_softmax(R(3, 4), 1),
    )
case("crossEntropy one", lambda x, t: F.cross_entropy(x, t), R(4), torch.tensor(2))
case("klDiv batchMean", lambda x, t: F.kl_div(torch.log_softmax(x, 1), t, reduction="batchmean"), R(3, 4), torch.softmax(R(3, 4), 1))

print(json.dumps(cases))
