"""A step in backward: equal to the ordinary step bit by bit, with gradients that are never all alive."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import steepest
from steepest.base.errors import InvalidValue

RULES = {
    "SGD": {"momentum": 0.9}, "AdamW": {}, "Lion": {}, "Adagrad": {}, "ScheduleFreeAdamW": {"warmup_steps": 3},
    "LAMB": {}, "Muon": {},
}  # fmt: skip


class Tied(nn.Module):
    """An embedding that is the output layer too, a layer used twice, and one that is checkpointed."""

    def __init__(self, checkpointed=False, bias=True):
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.twice = nn.Linear(8, 8, bias=bias)
        self.last = nn.Linear(8, 8, bias=bias)
        self.checkpointed = checkpointed

    def forward(self, tokens):
        x = self.embedding(tokens)
        x = torch.tanh(self.twice(torch.tanh(self.twice(x))))
        x = checkpoint(self.last, x, use_reentrant=False) if self.checkpointed else self.last(x)
        return x @ self.embedding.weight.T


def batches(count, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(0, 11, (6,), generator=generator) for _ in range(count)]


def loss_of(model, tokens):
    return nn.functional.cross_entropy(model(tokens), tokens.roll(1))


def fresh(**settings):
    torch.manual_seed(0)
    return Tied(**settings)


def train(model, optimizer, count=6, scheduler=None):
    """The usual loop."""
    for tokens in batches(count):
        optimizer.zero_grad()
        loss_of(model, tokens).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()


def assert_equal(model, other):
    for (name, mine), theirs in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs), name


@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_it_is_the_ordinary_step_bit_by_bit(rule, checkpointed):
    settings = {"checkpointed": checkpointed, "bias": rule != "Muon"}
    usual, early = fresh(**settings), fresh(**settings)
    kind = getattr(steepest, rule)
    first, second = (kind(model.parameters(), lr=0.01, **RULES[rule]) for model in (usual, early))
    train(usual, first)
    with second.step_in_backward(early):
        train(early, second)
    assert_equal(usual, early)
    for mine, theirs in zip(usual.parameters(), early.parameters(), strict=True):
        assert all(torch.equal(value, second.state[theirs][name]) for name, value in first.state[mine].items())
    assert all(param.grad is None for param in early.parameters())


@pytest.mark.parametrize("wrapper", ["Cautious", "Clipped", "Lookahead"])
def test_wrapped_rules_too(wrapper):
    usual, early = fresh(), fresh()
    kind = getattr(steepest, wrapper)(steepest.AdamW)
    first, second = (kind(model.parameters(), lr=0.01) for model in (usual, early))
    train(usual, first)
    second.step_in_backward(early)
    train(early, second)
    assert_equal(usual, early)


def test_groups_schedulers_and_a_group_that_comes_later():
    models = fresh(), fresh()
    for model, in_backward in zip(models, (False, True), strict=True):
        groups = [{"params": model.embedding.parameters(), "lr": 0.1}, {"params": model.twice.parameters()}]
        optimizer = steepest.AdamW(groups, lr=0.01)
        if in_backward:
            optimizer.step_in_backward()
        optimizer.add_param_group({"params": model.last.parameters(), "lr": 0.05, "weight_decay": 0.5})
        train(model, optimizer, scheduler=torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5))
    assert_equal(*models)
    assert models[1].last.weight.grad is None


def test_a_checkpoint_goes_on_in_either_way():
    usual, early = fresh(), fresh()
    first, second = (steepest.AdamW(model.parameters(), lr=0.01) for model in (usual, early))
    train(usual, first, 3)
    second.step_in_backward(early)
    train(early, second, 3)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train(usual, first, 3)
    train(early, second, 3)
    assert_equal(usual, early)


def test_gradients_are_never_all_alive():
    """Counted at each step: the bytes of all gradients that a parameter holds."""
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(64, 64, bias=False) for _ in range(12)))
    optimizer = steepest.AdamW(model.parameters())
    size, alive = 64 * 64 * 4, []

    def count(_):
        alive.append(sum(param.grad.nbytes for param in model.parameters() if param.grad is not None))

    for param in model.parameters():
        param.register_post_accumulate_grad_hook(count)
    model(torch.ones(2, 64)).sum().backward()
    assert max(alive) == 12 * size
    optimizer.zero_grad()
    alive.clear()
    handle = optimizer.step_in_backward(model)
    model(torch.ones(2, 64)).sum().backward()
    assert max(alive) == size
    handle.remove()


def test_remove_ends_it_and_the_gradients_stay():
    model = fresh()
    optimizer = steepest.SGD(model.parameters(), lr=0.1)
    handle = optimizer.step_in_backward(model)
    handle.remove()
    handle.remove()
    before = copy.deepcopy(model)
    loss_of(model, batches(1)[0]).backward()
    assert_equal(model, before)
    assert model.last.weight.grad is not None
    optimizer.step()
    assert not torch.equal(model.last.weight, before.last.weight)


def test_accumulated_gradients_are_stepped_by_the_last_backward():
    usual, early = fresh(), fresh()
    first, second = (steepest.AdamW(model.parameters(), lr=0.01) for model in (usual, early))
    one, two = batches(2)
    loss_of(usual, one).backward()
    loss_of(usual, two).backward()
    first.step()
    handle = second.step_in_backward(early)
    with handle.accumulating():
        loss_of(early, one).backward()
    loss_of(early, two).backward()
    assert_equal(usual, early)
    assert early.last.weight.grad is None


def test_a_gradient_that_backward_did_not_make_is_stepped_by_step():
    weight = nn.Parameter(torch.ones(2))
    optimizer = steepest.SGD([weight], lr=0.5)
    optimizer.step_in_backward()
    weight.grad = torch.ones(2)
    optimizer.step()
    assert weight.tolist() == [0.5, 0.5]


def test_a_closure_is_stepped_by_its_own_backward():
    usual, early = fresh(), fresh()
    for model, in_backward in ((usual, False), (early, True)):
        optimizer = steepest.AdamW(model.parameters(), lr=0.01)
        if in_backward:
            optimizer.step_in_backward(model)

        def closure(model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = loss_of(model, batches(1)[0])
            loss.backward()
            return loss

        assert optimizer.step(closure).item() > 0
    assert_equal(usual, early)


def test_clipping_by_value_is_torchs():
    usual, early = fresh(), fresh()
    first, second = (steepest.SGD(model.parameters(), lr=0.5) for model in (usual, early))
    second.step_in_backward(early, clip_value=0.01)
    for tokens in batches(3):
        first.zero_grad()
        loss_of(usual, tokens).backward()
        nn.utils.clip_grad_value_(usual.parameters(), 0.01)
        first.step()
        loss_of(early, tokens).backward()
    assert_equal(usual, early)


def test_the_norm_that_clips_is_that_of_the_step_before():
    usual, early = fresh(), fresh()
    first, second = (steepest.SGD(model.parameters(), lr=0.5) for model in (usual, early))
    handle, last = second.step_in_backward(early, clip_last_norm=0.1), None
    for tokens in batches(4):
        first.zero_grad()
        loss_of(usual, tokens).backward()
        norm = float(nn.utils.get_total_norm([param.grad for param in usual.parameters()]))
        for param in usual.parameters():
            param.grad.mul_(1.0 if last is None else min(1.0, 0.1 / (last + 1e-6)))
        first.step()
        loss_of(early, tokens).backward()
        assert handle.last_norm == pytest.approx(norm, rel=1e-5)
        last = norm
    for mine, theirs in zip(usual.parameters(), early.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_sparse_gradients_and_frozen_parameters():
    models = []
    for in_backward in (False, True):
        torch.manual_seed(0)
        embedding, frozen = nn.Embedding(5, 3, sparse=True), nn.Linear(3, 1).requires_grad_(False)
        optimizer = steepest.SGD([*embedding.parameters(), *frozen.parameters()], lr=0.1)
        if in_backward:
            optimizer.step_in_backward(nn.ModuleList([embedding, frozen]))
        frozen(embedding(torch.tensor([1, 2, 1]))).sum().backward()
        optimizer.step()
        models.append(nn.ModuleList([embedding, frozen]))
    assert_equal(*models)


def test_engine_says_who_stepped():
    model = fresh()
    optimizer = steepest.AdamW(model.parameters())
    optimizer.step_in_backward(model)
    loss_of(model, batches(1)[0]).backward()
    assert optimizer.engine == "fused CPU kernel for 5 parameters"


def test_a_step_in_evaluation_mode_is_refused():
    model = fresh()
    optimizer = steepest.ScheduleFreeSGD(model.parameters())
    optimizer.step_in_backward(model)
    optimizer.eval()
    with pytest.raises(RuntimeError, match="a step in evaluation mode would be lost"):
        loss_of(model, batches(1)[0]).backward()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: steepest.Prodigy(m.parameters()).step_in_backward(m), "Prodigy needs all gradients before a step"),
        (lambda m: steepest.SGD(m.parameters(), non_finite="skip").step_in_backward(m), "non_finite looks at all"),
        (lambda m: steepest.SGD(m.parameters(), differentiable=True).step_in_backward(m), "differentiable=True"),
        (lambda m: steepest.SGD(m.last.parameters()).step_in_backward(m), "embedding.weight is trained by another"),
        (lambda m: steepest.SGD(m.parameters()).step_in_backward(3), "model must be a torch.nn.Module, got 3"),
        (
            lambda m: steepest.SGD(m.parameters()).step_in_backward(m, clip_value=0),
            "clip_value must be a number above 0",
        ),
        (lambda m: steepest.SGD(m.parameters()).step_in_backward(m, clip_last_norm="1"), "clip_last_norm must be"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(make, message):
    model = fresh()
    with pytest.raises(InvalidValue, match=message) as raised:
        make(model)
    assert "\n" not in str(raised.value)
    loss_of(model, batches(1)[0]).backward()
    assert model.last.weight.grad is not None  # no hook was left behind


def test_twice_is_refused():
    model = fresh()
    optimizer = steepest.SGD(model.parameters())
    optimizer.step_in_backward(model)
    with pytest.raises(InvalidValue, match="steps in backward already"):
        optimizer.step_in_backward(model)


def test_distributed_data_parallel_is_refused(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    try:
        model = nn.parallel.DistributedDataParallel(fresh())
        optimizer = steepest.SGD(model.parameters())
        with pytest.raises(InvalidValue, match="DistributedDataParallel averages gradients after they are complete"):
            optimizer.step_in_backward(model)
    finally:
        torch.distributed.destroy_process_group()
