"""Prints what torch.func makes of functions: vmap, jacobians, Hessians, products with them; in float64."""

import json
import warnings

import torch
import torch.nn.functional as F
from torch.func import grad, hessian, jacrev, jvp, vjp, vmap

warnings.simplefilter("ignore")
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
cases = {}


def write(tensor):
    return {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch."), "data": tensor.detach().flatten().double().tolist()}


def case(name, function, *inputs):
    outputs = function(*inputs)
    outputs = outputs if isinstance(outputs, tuple | list) else [outputs]
    cases[name] = {"inputs": [write(x) for x in inputs], "outputs": [write(x) for x in outputs]}


R = torch.randn
W = R(3, 4)


def batched(name, function, *inputs, in_dims=0, out_dims=0):
    case("vmap " + name, lambda *x: vmap(function, in_dims=in_dims, out_dims=out_dims)(*x), *inputs)


# Elementwise, with numbers of each example, and with what is the same for all.
batched("elementwise", lambda x, y: torch.tanh(x) * y + 1, R(5, 3), R(5, 2, 3))
batched("shared", lambda x, y: x * y - y, R(5, 3), R(4, 3), in_dims=(0, None))
batched("numbers", lambda x, t: torch.where(x > t, x, t), R(5, 3), R(5))
batched("promotion", lambda x, t: x * t, torch.arange(6).reshape(2, 3), R(2))
batched("narrow promotion", lambda x, t: x.float() * t, R(4, 3), R(4))
batched("dims", lambda x, y: x - y, R(3, 5), R(2, 3, 5), in_dims=(1, 2), out_dims=1)
batched("last dim", lambda x: x.exp(), R(3, 5), in_dims=-1, out_dims=-1)
# Reductions and the like.
batched("sum", lambda x: x.sum(), R(5, 3, 2))
batched("mean dim", lambda x: x.mean(-1), R(5, 3, 2))
batched("sum keepdim", lambda x: x.sum((0, 1), keepdim=True), R(5, 3, 2))
batched("max", lambda x: x.max(), R(5, 3))
batched("var", lambda x: x.var(0), R(5, 3, 2))
batched("amax", lambda x: x.amax(dim=(0,)), R(5, 3, 2))
batched("argmax", lambda x: x.argmax(0), R(5, 3, 2))
batched("argmax all", lambda x: x.argmax(), R(5, 3, 2))
batched("norm", lambda x: x.norm(), R(5, 3))
batched("logsumexp", lambda x: x.logsumexp(0), R(5, 3))
batched("softmax", lambda x: F.softmax(x, dim=0), R(5, 3, 2))
batched("cumsum", lambda x: x.cumsum(-1), R(5, 3, 2))
batched("sort", lambda x: torch.sort(x, 0).values, R(5, 3, 2))
batched("gather", lambda x, i: x.gather(0, i), R(5, 3), torch.randint(0, 3, (5, 2)))
batched("number sum", lambda x: x.sum() * 2, R(5))
# Views.
batched("reshape", lambda x: x.reshape(-1, 3), R(5, 3, 2))
batched("permute", lambda x: x.permute(2, 0, 1), R(5, 3, 2, 4))
batched("transpose", lambda x: x.T, R(5, 3, 2))
batched("unsqueeze", lambda x: x.unsqueeze(-1) + x.unsqueeze(0), R(5, 3))
batched("squeeze", lambda x: x.squeeze(1), R(5, 3, 1))
batched("expand", lambda x: x.expand(4, 3), R(5, 3))
batched("select", lambda x: x[1] + x[-1], R(5, 3, 2))
batched("slice", lambda x: x[1:, ::2], R(5, 3, 4))
batched("flatten", lambda x: x.flatten(1), R(5, 3, 2, 4))
batched("cat", lambda x, y: torch.cat([x, y], 0), R(5, 3), R(2), in_dims=(0, None))
batched("stack", lambda x, y: torch.stack([x, y], -1), R(5, 3), R(5, 3))
batched("unbind", lambda x: x.unbind(0)[1], R(5, 3, 2))
batched("diagonal", lambda x: x.diagonal(), R(5, 3, 3))
batched("triu", lambda x: x.triu(), R(5, 3, 3))
# Products.
batched("dot", lambda x, y: x.dot(y), R(5, 3), R(5, 3))
batched("mv", lambda x, y: x.mv(y), R(2, 3), R(5, 3), in_dims=(None, 0))
batched("mm", lambda x, y: x @ y, R(5, 2, 3), R(5, 3, 4))
batched("mm shared", lambda x, y: x @ y, R(5, 2, 3), W, in_dims=(0, None))
batched("vector matrix", lambda x, y: x @ y, R(5, 3), R(5, 3, 4))
batched("bmm", lambda x, y: torch.bmm(x, y), R(5, 6, 2, 3), R(6, 3, 4), in_dims=(0, None))
batched("matmul ranks", lambda x, y: x @ y, R(5, 2, 3), R(5, 6, 3, 4))
batched("linear", lambda x, w, b: F.linear(x, w, b), R(2, 3), R(5, 4, 3), R(5, 4), in_dims=(None, 0, 0))
batched("linear shared", lambda x, w, b: F.linear(x, w, b), R(5, 2, 3), R(4, 3), R(4), in_dims=(0, None, None))
batched("addmm", lambda c, x, y: torch.addmm(c, x, y, beta=0.5, alpha=2), R(4), R(5, 2, 3), W, in_dims=(None, 0, None))
batched("einsum", lambda x, y: torch.einsum("ij,jk->ik", x, y), R(5, 2, 3), R(5, 3, 4))
# Example by example.
batched("det", lambda x: torch.linalg.det(x), R(5, 3, 3))
batched("conv", lambda x, w: F.conv2d(x, w, padding=1), R(5, 2, 3, 6, 5), R(4, 3, 3, 3), in_dims=(0, None))
batched("conv weights", lambda x, w: F.conv2d(x, w), R(2, 3, 6, 5), R(5, 4, 3, 3, 3), in_dims=(None, 0))
batched("layer norm", lambda x, w: F.layer_norm(x, (3,), w), R(5, 2, 3), R(3), in_dims=(0, None))
batched("embedding", lambda i, w: F.embedding(i, w), torch.randint(0, 7, (5, 2)), R(7, 3), in_dims=(0, None))
batched("constant", lambda x: torch.ones(2), R(5, 3))
# Nested, and with gradients.
case("vmap nested", lambda x, y: vmap(lambda a: vmap(lambda b: (a - b).norm())(y))(x), R(4, 3), R(5, 3))
loss = lambda w, x, y: ((x @ w).tanh() - y).square().mean()
case("vmap of grad", lambda w, x, y: vmap(grad(loss), in_dims=(None, 0, 0))(w, x, y), W, R(5, 3), R(5, 4))
case("grad of vmap", lambda w, x, y: grad(lambda w: vmap(loss, in_dims=(None, 0, 0))(w, x, y).sum())(w), W, R(5, 3), R(5, 4))
case("grad of vmap by example", lambda x: grad(lambda x: vmap(lambda a: torch.linalg.det(a))(x).sum())(x), R(5, 3, 3))
# Derivatives.
vector = lambda x: torch.tanh(x) * x.sum() + x.flip(0) ** 2
matrix = lambda x: F.softmax(x @ W, dim=-1)
number = lambda x: (x**3).sum() + x.prod() + (x.sin() * x.roll(1)).sum()
case("jacobian vector", lambda x: jacrev(vector)(x), R(4))
case("jacobian matrix", lambda x: jacrev(matrix)(x), R(2, 3))
case("jacobian of gather", lambda x: jacrev(lambda x: x[torch.tensor([2, 0, 2])] * x.max())(x), R(4))
case("hessian", lambda x: hessian(number)(x), R(3))
case("hessian matrix", lambda x: hessian(lambda x: matrix(x).square().sum())(x), R(2, 3))
case("jvp", lambda x, v: jvp(matrix, (x,), (v,)), R(2, 3), R(2, 3))
case("jvp of two", lambda x, y, v, w: jvp(lambda x, y: (x * y).sin().sum(0), (x, y), (v, w)), R(2, 3), R(3), R(2, 3), R(3))
case("vjp", lambda x, g: (vjp(vector, x)[0], vjp(vector, x)[1](g)[0]), R(4), R(4))
case("grad of grad", lambda x: grad(lambda x: grad(lambda x: (x**4).sum())(x).square().sum())(x), R(3))
case("vmap of jacobian", lambda x: vmap(jacrev(vector))(x), R(3, 4))
case("vmap of hessian", lambda x: vmap(hessian(number))(x), R(2, 3))

print(json.dumps(cases))
