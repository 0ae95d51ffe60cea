"""Prints, for each layer, weights, inputs, the output and all gradients as PyTorch computes them in float64.

The loss is the sum of the output times fixed coefficients, so that no gradient is trivially one or zero."""

import json
import warnings

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

warnings.simplefilter("ignore")
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
cases = {}


def write(tensor):
    return {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch."), "data": tensor.detach().flatten().double().tolist()}


def case(name, module, *inputs, call=None, train=False, steps=1):
    """Runs the module and records everything. Affine parameters are moved off 1 and 0 first."""
    module.train(train)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
        for key, buffer in module.named_buffers():
            if buffer.is_floating_point():
                buffer.add_(torch.rand_like(buffer) * 0.3)
    state = {key: write(value.clone()) for key, value in module.state_dict().items()}
    inputs = [x.clone().requires_grad_() if x.is_floating_point() else x for x in inputs]
    for _ in range(steps):
        output = call(module, *inputs) if call else module(*inputs)
    coefficients = torch.linspace(-1, 1.5, output.numel()).reshape(output.shape)
    loss = (output * coefficients).sum()
    module.zero_grad()
    loss.backward()
    cases[name] = {
        "state": state,
        "inputs": [write(x) for x in inputs],
        "output": write(output),
        "gradients": {key: write(p.grad) for key, p in module.named_parameters() if p.grad is not None},
        "inputGradients": [x.grad if x.grad is None else write(x.grad) for x in inputs if x.is_floating_point()],
        "stateAfter": {key: write(value) for key, value in module.state_dict().items()},
    }


R = torch.randn
case("linear", nn.Linear(4, 3), R(2, 5, 4))
case("linear without bias", nn.Linear(4, 3, bias=False), R(4))
W = nn.utils.parametrizations
case("weight norm", W.weight_norm(nn.Linear(4, 3)), R(2, 4))
case("weight norm columns", W.weight_norm(nn.Conv2d(3, 4, 3), dim=1), R(2, 3, 5, 5))
case("weight norm whole", W.weight_norm(nn.Linear(4, 3), dim=None), R(2, 4))
case("weight norm recurrent", W.weight_norm(nn.RNN(3, 4, batch_first=True), "weight_hh_l0"), R(2, 5, 3), call=lambda m, x: m(x)[0])
case("spectral norm train", W.spectral_norm(nn.Linear(4, 3)), R(2, 4), train=True, steps=2)
case("spectral norm eval", W.spectral_norm(nn.Conv2d(3, 4, 3), n_power_iterations=2), R(2, 3, 5, 5))
case("spectral norm transposed train", W.spectral_norm(nn.ConvTranspose2d(3, 4, 3)), R(2, 3, 5, 5), train=True)
case("spectral norm vector", W.spectral_norm(nn.PReLU(4)), R(2, 4))


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T


nn.utils.parametrize.register_parametrization(symmetric := nn.Linear(4, 4), "weight", Symmetric())
case("parametrized", W.spectral_norm(symmetric), R(2, 4))
case("conv1d", nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), R(2, 4, 11))
case("conv2d", nn.Conv2d(3, 4, 3, padding=1), R(2, 3, 6, 5))
case("conv2d options", nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2, bias=False), R(2, 4, 8, 7))
case("conv2d without batch", nn.Conv2d(3, 4, 3), R(3, 6, 5))
case("convtranspose2d", nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), R(2, 4, 5, 4))
case("batchnorm1d eval", nn.BatchNorm1d(3), R(5, 3))
case("batchnorm1d train", nn.BatchNorm1d(3), R(5, 3, 4), train=True)
case("batchnorm2d eval", nn.BatchNorm2d(3), R(2, 3, 4, 4))
case("batchnorm2d train", nn.BatchNorm2d(3, eps=1e-3, momentum=0.3), R(2, 3, 4, 4), train=True, steps=3)
case("batchnorm2d plain", nn.BatchNorm2d(3, affine=False, track_running_stats=False), R(2, 3, 4, 4))
case("layernorm", nn.LayerNorm(6), R(2, 3, 6))
case("layernorm two dims", nn.LayerNorm([3, 4], eps=1e-3), R(2, 3, 4))
case("layernorm plain", nn.LayerNorm(6, elementwise_affine=False), R(2, 3, 6))
case("groupnorm", nn.GroupNorm(2, 6), R(2, 6, 3, 3))
case("rmsnorm", nn.RMSNorm(6), R(2, 3, 6))
case("rmsnorm eps", nn.RMSNorm(6, eps=1e-2), R(2, 3, 6))
case("embedding", nn.Embedding(7, 3), torch.tensor([[1, 2, 2], [6, 0, 1]]))
case("embedding padding", nn.Embedding(7, 3, padding_idx=2), torch.tensor([[1, 2, 2], [6, 0, 1]]))
case("relu", nn.ReLU(), R(3, 4))
case("gelu", nn.GELU(), R(3, 4))
case("gelu tanh", nn.GELU(approximate="tanh"), R(3, 4))
case("silu", nn.SiLU(), R(3, 4))
case("sigmoid", nn.Sigmoid(), R(3, 4))
case("tanh", nn.Tanh(), R(3, 4))
case("softmax", nn.Softmax(dim=1), R(3, 4))
case("identity", nn.Identity(), R(3, 4))
case("flatten", nn.Flatten(), R(2, 3, 4))
case("maxpool2d", nn.MaxPool2d(2), R(2, 3, 6, 5))
case("maxpool2d options", nn.MaxPool2d((3, 2), stride=(2, 1), padding=1, ceil_mode=True), R(2, 3, 6, 5))
case("avgpool2d", nn.AvgPool2d(2), R(2, 3, 6, 5))
case("avgpool2d options", nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), R(2, 3, 6, 5))
case("adaptiveavgpool2d", nn.AdaptiveAvgPool2d((2, 3)), R(2, 3, 5, 7))
case("sequential", nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)), R(3, 4))

