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
