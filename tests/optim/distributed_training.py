"""Run by test_clients.py in two processes: the same training with steepest's and torch's Adam, under DDP or FSDP2.

python distributed_training.py ddp|fsdp RANK STORE_FILE
"""

import os
import sys

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

import steepest


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)).double()


def wrap(model, kind):
    return DistributedDataParallel(model) if kind == "ddp" else fully_shard(model)


def train(model, optimizer, rank):
    generator = torch.Generator().manual_seed(rank)  # each process has data of its own
    for _ in range(10):
        inputs = torch.randn(8, 6, generator=generator, dtype=torch.float64)
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()


def whole(param):
    return param.full_tensor() if hasattr(param, "full_tensor") else param


def main(kind, rank, file):
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    reached = []
    for library in (steepest, torch.optim):
        model = wrap(network(), kind)
        optimizer = library.AdamW(model.parameters(), lr=0.01)
        train(model, optimizer, rank)
        reached.append([whole(param).detach() for param in model.parameters()])
        if library is steepest:
            print(optimizer.engine)
    for ours, theirs in zip(*reached, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    start = torch.cat([param.detach().flatten() for param in network().parameters()])
    assert not torch.equal(start, torch.cat([param.flatten() for param in reached[0]])), "nothing moved"
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    sys.stdout.flush()
    os._exit(0)  # as the interpreter ends, it joins gloo's thread, which now and then waits for the interpreter