same = lambda m, x: m(x, x, x, need_weights=False)[0]
case("attention", nn.MultiheadAttention(8, 2), R(5, 3, 8), call=lambda m, x: m(x, x, x)[0])
case("attention batch first", nn.MultiheadAttention(8, 2, batch_first=True), R(3, 5, 8), call=same)
case("attention without batch", nn.MultiheadAttention(8, 4, bias=False), R(5, 8), call=same)
case("cross attention", nn.MultiheadAttention(8, 2, kdim=6, vdim=4, batch_first=True), R(3, 5, 8), R(3, 7, 6), R(3, 7, 4), call=lambda m, q, k, v: m(q, k, v)[0])
case("cross attention packed", nn.MultiheadAttention(8, 2, batch_first=True), R(3, 5, 8), R(3, 7, 8), R(3, 7, 8), call=lambda m, q, k, v: m(q, k, v)[0])
causal = torch.ones(5, 5, dtype=torch.bool).triu(1)
padding = torch.tensor([[False] * 5, [False, False, False, True, True], [False, True, False, False, False]])
case(
    "attention masks",
    nn.MultiheadAttention(8, 2, batch_first=True),
    R(3, 5, 8),
    call=lambda m, x: m(x, x, x, attn_mask=causal, key_padding_mask=padding)[0],
)
case(
    "attention float mask",
    nn.MultiheadAttention(8, 2, batch_first=True),
    R(3, 5, 8),
    R(6, 5, 5),
    call=lambda m, x, mask: m(x, x, x, attn_mask=mask)[0],
)
case(
    "attention causal",
    nn.MultiheadAttention(8, 2, batch_first=True),
    R(3, 5, 8),
    call=lambda m, x: m(x, x, x, attn_mask=causal, is_causal=True, need_weights=False)[0],
)
case("encoder layer", nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0), R(5, 3, 8), train=True)
case(
    "encoder layer norm first",
    nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True),
    R(3, 5, 8),
    train=True,
)
encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
case("encoder", nn.TransformerEncoder(encoder, 2, norm=nn.LayerNorm(8), enable_nested_tensor=False), R(3, 5, 8), train=True)


def everything(m, *inputs):
    """All results of a recurrent layer in one vector; the states that it begins with come one by one."""
    x, *states = inputs
    results = m(x, *([tuple(states)] if len(states) > 1 else states))
    return torch.cat([tensor.flatten() for tensor in tree_leaves(results)])


