"""Run by test_processes.py in two processes: loops over two ranks, with the doctor and without.

python distributed_loops.py RANK FOLDER

Prints a line of JSON: for each loop by name, what the doctor of this process saw, and whether anything had changed.
"""

import json
import os
import sys
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

import steepest
from steepest.diagnose import sensors

RANKS = 2
STEPS = 24


class Net(nn.Module):
    """With buffers, random numbers, and a layer that only odd steps use."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2))
        self.head, self.rare = nn.Linear(8, 2), nn.Linear(8, 2)

    def forward(self, inputs, rarely=False):
        hidden = self.body(inputs)
        return self.head(hidden) + (self.rare(hidden) if rarely else 0)


def plain():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def batches(rank):
    generator = torch.Generator().manual_seed(1)
    for each in torch.randn(STEPS, RANKS, 8, 4, generator=generator):
        yield each[rank], (each[rank][:, 0] > 0).long()


def train(model, rank, watch, lr=0.1, accumulate=1, **given):
    """An ordinary loop; of `accumulate` backward passes only the last one is synchronized."""
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum=0.9)
    doctor = watch(model, optimizer)
    for step, (inputs, labels) in enumerate(batches(rank)):
        optimizer.zero_grad()
        for part in range(accumulate):
            alone = accumulate > 1 and part < accumulate - 1
            with model.no_sync() if alone else nullcontext():
                options = dict.fromkeys(given, step % 2 == 1)
                loss = functional.cross_entropy(model(inputs, **options), labels) / accumulate
                loss.backward()
        optimizer.step()
        if doctor is not None:
            doctor.step(loss)
    return model, doctor


# --- the loops --------------------------------------------------------------------------------------------------------


def ddp(rank, watch):
    return train(DistributedDataParallel(Net(), find_unused_parameters=True), rank, watch, rarely=True)


def ddp_accumulates(rank, watch):
    return train(DistributedDataParallel(plain()), rank, watch, accumulate=3)


def ddp_overshoots(rank, watch):
    return train(DistributedDataParallel(plain()), rank, watch, lr=30.0)


def shards(rank, watch):
    return train(fully_shard(plain()), rank, watch)


def ddp_after_an_error_of_the_doctor(rank, watch):
    def broken(*given):
        raise RuntimeError("a reduction failed")

    kept, sensors.Before = sensors.Before, broken
    try:
        return train(DistributedDataParallel(plain()), rank, watch)
    finally:
        sensors.Before = kept


LOOPS = [ddp, ddp_accumulates, ddp_overshoots, shards, ddp_after_an_error_of_the_doctor]


def whole(tensor):
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def state(loop, rank, watch):
    torch.manual_seed(3)
    model, doctor = loop(rank, watch)
    return [*(whole(value).clone() for value in model.state_dict().values()), torch.rand(1)], doctor


def compared(loop, rank, folder):
    """One loop, twice."""
    without, _ = state(loop, rank, lambda *given: None)
    seen, doctor = state(loop, rank, lambda *given: steepest.watch(*given, budget=1.0))
    page = folder / f"{loop.__name__}.html"
    assert doctor.report(page) == page
    return {
        "same": all(torch.equal(one, other) for one, other in zip(without, seen, strict=True)),
        "ticks": len(doctor.record.ticks),
        "updates": sum(tick.update is not None for tick in doctor.record.ticks),
        "codes": [finding.code for finding in doctor.findings],
        "unseen": [finding.code for finding in doctor.unseen],
    }


def main():
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), RANKS)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=RANKS, timeout=timedelta(seconds=60))
    found = {loop.__name__: compared(loop, rank, folder) for loop in LOOPS}
    dist.barrier()
    print(json.dumps(found), flush=True)
    os._exit(0)  # as the interpreter ends, it joins gloo's thread, which now and then waits for the interpreter


if __name__ == "__main__":
    main()
