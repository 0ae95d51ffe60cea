"""Prints, for each optimizer, the parameters of a small model after each of 20 steps, as torch.optim computes them."""

import json

import torch

torch.manual_seed(0)
STEPS = 20
X = torch.randn(8, 3, dtype=torch.float64)
Y = torch.randn(8, 3, dtype=torch.float64)
WEIGHT = torch.randn(3, dtype=torch.float64)
BIAS = torch.randn(3, dtype=torch.float64)

CASES = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "sgd momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "sgd nesterov decay": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.1),
    "sgd dampening": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "adam decay amsgrad": lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1),
    "adamw decay": lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.7, 0.9), weight_decay=0.3),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.05),
    "rmsprop centered momentum": lambda p: torch.optim.RMSprop(p, lr=0.02, alpha=0.9, momentum=0.7, centered=True, weight_decay=0.1),
}


def write(tensor):
    return {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch."), "data": tensor.flatten().tolist()}


def run(make):
    weight, bias = WEIGHT.clone().requires_grad_(), BIAS.clone().requires_grad_()
    optimizer = make([weight, bias])
    steps = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = ((X * weight + bias - Y) ** 2).sum() / 24
        # Every fourth step the bias does not take part, so that its own count of steps matters.
        if step % 4 == 3:
            loss = ((X * weight - Y) ** 2).sum() / 24
        loss.backward()
        optimizer.step()
        steps.append({"weight": write(weight.detach()), "bias": write(bias.detach())})
    return steps


def schedule(make, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def clip(max_norm):
    parameters = [torch.zeros(3, dtype=torch.float64, requires_grad=True), torch.zeros(2, dtype=torch.float64, requires_grad=True)]
    parameters[0].grad = torch.tensor([3.0, -4.0, 1.0], dtype=torch.float64)
    parameters[1].grad = torch.tensor([2.0, 0.5], dtype=torch.float64)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return {"norm": norm.item(), "gradients": [write(p.grad) for p in parameters]}


print(
    json.dumps(
        {
            "x": write(X),
            "y": write(Y),
            "weight": write(WEIGHT),
            "bias": write(BIAS),
            "trajectories": {name: run(make) for name, make in CASES.items()},
            "schedules": {
                "step": schedule(lambda o: torch.optim.lr_scheduler.StepLR(o, 3, gamma=0.5), 12),
                "cosine": schedule(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10, eta_min=0.01), 10),
                "warmup": schedule(lambda o: torch.optim.lr_scheduler.LinearLR(o, start_factor=0.25, total_iters=5), 8),
            },
            "clipped": {"small": clip(1.5), "large": clip(100.0)},
        }
    )
)