both = dict(num_layers=2, bidirectional=True, batch_first=True)
case("lstm", nn.LSTM(3, 4), R(5, 2, 3), call=everything)
case("lstm options", nn.LSTM(3, 4, proj_size=2, **both), R(2, 5, 3), R(4, 2, 2), R(4, 2, 4), call=everything)
case("lstm without batch", nn.LSTM(3, 4, num_layers=2, bias=False), R(5, 3), R(2, 4), R(2, 4), call=everything)
# Nothing of a layer's output is left, so that there is no chance in it.
case("lstm dropout train", nn.LSTM(3, 4, dropout=1.0, **both), R(2, 5, 3), call=everything, train=True)
case("gru", nn.GRU(3, 4), R(5, 2, 3), R(1, 2, 4), call=everything)
case("gru options", nn.GRU(3, 4, **both), R(2, 5, 3), call=everything)
case("rnn", nn.RNN(3, 4, **both), R(2, 5, 3), R(4, 2, 4), call=everything)
case("rnn relu", nn.RNN(3, 4, nonlinearity="relu", bias=False, batch_first=True), R(5, 3), call=everything)
case("lstm cell", nn.LSTMCell(3, 4), R(2, 3), R(2, 4), R(2, 4), call=everything)
case("lstm cell without batch", nn.LSTMCell(3, 4, bias=False), R(3), call=everything)
case("gru cell", nn.GRUCell(3, 4), R(2, 3), R(2, 4), call=everything)
case("rnn cell", nn.RNNCell(3, 4), R(2, 3), call=everything)
case("rnn cell relu", nn.RNNCell(3, 4, nonlinearity="relu"), R(3), R(4), call=everything)

# Functions without weights.
for name, module in {
    "relu6": nn.ReLU6(), "mish": nn.Mish(), "logsigmoid": nn.LogSigmoid(), "hardsigmoid": nn.Hardsigmoid(), "hardswish": nn.Hardswish(),
    "tanhshrink": nn.Tanhshrink(), "hardtanh": nn.Hardtanh(-0.5, 0.7), "hardshrink": nn.Hardshrink(), "softshrink": nn.Softshrink(0.3),
    "softplus": nn.Softplus(beta=2, threshold=1), "softsign": nn.Softsign(), "elu": nn.ELU(0.7), "celu": nn.CELU(0.7), "selu": nn.SELU(),
    "leakyrelu": nn.LeakyReLU(0.2), "prelu": nn.PReLU(), "prelu channels": nn.PReLU(4), "rrelu": nn.RReLU(), "threshold": nn.Threshold(0.1, 5),
    "glu": nn.GLU(), "logsoftmax": nn.LogSoftmax(dim=1), "softmin": nn.Softmin(dim=1),
}.items():
    case(name, module, R(3, 4))
case("softmax2d", nn.Softmax2d(), R(2, 3, 4, 5))

# Pools, pads and windows of one, two and three dimensions.
image = {1: (2, 3, 9), 2: (2, 3, 9, 8), 3: (2, 3, 7, 6, 5)}
for n in (1, 2, 3):
    of = lambda stem: getattr(nn, f"{stem}{n}d")
    case(f"conv{n}d plain", of("Conv")(3, 4, 2, stride=2, padding=1), R(*image[n]))
    case(f"convtranspose{n}d plain", of("ConvTranspose")(3, 4, 3, stride=2, padding=1, output_padding=1, dilation=2), R(*image[n]))
    case(f"maxpool{n}d plain", of("MaxPool")(3, stride=2, padding=1), R(*image[n]))
    case(f"avgpool{n}d plain", of("AvgPool")(3, stride=2, padding=1, count_include_pad=False), R(*image[n]))
    case(f"lppool{n}d", of("LPPool")(2.0, 2, stride=1), R(*image[n]))
    case(f"adaptiveavgpool{n}d plain", of("AdaptiveAvgPool")(3), R(*image[n]))
    case(f"adaptivemaxpool{n}d", of("AdaptiveMaxPool")(3), R(*image[n]))
    case(f"maxunpool{n}d", of("MaxUnpool")(2), R(2, 3, *(8, 6, 4)[:n]), call=lambda m, x: m(*of("MaxPool")(2, return_indices=True)(x)))
    pads = [1, 2, 0, 1, 2, 1][: 2 * n]
    case(f"constantpad{n}d", of("ConstantPad")(tuple(pads), 1.5), R(*image[n]))
    case(f"zeropad{n}d", of("ZeroPad")(2), R(*image[n]))
    case(f"reflectionpad{n}d", of("ReflectionPad")(tuple(pads)), R(*image[n]))
    case(f"replicationpad{n}d", of("ReplicationPad")(tuple(pads)), R(*image[n]))
    case(f"circularpad{n}d", of("CircularPad")(tuple(pads)), R(*image[n]))
    case(f"instancenorm{n}d", of("InstanceNorm")(3, affine=True), R(*image[n]))
    case(f"instancenorm{n}d tracked", of("InstanceNorm")(3, track_running_stats=True), R(*image[n]))
    case(f"instancenorm{n}d train", of("InstanceNorm")(3, affine=True, track_running_stats=True, momentum=0.3), R(*image[n]), train=True)
