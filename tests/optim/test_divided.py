"""Steps of whole matrices divided among processes: in two and four they are as in one, and each is computed once."""

import sys
from math import prod
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.optim import as_optimizer, assigned
from steepest.optim.assigned import owners, rounds, states_like
from steepest.optim.partition import partition
from steepest.rules import RULES, Muon, Rule, find

from ..ranks import results_of_ranks

SCRIPT = Path(__file__).parent / "divided_training.py"

STEPPED = [True, False, False, False, True, False, True, False]
"""Which parameters Muon steps, where the second matrix has no gradient."""

# --- in processes -----------------------------------------------------------------------------------------------------


def results_of(ranks, folder):
    """For each check by name, what the script's processes say about it, by rank."""
    folder.mkdir()
    return results_of_ranks(SCRIPT, ranks, ranks, folder, timeout=400)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four processes find here what two have saved."""
    return tmp_path_factory.mktemp("divided")


@pytest.fixture(scope="module")
def of_two(folder):
    return results_of(2, folder / "two")


@pytest.fixture(scope="module")
def of_four(folder, of_two):
    return results_of(4, folder / "four")


@pytest.mark.parametrize("ranks", [2, 4])
def test_processes_that_share_matrices_are_as_one(ranks, request):
    results = request.getfixturevalue({2: "of_two", 4: "of_four"}[ranks])
    errors = [f"{name}: {result['error']}" for name, ranks in results.items() for result in ranks if "error" in result]
    assert not errors, "\n".join(errors)
    found = {name: [result["found"] for result in by_rank] for name, by_rank in results.items()}

    for kind in ("ddp", "fsdp"):
        for rule in ("normuon", "clipped(muon)"):
            assert set(found.get(f"{kind} {rule}", ())) <= {"assigned to ranks for 4 parameters"}
        assert f"{kind} normuon" in found
        assert found[f"fewer_matrices_than_processes {kind}"] == [[1] + [0] * (ranks - 1)] * ranks
        assert sum(found[f"with_a_partner {kind}"][0].count(text) for text in ("assigned to ranks for 3", "fused")) == 2
        for message in found[f"one_rank_without_a_gradient {kind}"]:
            assert "Muon: parameter 0 of the group has a gradient on some ranks only" in message
        assert found[f"no_gradient_on_any_rank {kind}"] == [STEPPED] * ranks
        own, *others = [found[f"a_rank_that_fails {kind}"][rank] for rank in (1, 0, *range(2, ranks))]
        assert "memory" in own or "allocate" in own
        for message in others:
            assert message.startswith("rank 1 could not make its part of this step")
    assert set(found.get("fsdp lamb", ())) <= {"assigned to ranks for 8 parameters"}
    assert not any("assigned" in text for text in found.get("ddp lamb", ()))  # sums are not worth it
    for text in found.get("fsdp soap", ()):
        assert "gathered from all ranks for 1 parameters" in text
    shares = found["replicas normuon"][0]
    assert len(shares) == ranks and sum(shares) == 4 and min(shares) >= 1
    assert sum(found["another_group of pairs"][:2]) >= 1
    assert all("parameters of other shapes" in message for message in found["refused shapes"])
    assert all("neither in DistributedDataParallel" in text for text in found["refused no group of processes"])
    assert all("steps in backward cannot be divided" in text for text in found["refused in backward"])
    assert all("sharded parameters are stepped after backward" in text for text in found["refused shards in backward"])
    assert found["left_alone"][0].startswith("another rank did not take part in the step")


def test_the_table_says_who_does_what(of_two):
    """The numbers are checked in the processes, by counting."""
    table = of_two["as_stated ddp"][0]["found"]
    assert "NorMuon\n  4 parameters, 115 numbers: assigned to 2 processes (replicas: 2, parts: 1)" in table
    assert "process  owns" in table


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled:UserWarning")
@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_one_process_goes_on_from_what_two_saved(kind, of_two, monkeypatch, folder):
    name = "normuon"
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    monkeypatch.setattr(sys, "argv", ["", str(folder / "one")])
    import divided_training as script

    monkeypatch.setattr(script, "FOLDER", folder / "one")
    model = script.network()
    optimizer = script.optimizer_of(name, model)
    script.load(name, kind, model, optimizer)
    script.train(model, optimizer, script.all_batches()[script.STEPS // 2 :])
    script.assert_same(model, script.alone(name).parameters(), script.TOLERANCE)


# --- the division of an update ----------------------------------------------------------------------------------------

DIVIDED = [
    *(name for name, rule in RULES.built_in.items() if not rule.elementwise and not rule.shared),
    "cautious(muon)", "lookahead(muon)", "clipped(muon)", "centralized(normuon)", "cautiousdecay(muon)",
]  # fmt: skip


@pytest.mark.parametrize("spec", DIVIDED)
@pytest.mark.parametrize("shape", [(6, 8), (7, 3), (4, 3, 2), (5,)], ids=str)
def test_a_divided_update_is_the_update(spec, shape):
    """Parts of the first axis, put together after each stage, give what `update` gives: bit by bit."""
    rule = find(spec)
    if len(shape) < rule.least_axes:
        return
    like = torch.empty(shape, dtype=torch.float64, device="meta")
    generator = torch.Generator().manual_seed(0)
    param = torch.randn(shape, generator=generator, dtype=torch.float64)
    states = {
        name: value if value is None or isinstance(value, torch.Tensor) or name in rule.numbers
        else torch.full_like(param, value)
        for name, value in rule.init(param).items()
    }  # fmt: skip
    for step in range(1, 4):
        division = partition(rule, like, step, states_like(rule, like))
        grad = torch.randn(shape, generator=generator, dtype=torch.float64)
        expected = rule.update(grad, param, step, *states.values())
        cut = [[value.chunk(2) if isinstance(value, torch.Tensor) and value.shape == shape else [value] * 2
                for value in (grad, param, step, *states.values())]]  # fmt: skip
        parts = [division.before([values[place] for values in cut[0]]) for place in range(2)]
        whole = {index: torch.cat([part[index] for part in parts]) for index in division.sends}
        results = division.whole(whole | division.common(parts[0]))
        outputs = [
            division.after(part | {
                index: value.chunk(2)[place] if division.is_divided(index) else value
                for index, value in results.items()
            })
            for place, part in enumerate(parts)
        ]  # fmt: skip
        for wanted, *reached in zip(expected, *outputs, strict=True):
            if isinstance(wanted, torch.Tensor):
                joined = torch.cat(reached) if wanted.shape == shape else reached[0]
                assert torch.equal(joined, wanted)
            else:
                assert reached[0] == wanted
        param, states = param + expected[0], dict(zip(states, expected[1:], strict=True))


@pytest.mark.parametrize(("spec", "sent", "returned"), [
    ("muon", 1, [(6, 8)]),
    ("muon(weight_decay=0)", 1, [(6, 8)]),
    ("normuon", 1, [(6, 1), (6, 8)]),
    ("lookahead(muon)", 1, [(6, 8)]),
    ("lamb(weight_decay=0.01)", 2, [()]),
    ("lars", 2, [()]),
    ("stableadamw", 1, [(), ()]),
])  # fmt: skip
def test_only_what_the_whole_needs_is_sent(spec, sent, returned):
    rule, like = find(spec), torch.empty(6, 8, device="meta")
    division = partition(rule, like, 1, states_like(rule, like))
    assert len(division.sends) == sent
    assert [tuple(division.shapes[index]) for index in division.returns] == returned


def test_the_cost_is_that_of_the_matrix_products():
    """Newton-Schulz on n x k, n <= k: 2 n^2 k (twice) and 2 n^3 a step; elementwise operations are some of n k."""
    rule, like = Muon(), torch.empty(64, 256, device="meta")
    products = rule.ns_steps * (4 * 64**2 * 256 + 2 * 64**3)
    assert products < partition(rule, like, 1, states_like(rule, like)).cost < 1.05 * products


class Branching(Rule):
    """A rule that looks at values."""

    elementwise = False

    def init(self, param):
        return {}

    def update(self, grad, param, step):
        return (-self.lr * grad if float(grad.sum()) > 0 else 0 * grad,)


def test_an_update_that_looks_at_values_is_not_divided():
    like = torch.empty(2, 3, device="meta")
    assert partition(Branching(), like, 1, {}) is None
    assert issubclass(as_optimizer(Branching), steepest.Optimizer)


# --- who owns what ----------------------------------------------------------------------------------------------------


def matrix(cost, numbers=1):
    return SimpleNamespace(partition=SimpleNamespace(cost=cost), shape=torch.Size((numbers,)), dtype=torch.float32)


def costs(own):
    return [sum(matrix.partition.cost for matrix in mine) for mine in own]


def test_matrices_are_given_out_evenly():
    assert costs(owners([matrix(cost) for cost in (3, 1, 4, 1, 5, 9, 2, 6)], 4)) == [9, 8, 7, 7]
    assert costs(owners([matrix(5)], 3)) == [5, 0, 0]
    gpt2 = [prod(shape) for shape in [(768, 2304), (768, 768), (768, 3072), (3072, 768)] * 12]
    shares = costs(owners([matrix(cost) for cost in gpt2], 8))
    assert max(shares) < 1.12 * sum(gpt2) / 8


def test_rounds_are_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(assigned, "ROUND", 40)
    turns = rounds([[matrix(1, 6), matrix(1, 4), matrix(1, 3)], [matrix(1, 100)], []])
    assert [[[m.shape[0] for m in mine] for mine in turn] for turn in turns] == [[[6, 4], [100], []], [[3], [], []]]


def test_without_processes_nothing_is_divided():
    optimizer = steepest.Muon([torch.nn.Parameter(torch.ones(2, 3))])
    with pytest.raises(InvalidValue, match="init_process_group"):
        optimizer.distribute()
    assert repr(optimizer.distribution) == "Muon\n  1 parameters: every process computes all of the step"
