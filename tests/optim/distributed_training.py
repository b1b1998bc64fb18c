"""Run by test_distributed.py in two processes: every rule under DDP and FSDP2, against one process with all the data.

python distributed_training.py RANK FOLDER

Prints a line of JSON: for each check by name, what went wrong in this process, or what it found.
"""

import json
import os
import sys
import traceback
import warnings
from copy import deepcopy
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict, set_optimizer_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

import steepest
from steepest.optim import sharded
from steepest.rules import RULES

RANKS = 2
STEPS = 6
FOLDER = Path(sys.argv[-1])  # the second argument; a collecting pytest has others


# --- a problem with shards of unequal size ----------------------------------------------------------------------------


def network(dtype=torch.float64):
    """Two ranks get 2 and 1 rows of the first two layers, 3 and 2 of the third, 1 and none of the last."""
    torch.manual_seed(0)
    layers = [torch.nn.Conv1d(2, 3, 2), torch.nn.Flatten(), torch.nn.Linear(9, 3), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).to(dtype)


def wrap(model, kind):
    return DistributedDataParallel(model) if kind == "ddp" else fully_shard(model)


def batches():
    """For each step the data of each rank."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(STEPS, RANKS, 8, 2, 4, generator=generator, dtype=torch.float64)


def parameters(model, rule):
    """All that the rule can train."""
    return [param for param in model.parameters() if param.ndim >= rule.least_axes]


def optimizer_of(rule, model, **switches):
    """In two groups, as weights with decay and biases without it are."""
    params, lr = parameters(model, rule), 3 * rule.defaults()["lr"]
    settings = {"SOAP": {"precondition_frequency": 2, "max_precond_dim": 4}}.get(rule.__name__, {})  # (1)
    decay = {"weight_decay": 0.01} if "weight_decay" in rule.hyperparameters() else {}
    groups = [{"params": params[0::2], **decay}, {"params": params[1::2], "lr": lr / 2}]
    return getattr(steepest, rule.__name__)(groups, lr=lr, **settings, **switches)


# (1) bases of full rank: in a null space any basis is right, and which one is chosen depends on rounding


def train(model, optimizer, own_batches):
    """One step for each of these; the learning rate of a step is another than before, as under a schedule."""
    for inputs in own_batches:
        optimizer.zero_grad()
        model(inputs.to(next(model.parameters()).dtype)).square().mean().backward()
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] = 0.9 * group["lr"]


def whole(tensor):
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def assert_same(model, expected, tolerance):
    for (name, param), wanted in zip(model.named_parameters(), expected, strict=True):
        reached = whole(param).detach()
        torch.testing.assert_close(
            reached, wanted.detach(), rtol=0, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


# --- checks -----------------------------------------------------------------------------------------------------------

CHECKS = {}


def check(*cases):
    """Register a function as a check for each of these cases, which are rules or words."""

    def register(function):
        for case in cases:
            label = case.__name__ if isinstance(case, type) else case
            CHECKS[f"{function.__name__} {label}"] = partial(function, case)
        return function

    return register


every_rule = check(*RULES.built_in.values())
each_kind = check(*(RULES[name] for name in ("momentum", "adam", "schedulefreeadamw", "prodigy", "adafactor", "soap")))
"""Rules that keep states of every kind: none at first, parts, copies, numbers, numbers of a group, other shapes."""


def trains_as_one_process(rule, rank, kind):
    alone, model = network(), wrap(network(), kind)
    single, optimizer = optimizer_of(rule, alone), optimizer_of(rule, model)
    start = [param.detach().clone() for param in parameters(alone, rule)]
    train(alone, single, batches().flatten(1, 2))
    assert not any(map(torch.equal, start, parameters(alone, rule))), "a parameter did not move"
    train(model, optimizer, batches()[:, rank])
    assert_same(model, alone.parameters(), tolerance=1e-9)
    with single.evaluating(), optimizer.evaluating():
        assert_same(model, alone.parameters(), tolerance=1e-9)
    return optimizer.engine


@every_rule
def ddp(rule, rank):
    return trains_as_one_process(rule, rank, "ddp")


@every_rule
def fsdp(rule, rank):
    return trains_as_one_process(rule, rank, "fsdp")


@each_kind
def tensor_parallel(rule, rank):
    """Columns of one matrix and rows of the next, with one bias whole, on ranks that have the same data."""
    torch.manual_seed(0)
    alone = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1)).double()
    model = parallelize_module(
        deepcopy(alone), init_device_mesh("cpu", (RANKS,)), {"0": ColwiseParallel(), "2": RowwiseParallel()}
    )
    assert [param.to_local().shape[-1] for param in model.parameters()] == [3, 3, 3, 1]
    for own in (alone, model):
        train(own, optimizer_of(rule, own), batches()[:3, 0].flatten(2)[..., :3])
    assert_same(model, alone.parameters(), tolerance=1e-9)


@check("foreach", "capturable")
def switches(name, rank):
    """Other engines step the parts that lie here, too."""
    reached = []
    for given in ({}, {name: True}):
        model = fully_shard(network())
        optimizer = steepest.AdamW(model.parameters(), lr=0.01, **given)
        train(model, optimizer, batches()[:3, rank])
        reached.append([whole(param).detach() for param in model.parameters()])
    for plain, switched in zip(*reached, strict=True):
        torch.testing.assert_close(plain, switched, rtol=1e-12, atol=1e-14)
    return optimizer.engine


@check("muon(lr=0.02)", "soap(max_precond_dim=4)")
def with_a_partner(spec, rank):
    """Matrices gathered, the rest in parts."""
    alone, model = network(), fully_shard(network())
    for own, data in ((alone, batches()[:3].flatten(1, 2)), (model, batches()[:3, rank])):
        train(own, steepest.MuonWith(own, muon=spec), data)
    assert_same(model, alone.parameters(), tolerance=1e-9)


@check("schedulefreesgd", "schedulefreeadamw")
def modes(name, rank):
    """`eval()` and `train()` in the middle of training change nothing; what is saved between them is of one process."""
    rule, reached = RULES[name], []
    for own, data in ((network(), batches().flatten(1, 2)), (fully_shard(network()), batches()[:, rank])):
        optimizer = optimizer_of(rule, own)
        train(own, optimizer, data[:3])
        optimizer.eval()
        weights = [whole(param).detach().clone() for param in own.parameters()]
        optimizer.train()
        train(own, optimizer, data[3:])
        reached.append(weights + [whole(param).detach() for param in own.parameters()])
    for single, sharded_one in zip(*reached, strict=True):
        torch.testing.assert_close(sharded_one, single, rtol=0, atol=1e-9)


@check("ddp", "fsdp")
def as_torchs(kind, rank):
    reached = []
    for library in (steepest, torch.optim):
        model = wrap(network(), kind)
        train(model, library.AdamW(model.parameters(), lr=0.01), batches()[:, rank])
        reached.append([whole(param).detach() for param in model.parameters()])
    for ours, theirs in zip(*reached, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


@each_kind
def replicas(rule, rank):
    """A mesh of two replicas with one shard each: sums are not added up twice."""
    alone, model = network(), network()
    fully_shard(model, mesh=init_device_mesh("cpu", (RANKS, 1), mesh_dim_names=("replicas", "shards")))
    train(alone, optimizer_of(rule, alone), batches()[:2].flatten(1, 2))
    train(model, optimizer_of(rule, model), batches()[:2, rank])
    assert_same(model, alone.parameters(), tolerance=1e-9)


@each_kind
def one_process_checkpoint(rule, rank):
    """What one process saved goes on in shards, and back."""
    alone, model = network(), network()
    single = optimizer_of(rule, alone)
    train(alone, single, batches()[:3].flatten(1, 2))
    model.load_state_dict(alone.state_dict())
    fully_shard(model)
    optimizer = optimizer_of(rule, model)
    optimizer.load_state_dict(single.state_dict())
    train(alone, single, batches()[3:].flatten(1, 2))
    train(model, optimizer, batches()[3:, rank])
    assert_same(model, alone.parameters(), tolerance=1e-9)


@each_kind
def full_state(rule, rank):
    """Saved as whole tensors on rank 0, and sent from there to another model."""
    models = [fully_shard(network()) for _ in range(2)]
    optimizers = [optimizer_of(rule, model) for model in models]
    train(models[0], optimizers[0], batches()[:3, rank])
    models[1].load_state_dict(models[0].state_dict())
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    state = get_optimizer_state_dict(models[0], optimizers[0], options=options)
    set_optimizer_state_dict(models[1], optimizers[1], state, options=options)
    for model, optimizer in zip(models, optimizers, strict=True):
        train(model, optimizer, batches()[3:, rank])
    assert_same(models[1], map(whole, models[0].parameters()), tolerance=0)


def checkpoints(rank):
    """Every rule's state saved by torch.distributed.checkpoint in the middle of training, then loaded into another."""
    models, optimizers = [{}, {}], [{}, {}]
    for name, rule in RULES.built_in.items():
        for own, its_own in zip(models, optimizers, strict=True):
            own[name] = fully_shard(network())
            its_own[name] = optimizer_of(rule, own[name])
        train(models[0][name], optimizers[0][name], batches()[:3, rank])
        models[1][name].load_state_dict(models[0][name].state_dict())
    saved, loaded = (
        {name: get_optimizer_state_dict(own[name], its_own[name]) for name in own}
        for own, its_own in zip(models, optimizers, strict=True)
    )
    dcp.save(saved, checkpoint_id=FOLDER / "checkpoint")
    dcp.load(loaded, checkpoint_id=FOLDER / "checkpoint")

    def go_on(name, rank):
        set_optimizer_state_dict(models[1][name], optimizers[1][name], loaded[name])
        for own, its_own in zip(models, optimizers, strict=True):
            train(own[name], its_own[name], batches()[3:, rank])
        assert_same(models[1][name], map(whole, models[0][name].parameters()), tolerance=0)

    return {f"checkpoint {rule.__name__}": partial(go_on, name) for name, rule in RULES.built_in.items()}


