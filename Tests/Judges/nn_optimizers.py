"""Prints, for each optimizer, the parameters of a linear layer after each of 20 steps, and what the optimizer remembers after 10, as torch.optim
computes them: in float64, in float32, and in float64 with groups of options. And the learning rates of 60 steps of each scheduler."""

import json
import math
import warnings

import torch
from torch import optim
from torch.optim import lr_scheduler as schedulers

warnings.simplefilter("ignore")
torch.manual_seed(0)
# Numbers that optimizers remember besides tensors are of this dtype.
torch.set_default_dtype(torch.float64)
STEPS = 20
X = torch.randn(8, 3)
Y = torch.randn(8, 2)
WEIGHT = torch.randn(2, 3)
BIAS = torch.randn(2)

CASES = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "sgd momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "sgd nesterov decay": lambda p: optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.1),
    "sgd dampening": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3),
    "sgd maximize": lambda p: optim.SGD(p, lr=0.01, momentum=0.5, maximize=True),
    "adam": lambda p: optim.Adam(p, lr=0.1),
    "adam decay amsgrad": lambda p: optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1, amsgrad=True),
    "adam decoupled": lambda p: optim.Adam(p, lr=0.1, weight_decay=0.3, decoupled_weight_decay=True),
    "adam maximize": lambda p: optim.Adam(p, lr=0.1, weight_decay=0.1, maximize=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.1),
    "adamw decay": lambda p: optim.AdamW(p, lr=0.1, betas=(0.7, 0.9), weight_decay=0.3),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.05),
    "rmsprop centered momentum": lambda p: optim.RMSprop(p, lr=0.02, alpha=0.9, momentum=0.7, centered=True, weight_decay=0.1),
    "adagrad": lambda p: optim.Adagrad(p),
    "adagrad options": lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.05, weight_decay=0.1, initial_accumulator_value=0.2, eps=1e-6),
    "adadelta": lambda p: optim.Adadelta(p),
    "adadelta options": lambda p: optim.Adadelta(p, lr=0.7, rho=0.8, eps=1e-4, weight_decay=0.1),
    "adamax": lambda p: optim.Adamax(p),
    "adamax options": lambda p: optim.Adamax(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
    "nadam": lambda p: optim.NAdam(p),
    "nadam options": lambda p: optim.NAdam(p, lr=0.1, betas=(0.8, 0.95), weight_decay=0.1, momentum_decay=0.01),
    "nadam decoupled": lambda p: optim.NAdam(p, lr=0.1, weight_decay=0.1, decoupled_weight_decay=True),
    "radam": lambda p: optim.RAdam(p),
    "radam options": lambda p: optim.RAdam(p, lr=0.1, betas=(0.8, 0.9), weight_decay=0.1),
    "radam decoupled": lambda p: optim.RAdam(p, lr=0.1, betas=(0.8, 0.9), weight_decay=0.1, decoupled_weight_decay=True),
    "rprop": lambda p: optim.Rprop(p),
    "rprop options": lambda p: optim.Rprop(p, lr=0.1, etas=(0.3, 1.5), step_sizes=(1e-3, 0.15)),
    "asgd": lambda p: optim.ASGD(p),
    "asgd options": lambda p: optim.ASGD(p, lr=0.1, lambd=0.01, alpha=0.6, t0=5, weight_decay=0.1),
    "adafactor": lambda p: optim.Adafactor(p),
    "adafactor options": lambda p: optim.Adafactor(p, lr=0.1, beta2_decay=-0.7, eps=(1e-4, 1e-2), d=1.2, weight_decay=0.1),
    "muon": lambda p: optim.Muon(p, lr=0.02),
    "muon options": lambda p: optim.Muon(p, lr=0.02, momentum=0.8, nesterov=False, weight_decay=0.3, adjust_lr_fn="match_rms_adamw", ns_steps=4),
}
LBFGS = {
    "lbfgs": lambda p: optim.LBFGS(p, lr=0.5, max_iter=3),
    "lbfgs history": lambda p: optim.LBFGS(p, max_iter=4, history_size=3, line_search_fn="strong_wolfe"),
    "lbfgs wolfe": lambda p: optim.LBFGS(p, max_iter=5, line_search_fn="strong_wolfe"),
}


