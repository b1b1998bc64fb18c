"""Run by test_divided.py in two and in four processes: steps of whole matrices are divided, and as of one.

python divided_training.py RANK RANKS FOLDER

Prints a line of JSON: for each check by name, what went wrong in this process, or what it found.
"""

import json
import os
import sys
import warnings
from datetime import timedelta
from functools import partial

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from distributed_training import FOLDER, assert_same, parameters, result_of, train, whole
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

import steepest
from steepest.optim.partition import Partition
from steepest.optim.team import Team
from steepest.rules import RULES

RANK, RANKS = map(int, sys.argv[1:3]) if len(sys.argv) > 3 else (0, 1)
TOLERANCE = 1e-9  # as in distributed_training.py: gradients are averaged in another order
STEPS = 2
WHOLE = {
    **{name: getattr(steepest, RULES[name].__name__) for name in ("muon", "normuon", "lamb", "soap")},
    "clipped(muon)": steepest.Clipped(steepest.Muon),
}
SETTINGS = {"soap": {"precondition_frequency": 2, "max_precond_dim": 4}}  # bases of full rank, as there
CHECKS = {}


def check(*cases):
    """Register a function as a check for each of these cases."""

    def register(function):
        for case in cases:
            CHECKS[f"{function.__name__} {case}"] = partial(function, case)
        return function

    return register