case("batchnorm3d train", nn.BatchNorm3d(3), R(*image[3]), train=True)
case("localresponsenorm", nn.LocalResponseNorm(3, alpha=0.1, k=2.0), R(2, 5, 4, 3))
case("fold", nn.Fold((5, 6), (2, 3), padding=1, stride=2), R(2, 12, 9))
case("unfold", nn.Unfold((2, 3), dilation=2, padding=1), R(2, 3, 6, 7))
case("unflatten", nn.Unflatten(1, (2, 3)), R(2, 6, 3))
case("pixelshuffle", nn.PixelShuffle(2), R(2, 8, 3, 4))
case("pixelunshuffle", nn.PixelUnshuffle(2), R(2, 3, 4, 6))
case("channelshuffle", nn.ChannelShuffle(2), R(2, 6, 3, 3))
case("upsample size", nn.Upsample(size=(5, 7), mode="bilinear", align_corners=True), R(2, 3, 4, 3))
case("upsample factor", nn.Upsample(scale_factor=1.7, mode="bicubic"), R(2, 3, 4, 3))
case("upsample line", nn.Upsample(scale_factor=2.0, mode="linear"), R(2, 3, 4))
case("upsamplingnearest2d", nn.UpsamplingNearest2d(scale_factor=2.0), R(2, 3, 4, 3))
case("upsamplingbilinear2d", nn.UpsamplingBilinear2d(size=(7, 6)), R(2, 3, 4, 3))
case("dropout eval", nn.Dropout2d(), R(2, 3, 4, 3))
case("alphadropout eval", nn.AlphaDropout(), R(2, 3))
case("cosinesimilarity", nn.CosineSimilarity(dim=-1), R(3, 4), R(3, 4))
case("pairwisedistance", nn.PairwiseDistance(p=3.0, keepdim=True), R(3, 4), R(3, 4))
case("bilinear", nn.Bilinear(3, 4, 5), R(2, 3), R(2, 4))
case("embeddingbag", nn.EmbeddingBag(7, 3), torch.tensor([[1, 2, 2], [6, 0, 1]]))
case("embeddingbag offsets", nn.EmbeddingBag(7, 3, mode="sum", padding_idx=2), torch.tensor([1, 2, 2, 6, 0]), torch.tensor([0, 2]))
case("embeddingbag max", nn.EmbeddingBag(7, 3, mode="max", include_last_offset=True), torch.tensor([1, 2, 6, 0]), torch.tensor([0, 2, 4]))
case("embeddingbag weights", nn.EmbeddingBag(7, 3, mode="sum"), torch.tensor([1, 2, 6, 0]), torch.tensor([0, 2]), R(4), call=lambda m, x, o, w: m(x, o, w))
case("decoder layer", nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0), R(5, 3, 8), R(4, 3, 8), train=True)
case(
    "decoder masks",
    nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True), 2),
    R(3, 5, 8),
    R(3, 5, 8),
    call=lambda m, x, memory: m(x, memory, tgt_mask=causal, memory_key_padding_mask=padding),
    train=True,
)
case("transformer", nn.Transformer(8, 2, 2, 1, 16, dropout=0.0, batch_first=True), R(3, 5, 8), R(3, 4, 8), train=True)

# Losses as modules.
for name, module in {
    "mseloss": nn.MSELoss(), "l1loss": nn.L1Loss(reduction="sum"), "smoothl1loss": nn.SmoothL1Loss(beta=0.7), "huberloss": nn.HuberLoss(delta=0.7),
}.items():
    case(name, module, R(3, 4), R(3, 4))