def write(tensor):
    return {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch."), "data": tensor.detach().flatten().tolist()}


def loss_of(weight, bias, step, power):
    dtype = weight.dtype
    outputs = X.to(dtype) @ weight.T
    # Every fourth step the bias does not take part, so that its own count of steps matters.
    if step % 4 != 3:
        outputs = outputs + bias
    return ((outputs - Y.to(dtype)).abs() ** power).sum() / 24


def run(name, make, dtype, groups):
    weight, bias = (x.clone().to(dtype).requires_grad_() for x in (WEIGHT, BIAS))
    parameters = {"weight": weight} if name.startswith("muon") else {"weight": weight, "bias": bias}
    optimizer = make([{"params": [p]} for p in parameters.values()] if not name.startswith("lbfgs") else list(parameters.values()))
    if groups:
        group = optimizer.param_groups[-1]
        group["lr"] *= 0.5
        if "weight_decay" in group:
            group["weight_decay"] = 0.2
    steps, state = [], {}
    for step in range(STEPS):

        def evaluate():
            optimizer.zero_grad()
            # A loss whose Hessian is not the same everywhere, for what looks at that.
            loss = loss_of(weight, bias, 0 if name.startswith("lbfgs") else step, 4 if name.startswith("lbfgs") else 2)
            loss.backward()
            return loss

        if name.startswith("lbfgs"):
            optimizer.step(evaluate)
        else:
            evaluate()
            optimizer.step()
        # An error stays in what follows: of the other forms some steps are enough.
        is_told = step % 5 == 4 or dtype == torch.float64 and not groups
        steps.append({"weight": write(weight), "bias": write(bias)} if is_told else None)
        if step == STEPS // 2 - 1 and not name.startswith("lbfgs"):
            for key, parameter in parameters.items():
                for quantity, value in optimizer.state[parameter].items():
                    if isinstance(value, torch.Tensor):
                        state[f"{key}.{quantity}"] = write(value)
    return {"steps": steps, "state": state}


def trajectories():
    result = {}
    for name, make in (CASES | LBFGS).items():
        result[name] = run(name, make, torch.float64, False)
        result[name + ", float32"] = run(name, make, torch.float32, False)
        if name not in LBFGS:
            result[name + ", groups"] = run(name, make, torch.float64, True)
    return result


METRICS = [1 / (1 + 0.3 * i) if i < 12 else 0.2 + 0.1 * math.sin(i) for i in range(60)]
S = schedulers
SCHEDULES = {
    "lambda": lambda o: S.LambdaLR(o, lambda e: 0.9**e + 0.01 * e),
    "multiplicative": lambda o: S.MultiplicativeLR(o, lambda e: 0.95 if e % 3 else 1.05),
    "step": lambda o: S.StepLR(o, 3, gamma=0.5),
    "multistep": lambda o: S.MultiStepLR(o, [5, 12, 12, 40], gamma=0.3),
    "constant": lambda o: S.ConstantLR(o),
    "constant options": lambda o: S.ConstantLR(o, factor=0.2, total_iters=20),
    "linear": lambda o: S.LinearLR(o),
    "linear options": lambda o: S.LinearLR(o, start_factor=0.25, end_factor=0.7, total_iters=33),
    "exponential": lambda o: S.ExponentialLR(o, 0.93),
    "polynomial": lambda o: S.PolynomialLR(o, total_iters=45, power=1.7),
    "cosine": lambda o: S.CosineAnnealingLR(o, 10, eta_min=0.01),
    "restarts": lambda o: S.CosineAnnealingWarmRestarts(o, 7),
    "restarts options": lambda o: S.CosineAnnealingWarmRestarts(o, 4, T_mult=2, eta_min=0.003),
    "cyclic": lambda o: S.CyclicLR(o, 0.01, 0.3, step_size_up=7),
    "cyclic halves": lambda o: S.CyclicLR(o, 0.01, 0.3, step_size_up=5, step_size_down=9, mode="triangular2", base_momentum=0.7, max_momentum=0.95),
    "cyclic range": lambda o: S.CyclicLR(o, 0.01, 0.3, step_size_up=6, mode="exp_range", gamma=0.97, cycle_momentum=False),
    "cyclic scaled": lambda o: S.CyclicLR(o, 0.01, 0.3, step_size_up=6, scale_fn=lambda c: 1 / (5 ** (c * 0.1)), scale_mode="cycle"),
    "onecycle": lambda o: S.OneCycleLR(o, 0.3, total_steps=60),
    "onecycle options": lambda o: S.OneCycleLR(
        o, 0.3, epochs=6, steps_per_epoch=10, pct_start=0.2, anneal_strategy="linear", div_factor=10, final_div_factor=50, three_phase=True, cycle_momentum=False
    ),
    "plateau": lambda o: S.ReduceLROnPlateau(o, patience=3, factor=0.5, cooldown=2),
    "plateau max": lambda o: S.ReduceLROnPlateau(o, "max", patience=4, threshold=0.05, threshold_mode="abs", min_lr=0.004),
    "sequential": lambda o: S.SequentialLR(o, [S.LinearLR(o, total_iters=8), S.CosineAnnealingLR(o, 30), S.ExponentialLR(o, 0.9)], [8, 38]),
    "sequential restarts": lambda o: S.SequentialLR(o, [S.ConstantLR(o, total_iters=9), S.CosineAnnealingWarmRestarts(o, 6, 2)], [10]),
    "chained": lambda o: S.ChainedScheduler([S.ConstantLR(o, factor=0.1, total_iters=10), S.ExponentialLR(o, 0.9), S.StepLR(o, 7, 0.8)]),
}


def schedule(name, make):
    """The rates, and the momenta: of SGD, or of Adam where the name says so."""
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = optim.Adam([parameter], lr=0.1) if name.endswith("options") else optim.SGD([parameter], lr=0.1, momentum=0.5)
    scheduler = make(optimizer)
    rates, momenta = [], []
    for step in range(60):
        group = optimizer.param_groups[0]
        rates.append(group["lr"])
        momenta.append(group["betas"][0] if "betas" in group else group["momentum"])
        optimizer.step()
        if name.startswith("plateau"):
            scheduler.step(METRICS[step])
        else:
            scheduler.step()
    return {"rates": rates, "momenta": momenta}


def clip(max_norm, order=2.0):
    parameters = [torch.zeros(3, requires_grad=True), torch.zeros(2, requires_grad=True)]
    parameters[0].grad = torch.tensor([3.0, -4.0, 1.0])
    parameters[1].grad = torch.tensor([2.0, 0.5])
    norm = torch.nn.utils.clip_grad_value_(parameters, -max_norm) if max_norm < 0 else torch.nn.utils.clip_grad_norm_(parameters, max_norm, order)
    return {"norm": norm.item() if norm is not None else 0, "gradients": [write(p.grad) for p in parameters]}


print(
    json.dumps(
        {
            "x": write(X),
            "y": write(Y),
            "weight": write(WEIGHT),
            "bias": write(BIAS),
            "trajectories": trajectories(),
            "metrics": METRICS,
            "schedules": {name: schedule(name, make) for name, make in SCHEDULES.items()},
            "clipped": {"small": clip(1.5), "large": clip(100.0), "value": clip(-1.5), "sum": clip(1.5, 1.0), "largest": clip(1.5, float("inf"))},
        }
    )
)
