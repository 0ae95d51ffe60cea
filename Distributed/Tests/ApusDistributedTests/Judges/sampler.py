"""What PyTorch's DistributedSampler deals out: reads lines `samples processes rank drop`, writes the positions in the epoch's order."""

import sys

from torch.utils.data import DistributedSampler

for line in sys.stdin:
    samples, processes, rank, drop = (int(word) for word in line.split())
    sampler = DistributedSampler(range(samples), processes, rank, shuffle=False, drop_last=bool(drop))
    print(*sampler)