@check("skip", "raise", "raise for a plain one")
def non_finite(case, rank):
    """One rank's part of a gradient is bad, or of a plain parameter: neither steps, and both say so."""
    model, plain = fully_shard(network()), torch.nn.Parameter(torch.ones(2))
    pairs = [*model.named_parameters(), ("plain", plain)]
    optimizer = steepest.Adam([{"params": [pair]} for pair in pairs], lr=0.1, non_finite=case.split()[0])
    train(model, optimizer, batches()[:1, rank])
    plain.grad = torch.ones(2)
    before = [whole(param).detach().clone() for _, param in pairs]
    if rank == 1:
        (plain.grad if "plain" in case else pairs[2][1].grad.to_local())[-1] = torch.nan
    message = None
    try:
        optimizer.step()
    except ValueError as error:
        message = str(error)
    for wanted, (_, param) in zip(before, pairs, strict=True):
        assert torch.equal(whole(param), wanted)
    return [optimizer.skipped_steps, message]


@check(*(RULES[name] for name in ("adamw", "prodigy", "soap", "adafactor")))
def one_rank_without_a_gradient(rule, rank):
    """Where ranks depend on each other it is refused on both, instead of waiting for ever; else as in torch."""
    model = fully_shard(network())
    optimizer = optimizer_of(rule, model)
    train(model, optimizer, batches()[:1, rank])
    before = [whole(param).detach() for param in model.parameters()]
    if rank == 1:
        [*model.parameters()][2].grad = None
    try:
        optimizer.step()
    except ValueError as error:
        assert_same(model, before, tolerance=0)
        return str(error)


