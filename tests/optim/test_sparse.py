"""Sparse gradients: the touched rows step as the rule says, the others do not move."""

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.rules import RULES

TAKES_SPARSE = [name for name, rule in RULES.items() if rule.sparse is not None and not any(
    rule.defaults()[setting] for setting in rule.sparse)]  # fmt: skip
REFUSES = [name for name, rule in RULES.items() if rule.sparse is None]


def optimizer_class(name):
    return getattr(steepest, RULES[name].__name__)


def embedding(rows=40, sparse=True):
    torch.manual_seed(0)
    return torch.nn.Embedding(rows, 3, sparse=sparse, dtype=torch.float64)


def train(table, optimizer, steps=60, rows=40):
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        chosen = torch.randint(0, rows, (7,), generator=generator)  # some rows come twice: gradients must add up
        optimizer.zero_grad()
        (table(chosen) ** 2).sum().backward()
        optimizer.step()
    return table.weight.detach()


@pytest.mark.parametrize("name", ["SGD", "Adagrad"])
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")  # torch's Adagrad warns about itself
def test_equals_torch(name):
    ours, theirs = embedding(), embedding()
    reached = train(ours, getattr(steepest, name)(ours.parameters(), lr=0.1))
    expected = train(theirs, getattr(torch.optim, name)(theirs.parameters(), lr=0.1))
    torch.testing.assert_close(reached, expected, rtol=1e-13, atol=1e-14)


def test_adam_is_lazy_as_torchs_sparse_adam():
    """SparseAdam adds eps before its bias correction; with an eps of next to nothing that makes no difference."""
    ours, theirs = embedding(), embedding()
    reached = train(ours, steepest.Adam(ours.parameters(), lr=0.1, eps=1e-30))
    expected = train(theirs, torch.optim.SparseAdam(theirs.parameters(), lr=0.1, eps=1e-30))
    torch.testing.assert_close(reached, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["SGD", "Adagrad"])
def test_equals_the_dense_gradient(name):
    sparse, dense = embedding(), embedding(sparse=False)
    reached = train(sparse, getattr(steepest, name)(sparse.parameters(), lr=0.1))
    torch.testing.assert_close(reached, train(dense, getattr(steepest, name)(dense.parameters(), lr=0.1)))


@pytest.mark.parametrize("name", TAKES_SPARSE)
def test_untouched_rows_and_the_gradient_stay_bit_for_bit(name):
    table = embedding()
    before = table.weight.detach().clone()
    (table(torch.tensor([3, 3, 5])) ** 2).sum().backward()
    gradient = table.weight.grad.to_dense()
    optimizer_class(name)(table.parameters(), lr=0.1).step()
    moved = (table.weight != before).any(dim=1)
    assert moved.nonzero().flatten().tolist() == [3, 5]
    assert torch.equal(table.weight.grad.to_dense(), gradient)


@pytest.mark.parametrize("name", TAKES_SPARSE)
def test_maximize_goes_the_other_way(name):
    table = embedding()
    before = table.weight.detach().clone()
    (table(torch.tensor([2])) ** 2).sum().backward()
    optimizer_class(name)(table.parameters(), lr=0.1, maximize=True).step()
    assert (table.weight[2].detach().abs() > before[2].abs()).all()


@pytest.mark.parametrize("name", REFUSES)
def test_rules_that_need_every_row_refuse(name):
    table = embedding()
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(InvalidValue, match="does not support sparse gradients"):
        optimizer_class(name)(table.parameters()).step()


@pytest.mark.parametrize(("name", "setting", "value"), [
    ("SGD", "momentum", 0.9), ("Adagrad", "weight_decay", 0.1), ("Adam", "weight_decay", 0.1),
    ("Adam", "amsgrad", True),
])  # fmt: skip
def test_settings_that_would_move_every_row_are_refused_and_nothing_moves(name, setting, value):
    table = embedding()
    before = table.weight.detach().clone()
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(InvalidValue, match=f"{setting} must be 0"):
        getattr(steepest, name)(table.parameters(), **{setting: value}).step()
    assert torch.equal(table.weight, before)


# --- other gradients than rows of float64 -----------------------------------------------------------------------------


def scattered(seed, shape, axes, dtype=torch.float64):
    """A gradient that is sparse in so many axes, with places that come twice."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.stack([torch.randint(0, size, (5,), generator=generator) for size in shape[:axes]])
    values = torch.randn(5, *shape[axes:], generator=generator, dtype=dtype)
    return torch.sparse_coo_tensor(places, values, shape, check_invariants=True)


def train_scattered(optimizer, axes, steps=20):
    (param,) = optimizer.param_groups[0]["params"]
    for step in range(steps):
        param.grad = scattered(step, param.shape, axes, param.dtype)
        optimizer.step()
    return param.detach()


THEIRS = {
    "SGD": (torch.optim.SGD, {}),
    "Adagrad": (torch.optim.Adagrad, {}),
    "Adam": (torch.optim.SparseAdam, {"eps": 1e-30}),
}


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize(("shape", "axes"), [((4, 3), 2), ((4, 3, 2), 2), ((4, 3, 2), 3), ((6,), 1)], ids=str)
def test_gradients_sparse_in_several_axes_equal_torch(name, shape, axes):
    theirs, settings = THEIRS[name]
    params = [torch.nn.Parameter(torch.ones(shape, dtype=torch.float64)) for _ in range(2)]
    reached = train_scattered(getattr(steepest, name)(params[:1], lr=0.1, **settings), axes)
    torch.testing.assert_close(
        reached, train_scattered(theirs(params[1:], lr=0.1, **settings), axes), rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("name", THEIRS)
def test_rows_of_half_precision_are_computed_in_float32(name):
    start = torch.linspace(0.5, 2.0, 12).reshape(4, 3)
    full, masters = torch.nn.Parameter(start.bfloat16().float()), torch.nn.Parameter(start.bfloat16())
    optimizers = [
        getattr(steepest, name)([full], lr=1e-3),
        getattr(steepest, name)([masters], lr=1e-3, master_weights=True),
    ]
    for step in range(20):
        masters.grad = scattered(step, (4, 3), 1, torch.bfloat16)
        full.grad = masters.grad.float()
        for optimizer in optimizers:
            optimizer.step()
    assert torch.equal(optimizers[1].state[masters]["master"], full)
    assert torch.equal(masters, full.bfloat16())


def test_rows_of_half_precision_are_rounded_at_random():
    """Steps of a 1,000th of the resolution add up in the mean, and untouched rows stay."""
    param = torch.nn.Parameter(torch.ones(3, 4000, dtype=torch.bfloat16))
    optimizer = steepest.SGD([param], lr=1e-4, stochastic_rounding=True)
    for _ in range(50):
        param.grad = torch.sparse_coo_tensor([[1]], torch.ones(1, 4000, dtype=torch.bfloat16), (3, 4000))
        optimizer.step()
    means = param.detach().double().mean(dim=1)
    assert means[0] == means[2] == 1
    assert means[1] == pytest.approx(1 - 50e-4, abs=4e-4)