def network(dtype=torch.float64):
    """Rows that neither two nor four processes can share equally, and fewer than there are processes."""
    torch.manual_seed(0)
    layers = [torch.nn.Conv1d(2, 3, 2), torch.nn.Flatten(), torch.nn.Linear(9, 7), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(7, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).to(dtype)


def batches(ranks=RANKS):
    """For each step the data of each rank; those of all are the same for any number of ranks."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(STEPS, ranks, 16 // ranks, 2, 4, generator=generator, dtype=torch.float64)


def own_batches():
    return batches()[:, RANK]


def all_batches():
    return batches(1)[:, 0]


def wrap(model, kind):
    return DistributedDataParallel(model) if kind == "ddp" else fully_shard(model)


def optimizer_of(name, model, over=None):
    """In two groups with other rates; divided over `over`, where it is given."""
    kind = WHOLE[name]
    params, lr = parameters(model, kind.rule_class), 3 * kind.rule_class.defaults()["lr"]
    groups = [{"params": params[0::2]}, {"params": params[1::2], "lr": lr / 2}]
    optimizer = kind(groups, lr=lr, **SETTINGS.get(name, {}))
    if over is not None:
        optimizer.distribute(over)
    return optimizer


def alone(name, steps=STEPS):
    model = network()
    train(model, optimizer_of(name, model), all_batches()[:steps])
    return model


# --- the same result --------------------------------------------------------------------------------------------------


@check(*(WHOLE if RANKS == 2 else ["normuon"]))
def ddp(name, rank):
    model = wrap(network(), "ddp")
    optimizer = optimizer_of(name, model, model)
    train(model, optimizer, own_batches())
    assert_same(model, alone(name).parameters(), TOLERANCE)
    for param in model.parameters():  # bit by bit the same in all processes
        everywhere = [torch.empty_like(param) for _ in range(RANKS)]
        dist.all_gather(everywhere, param.detach())
        assert all(torch.equal(param, other) for other in everywhere)
    return optimizer.engine


@check(*(WHOLE if RANKS == 2 else ["normuon"]))
def fsdp(name, rank):
    model = wrap(network(), "fsdp")
    optimizer = optimizer_of(name, model)
    train(model, optimizer, own_batches())
    assert_same(model, alone(name).parameters(), TOLERANCE)
    return optimizer.engine


@check("normuon")
def replicas(name, rank):
    """A mesh of two axes: matrices are divided among all processes of it."""
    model = network()
    mesh = init_device_mesh("cpu", (2, RANKS // 2), mesh_dim_names=("replicas", "parts"))
    fully_shard(model, mesh=mesh)
    optimizer = optimizer_of(name, model)
    train(model, optimizer, own_batches())
    assert_same(model, alone(name).parameters(), TOLERANCE)
    return [share.matrices for share in optimizer.distribution.shares[0]]


@check("muon")
def columns(name, rank):
    """Parts of the second axis, as tensor parallelism makes them, of matrices with the same data everywhere."""
    from torch.distributed.tensor import Shard, distribute_tensor

    mesh = init_device_mesh("cpu", (RANKS,))
    generator = torch.Generator().manual_seed(0)
    values, grads = torch.randn(2, 3, 5, 6, generator=generator, dtype=torch.float64).unbind()
    single = [torch.nn.Parameter(value.clone()) for value in values]
    parts = [torch.nn.Parameter(distribute_tensor(value, mesh, [Shard(1)])) for value in values]
    for params in (single, parts):
        optimizer = steepest.Muon(params, lr=0.1)
        for _ in range(2):
            for param, grad in zip(params, grads, strict=True):
                param.grad = distribute_tensor(grad, mesh, [Shard(1)]) if params is parts else grad
            optimizer.step()
    for one, part in zip(single, parts, strict=True):
        assert torch.equal(one, whole(part))
    return optimizer.engine


@check("ddp", "fsdp")
def with_a_partner(kind, rank):
    """Matrices divided, biases and the last layer by AdamW; gradients accumulated and clipped, a step skipped."""
    reached = []
    for own in (network(), wrap(network(), kind)):
        data = all_batches() if not reached else own_batches()
        bare = own.module if isinstance(own, DistributedDataParallel) else own
        optimizer = steepest.MuonWith(bare, muon="muon(lr=0.05)", partner="adamw(lr=0.01)")
        if reached:
            optimizer.distribute(own)
        for step, inputs in enumerate(data):
            for half in inputs.chunk(2):
                own(half).square().mean().div(2).backward()
            torch.nn.utils.clip_grad_norm_(own.parameters(), 0.05)
            if step != 1:
                optimizer.step()
            optimizer.zero_grad()
        reached.append([whole(param).detach() for param in own.parameters()])
    for one, divided in zip(*reached, strict=True):
        torch.testing.assert_close(divided, one, rtol=0, atol=TOLERANCE)
    return optimizer.engine


@check("ddp", "fsdp")
def fewer_matrices_than_processes(kind, rank):
    torch.manual_seed(0)
    model = wrap(torch.nn.Linear(3, 5, bias=False).double(), kind)
    torch.manual_seed(0)
    single = torch.nn.Linear(3, 5, bias=False).double()
    data = batches()[:, :, :, 0, :3]
    for own, inputs in ((single, data.flatten(1, 2)), (model, data[:, RANK])):
        optimizer = steepest.Muon(own.parameters(), lr=0.1)
        if own is model:
            optimizer.distribute(model)
        train(own, optimizer, inputs)
    assert_same(model, single.parameters(), TOLERANCE)
    return [share.matrices for share in optimizer.distribution.shares[0]]


@check("of pairs")
def another_group(_, rank):
    """Pairs of processes train models of their own."""
    pairs = [dist.new_group([first, first + 1]) for first in range(0, RANKS, 2)]
    pair = pairs[RANK // 2]
    torch.manual_seed(RANK // 2)
    single, own = (torch.nn.Linear(4, 3).double() for _ in range(2))
    own.load_state_dict(single.state_dict())
    data = torch.randn(3, 2, 6, 4, dtype=torch.float64)
    model = DistributedDataParallel(own, process_group=pair)
    optimizer = steepest.Muon([own.weight], lr=0.1)
    optimizer.distribute(pair)
    train(model, optimizer, data[:, RANK % 2])
    train(single, steepest.Muon([single.weight], lr=0.1), data.flatten(1, 2))
    torch.testing.assert_close(own.weight, single.weight, rtol=0, atol=TOLERANCE)
    return optimizer.distribution.shares[0][0].matrices


# --- who computes, and what is sent -----------------------------------------------------------------------------------


class Counted:
    """What this process computes and sends while it lasts."""

    def __enter__(self):
        self.computed = self.sent = self.received = 0
        self._before = Partition.whole, Team.exchange, Team.from_row
        compute, exchange, from_row = self._before

        def counted_whole(partition, values):
            self.computed += 1
            return compute(partition, values)

        def counted_exchange(team, sent, sizes, received):
            place = team.place[1]
            self.sent += sent.itemsize * (sum(sizes) - sizes[place])
            self.received += sent.itemsize * (sum(received) - received[place])
            return exchange(team, sent, sizes, received)

        def counted_from_row(team, number, numbers):
            rows, is_mine = team.shape[0], number == team.place[0]
            self.sent += numbers.nbytes * (rows - 1) * is_mine
            self.received += numbers.nbytes * (not is_mine)
            from_row(team, number, numbers)

        Partition.whole, Team.exchange, Team.from_row = counted_whole, counted_exchange, counted_from_row
        return self

    def __exit__(self, *_):
        Partition.whole, Team.exchange, Team.from_row = self._before


@check("ddp", "fsdp", "replicas")
def as_stated(kind, rank):
    """Each matrix is computed once, by its owner, and as many bytes are sent as the table says."""
    model = network(torch.float32)
    if kind == "replicas":
        fully_shard(model, mesh=init_device_mesh("cpu", (2, RANKS // 2), mesh_dim_names=("replicas", "parts")))
    else:
        model = wrap(model, kind)
    optimizer = optimizer_of("normuon", model, model)
    train(model, optimizer, own_batches()[:1])
    with Counted() as counted:
        train(model, optimizer, own_batches()[1:2])
    shares = optimizer.distribution.shares[0]
    assert len(shares) == RANKS and sum(share.matrices for share in shares) == 4
    share = shares[RANK]
    assert (counted.computed, counted.sent, counted.received) == (share.matrices, share.sent, share.received)
    kept = [value for state in optimizer.state.values() for name, value in state.items() if name != "step"]
    held = sum((value.to_local() if hasattr(value, "to_local") else value).nbytes for value in kept)
    assert held == share.states
    return str(optimizer.distribution)


# --- what goes wrong --------------------------------------------------------------------------------------------------


@check("ddp", "fsdp")
def one_rank_without_a_gradient(kind, rank):
    model = wrap(network(), kind)
    optimizer = optimizer_of("muon", model, model)
    train(model, optimizer, own_batches()[:1])
    before = [whole(param).detach().clone() for param in model.parameters()]
    if RANK == 1:
        [*model.parameters()][2].grad = None
    try:
        optimizer.step()
    except ValueError as error:
        assert_same(model, before, tolerance=0)
        return str(error)


@check("ddp", "fsdp")
def no_gradient_on_any_rank(kind, rank):
    """It is skipped, and the others are divided anew."""
    model = wrap(network(), kind)
    optimizer = optimizer_of("muon", model, model)
    train(model, optimizer, own_batches()[:1])
    before = [whole(param).detach().clone() for param in model.parameters()]
    [*model.parameters()][2].grad = None
    optimizer.step()
    return [not torch.equal(whole(param), old) for param, old in zip(model.parameters(), before, strict=True)]


@check("ddp", "fsdp")
def a_rank_that_fails(kind, rank):
    """As one that has no memory left for its matrices: the others do not wait."""
    model = wrap(network(), kind)
    optimizer = optimizer_of("muon", model, model)
    train(model, optimizer, own_batches()[:1])
    before = [whole(param).detach().clone() for param in model.parameters()]
    compute = Partition.whole
    if RANK == 1:
        Partition.whole = lambda partition, values: torch.empty(1 << 60)
    message = None
    try:
        optimizer.step()
    except RuntimeError as error:
        message = str(error)
    Partition.whole = compute
    assert_same(model, before, tolerance=0)
    return message


@check("shapes", "no group of processes", "in backward", "shards in backward")
def refused(case, rank):
    model = network()
    over = None
    if case == "shapes":
        optimizer = steepest.Muon([torch.nn.Parameter(torch.ones(2 + (RANK == 1), 3))])
    elif case == "no group of processes":
        optimizer, over = optimizer_of("muon", model), model
    else:
        model = torch.nn.Linear(3, 2, bias=False)
        model = fully_shard(model) if case.startswith("shards") else model
        optimizer = steepest.Muon(model.parameters())
    try:
        if case.endswith("in backward"):
            optimizer.step_in_backward(model)
        optimizer.distribute(over)
    except ValueError as error:
        return str(error)


# --- checkpoints ------------------------------------------------------------------------------------------------------


@check("normuon")
def checkpoint(name, rank):
    """Two processes save, in both ways; these, four, and one (in test_divided.py) go on as if nothing had been."""
    for kind in ("ddp", "fsdp"):
        model = wrap(network(), kind)
        optimizer = optimizer_of(name, model, model)
        if RANKS == 2:
            train(model, optimizer, own_batches()[: STEPS // 2])
            save(name, kind, model, optimizer)
            model = wrap(network(), kind)
            optimizer = optimizer_of(name, model, model)
        load(name, kind, model, optimizer)
        train(model, optimizer, own_batches()[STEPS // 2 :])
        assert_same(model, alone(name).parameters(), TOLERANCE)


def save(name, kind, model, optimizer):
    if kind == "ddp":  # rank 0 alone has everything
        if RANK == 0:
            state = {"model": model.module.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state, FOLDER.parent / f"{name}.pt")
        dist.barrier()
    else:
        state = {"model": model.state_dict(), "optimizer": get_optimizer_state_dict(model, optimizer)}
        dcp.save(state, checkpoint_id=FOLDER.parent / name)


def load(name, kind, model, optimizer):
    if kind == "ddp":
        state = torch.load(FOLDER.parent / f"{name}.pt")
        getattr(model, "module", model).load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    else:
        state = {"model": model.state_dict(), "optimizer": get_optimizer_state_dict(model, optimizer)}
        dcp.load(state, checkpoint_id=FOLDER.parent / name, no_dist=not dist.is_initialized())
        model.load_state_dict(state["model"])
        set_optimizer_state_dict(model, optimizer, state["optimizer"])


# --- a process that ends ----------------------------------------------------------------------------------------------


def left_alone(rank):
    """All but rank 0 end before a step; it does not wait for ever."""
    model = network()
    optimizer = optimizer_of("muon", model, dist.group.WORLD)
    for param in model.parameters():
        param.grad = torch.ones_like(param)
    dist.barrier()
    if RANK > 0:
        return None
    try:
        optimizer.step()
    except RuntimeError as error:
        return str(error)


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("error", UserWarning)
    store = f"file://{FOLDER / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=RANK, world_size=RANKS, timeout=timedelta(seconds=120))
    results = {}
    for name, run in CHECKS.items():
        print(name, file=sys.stderr)  # where it was, if this process should die or hang
        results[name] = result_of(run, RANK)
        dist.barrier()
    results["left_alone"] = result_of(left_alone, RANK)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # as in distributed_training.py