@check(*(RULES[name] for name in ("adamw", "schedulefreesgd", "soap", "muon", "prodigy")))
def half_precision(rule, rank):
    """For the same gradients as in one process: with master weights bit by bit, else to three roundings."""
    for switch, tolerance in (("master_weights", 0), ("stochastic_rounding", 0.1)):
        alone, model = network(torch.bfloat16), fully_shard(network(torch.bfloat16))
        runs = [(own, optimizer_of(rule, own, **{switch: True})) for own in (alone, model)]
        for step in range(3):
            for own, optimizer in runs:
                generator = torch.Generator().manual_seed(step)
                for param in own.parameters():
                    grad = torch.randn(param.shape, generator=generator).to(param.dtype)
                    param.grad = sharded.part_like(param, grad) if own is model else grad
                optimizer.step()
        assert_same(model, alone.parameters(), tolerance)


@check(8, 16)
def low_bits(bits, rank):
    """The parts have states in fewer bits; a checkpoint has them as whole numbers, for any number of processes."""
    torch.manual_seed(0)
    model = fully_shard(torch.nn.Linear(129, 129))
    optimizer = steepest.Adam(model.parameters(), lr=0.01, state_bits=bits)
    train(model, optimizer, torch.randn(4, 8, 129))
    weight, saved = model.weight, deepcopy(optimizer.state_dict())
    assert optimizer.state[weight]["exp_avg"].dtype == {8: torch.int8, 16: torch.bfloat16}[bits]
    whole_state = get_optimizer_state_dict(model, optimizer, options=StateDictOptions(full_state_dict=True))
    for ours in (bits, None):
        other = steepest.Adam(model.parameters(), lr=0.01, state_bits=ours)
        other.load_state_dict(saved)
        for name in ("exp_avg", "exp_avg_sq"):
            found, wanted = (whole(state["state"][0][name]) for state in (other.state_dict(), saved))
            assert found.dtype == torch.float32 and found.shape == wanted.shape
            error = (found - wanted).abs()
            assert (error <= (wanted.abs() / 16 + wanted.abs().max() / 1000 if ours == 8 else 0)).all()
            if rank == 0:
                torch.testing.assert_close(whole_state["state"]["weight"][name], wanted.cpu(), rtol=0, atol=0)
        train(model, other, torch.randn(1, 8, 129))
    return optimizer.engine


def result_of(run, rank):
    try:
        return {"found": run(rank=rank)}
    except Exception as error:
        return {"error": "".join(traceback.format_exception(error))}


def main(rank):
    torch.set_num_threads(1)
    warnings.simplefilter("error", UserWarning)
    store = f"file://{FOLDER / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=RANKS, timeout=timedelta(seconds=150))
    results = {}
    for name, run in chain(CHECKS.items(), checkpoints(rank).items()):
        print(name, file=sys.stderr)  # where it was, if this process should die or hang
        results[name] = result_of(run, rank)
        dist.barrier()
    print(json.dumps(results))


if __name__ == "__main__":
    main(int(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # as the interpreter ends, it joins gloo's thread, which now and then waits for the interpreter