signs = torch.tensor([1.0, -1.0, 1.0])
case("crossentropyloss", nn.CrossEntropyLoss(weight=torch.rand(4), label_smoothing=0.1), R(3, 4), torch.tensor([1, 0, 3]))
case("nllloss", nn.NLLLoss(weight=torch.rand(4)), R(3, 4), torch.tensor([1, 0, 3]))
case("bceloss", nn.BCELoss(), torch.rand(3, 4), torch.rand(3, 4).detach(), call=lambda m, x, t: m(x, t.detach()))
case("bcewithlogitsloss", nn.BCEWithLogitsLoss(pos_weight=torch.rand(4)), R(3, 4), torch.rand(3, 4))
case("kldivloss", nn.KLDivLoss(reduction="batchmean", log_target=True), R(3, 4), R(3, 4))
case("poissonnllloss", nn.PoissonNLLLoss(full=False), R(3, 4), torch.rand(3, 4))
case("gaussiannllloss", nn.GaussianNLLLoss(full=True), R(3, 4), R(3, 4), torch.rand(3, 4))
case("softmarginloss", nn.SoftMarginLoss(), R(3), signs.clone(), call=lambda m, x, t: m(x, t.detach()))
case("multilabelmarginloss", nn.MultiLabelMarginLoss(), R(2, 4), torch.tensor([[3, 0, -1, 1], [1, -1, 0, 2]]))
case("multilabelsoftmarginloss", nn.MultiLabelSoftMarginLoss(), R(3, 4), torch.rand(3, 4))
case("multimarginloss", nn.MultiMarginLoss(p=2, margin=0.7), R(3, 4), torch.tensor([1, 0, 3]))
case("hingeembeddingloss", nn.HingeEmbeddingLoss(margin=0.8), R(3), signs.clone(), call=lambda m, x, t: m(x, t.detach()))
case("marginrankingloss", nn.MarginRankingLoss(margin=0.1), R(3), R(3), signs.clone(), call=lambda m, x, y, t: m(x, y, t.detach()))
case("cosineembeddingloss", nn.CosineEmbeddingLoss(margin=0.1), R(3, 4), R(3, 4), signs.long())
case("tripletmarginloss", nn.TripletMarginLoss(margin=0.7, swap=True), R(3, 4), R(3, 4), R(3, 4))
case("tripletmarginwithdistanceloss", nn.TripletMarginWithDistanceLoss(swap=True), R(3, 4), R(3, 4), R(3, 4))
case(
    "ctcloss", nn.CTCLoss(blank=1, zero_infinity=True), R(6, 3, 5), torch.tensor([[2, 0, 3], [4, 4, 0], [3, 3, 3]]),
    torch.tensor([6, 5, 2]), torch.tensor([3, 2, 3]), call=lambda m, x, *rest: m(x.log_softmax(-1), *rest),
)

# Windows at places that are given.
case("fractionalmaxpool2d", nn.FractionalMaxPool2d((2, 3), output_size=(4, 3), _random_samples=torch.rand(2, 3, 2) * 0.7), R(2, 3, 9, 8))
case("fractionalmaxpool2d ratio", nn.FractionalMaxPool2d(2, output_ratio=0.6, _random_samples=torch.rand(1, 3, 2) * 0.7), R(3, 9, 8))
case("fractionalmaxpool3d", nn.FractionalMaxPool3d(2, output_size=(3, 4, 2), _random_samples=torch.rand(2, 3, 3) * 0.7), R(2, 3, 7, 8, 6))

# Losses of many classes.
together = lambda m, x, t: torch.cat([part.flatten() for part in m(x, t)])
case("adaptivelogsoftmax", nn.AdaptiveLogSoftmaxWithLoss(8, 12, [4, 9], div_value=2.0, head_bias=True), R(6, 8), torch.tensor([0, 3, 4, 8, 9, 11]), call=together)
case("adaptivelogsoftmax one", nn.AdaptiveLogSoftmaxWithLoss(8, 12, [5]), R(8), torch.tensor(7), call=together)
case("adaptivelogsoftmax all", nn.AdaptiveLogSoftmaxWithLoss(8, 12, [4, 9], div_value=2.0), R(6, 8), call=lambda m, x: m.log_prob(x))
case("linearcrossentropyloss", nn.LinearCrossEntropyLoss(5, 7, bias=True, label_smoothing=0.1), R(4, 5), torch.tensor([1, 0, 6, 2]))
case(
    "linearcrossentropyloss dims",
    nn.LinearCrossEntropyLoss(5, 7, out_features=(2, 3), weight=torch.rand(7)),
    R(4, 5),
    torch.randint(0, 7, (4, 2, 3)),
)

print(json.dumps(cases))
