"""The loop over sessions: what it asks of one, and that a supervised session is what a plain loop was, to the bit."""

import hashlib
import json
import struct
from itertools import islice
from pathlib import Path

import pytest
import torch

from steepest import rules, schedules, workloads
from steepest.base.errors import InvalidValue
from steepest.optim.routing import optimizer_of
from steepest.rules import SGD, Adam
from steepest.training import loop, step_times, train
from steepest.training.grid import grid
from steepest.workloads import Problem, Session
from steepest.workloads.digest import digest
from steepest.workloads.seeding import seeded

RULES = {
    "sgd": "sgd(lr=0.05)", "adam": "adam(lr=0.01)", "muon": "muon(lr=0.02)",
    "schedulefree": "schedulefreeadamw(lr=0.01)",
}  # fmt: skip
NEEDS_DATA = {"airfoil"}
GOLDEN = json.loads((Path(__file__).parent.parent / "data" / "golden_runs.json").read_text())

every_workload = pytest.mark.parametrize("name", sorted({*workloads.WORKLOADS} - {*workloads.APPLICATIONS}))
every_rule = pytest.mark.parametrize("rule", RULES)


@pytest.fixture
def problem(name, request):
    if name in NEEDS_DATA:
        request.getfixturevalue("airfoil")
    return workloads.find(name)


# --- the built-in workloads, as they were -----------------------------------------------------------------------------


def plain_batches(inputs, targets, size, seed):
    """The order of the examples as it was defined before there were sessions."""
    generator = torch.Generator().manual_seed(seed)
    while size < len(inputs):
        order = torch.randperm(len(inputs), generator=generator)[: len(inputs) // size * size]
        # cut from one tensor, as they were: the last bit of a product may depend on where a matrix begins in memory
        yield from zip(inputs[order].split(size), targets[order].split(size), strict=True)
    while True:
        yield inputs, targets


def plain_run(problem, rule, seed, steps, size, schedule):
    """Training by hand: the fingerprint, and for each measurement its step, training loss, loss and metric."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sets, model = problem.data(), problem.model()
        optimizer, factor = optimizer_of(rule, model), schedules.find(schedule)
        batches, rates = plain_batches(*sets[:2], size, seed), [group["lr"] for group in optimizer.param_groups]

        @torch.no_grad()
        def measured():
            with optimizer.evaluating():
                output = model.eval()(sets[2])
            model.train()
            return float(problem.loss(output, sets[3])), float(problem.metric(output, sets[3]))

        loss, metric = measured()
        weights = model.state_dict()
        whole = hashlib.sha256(digest(sets) + repr(list(weights)).encode())
        for tensor in weights.values():
            whole.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.numpy().tobytes())
        whole.update(struct.pack("<d", loss))
        curve, made = [(0, loss, loss, metric)], 0
        for goal in grid(steps):
            losses = []
            for inputs, targets in islice(batches, goal - made):
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * factor(made, steps)
                optimizer.zero_grad()
                losses.append(problem.loss(model(inputs), targets))
                losses[-1].backward()
                optimizer.step()
                made += 1
            curve.append((made, float(torch.stack(losses).detach().sum()) / len(losses), *measured()))
    return whole.hexdigest(), curve


@every_rule
@every_workload
@pytest.mark.parametrize(
    ("steps", "size", "schedule"), [(70, None, "constant"), (60, 5, "warmup_cosine"), (5, 10**6, "constant")]
)
def test_a_supervised_run_is_a_plain_loop_to_the_last_bit(name, rule, steps, size, schedule, problem):
    if (name, rule) == ("zipf", "muon"):
        pytest.skip("has no matrix for Muon")
    chosen = rules.find(RULES[rule])
    expected = plain_run(problem, chosen, 3, steps, size or problem.batch_size, schedule)
    run = train(problem, chosen, 3, steps, size, schedule)
    assert (
        run.fingerprint,
        [(point.step, point.train_loss, point.loss, point.metric) for point in run.curve],
    ) == expected


@every_workload
def test_data_weights_and_losses_are_those_that_older_studies_have(name, problem):
    """Golden numbers, made before there were sessions: runs of an old study and of its resumption are pairs."""
    golden = GOLDEN[name]
    if GOLDEN["machine"] == f"{torch.__version__} {torch.backends.cpu.get_cpu_capability()}":  # else bits may differ
        with seeded(1):
            session = problem.begin(1, "cpu")
        assert session.fingerprint().hex() == golden["data"]
        assert digest(session.model.state_dict().values()).hex() == golden["weights"]
    for rule, losses in golden["losses"].items():
        curve = train(problem, rules.find(RULES[rule]), 1, steps=20).curve
        assert [point.loss for point in curve[::10]] == pytest.approx(losses, rel=1e-4)


# --- any session ------------------------------------------------------------------------------------------------------


class Line(Problem):
    """The slope of a line, from points drawn on the way; evaluation draws numbers, too."""

    metric_name = "distance"
    higher_is_better = False
    target = 0.05
    steps = 40

    def begin(self, seed, device):
        return LineSession(seed, device)


class LineSession(Session):
    def __init__(self, seed, device):
        self.model = torch.nn.Sequential(torch.nn.Dropout(0.2), torch.nn.Linear(1, 1)).to(device)
        self.calls, self.rates, self.draws, self.evaluations = [], [], [], []

    def advance(self, optimizer, steps):
        self.calls.append(steps)
        return [self.step(optimizer) for _ in range(steps)]

    def step(self, optimizer):
        points = torch.rand(16, 1)
        self.draws.append(float(points[0, 0]))
        self.rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.zero_grad()
        loss = (self.model(points) - 2 * points).square().mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    def measure(self):
        self.evaluations.append(float(torch.rand(())))
        return {"loss": 1.0, "distance": (self.model[1].weight - 2).abs().detach(), "more": 3}


class Watched(Line):
    """A line whose sessions are kept."""

    def __init__(self):
        self.sessions = []

    def begin(self, seed, device):
        self.sessions.append(super().begin(seed, device))
        return self.sessions[-1]


def test_a_session_of_any_kind_is_trained_and_measured_on_the_grid():
    problem = Watched()
    run = train(problem, Adam(lr=0.2), 1, steps=120)
    assert [point.step for point in run.curve] == [0, *grid(120)]
    assert problem.sessions[0].calls == [
        step - before for before, step in zip([0, *grid(120)], grid(120), strict=False)
    ]
    assert run.curve[-1].metric < run.curve[0].metric
    assert len(run.fingerprint) == 64


def test_a_schedule_sets_the_learning_rate_of_each_step_of_any_session():
    problem, factor = Watched(), schedules.find("warmup_cosine")
    train(problem, SGD(lr=0.5), 1, steps=120, schedule="warmup_cosine")
    assert problem.sessions[0].rates == [[0.5 * factor(step, 120)] for step in range(120)]


def test_how_often_a_run_is_measured_changes_nothing_about_its_training(monkeypatch):
    """Though evaluation draws numbers, and a study may be measured on another grid one day."""
    draws = []
    for points in ([120], range(1, 121)):
        problem = Watched()
        monkeypatch.setattr(loop, "grid", lambda steps, points=points: points)
        last = train(problem, Adam(lr=0.2), 1, steps=120).curve[-1]
        draws.append((problem.sessions[0].draws, last.metric))
    assert draws[0] == draws[1]


def test_evaluations_of_a_run_draw_the_same_numbers_and_those_of_another_seed_others():
    problem = Watched()
    for seed in (1, 2):
        train(problem, SGD(lr=0.1), seed)
    first, second = (set(session.evaluations) for session in problem.sessions)
    assert len(first) == len(second) == 1
    assert first != second
    assert not first & set(problem.sessions[0].draws)


def test_an_optimizer_that_draws_numbers_changes_no_evaluation():
    problem = Watched()
    train(problem, SGD(lr=0.1), 1)
    train(problem, SGD(lr=0.2), 1, schedule="cosine")
    assert problem.sessions[0].evaluations == problem.sessions[1].evaluations


def test_losses_may_be_numbers_or_one_tensor():
    def giving(change):
        class Other(LineSession):
            def advance(self, optimizer, steps):
                return change(super().advance(optimizer, steps))

        class OtherLine(Line):
            def begin(self, seed, device):
                return Other(seed, device)

        return [point.train_loss for point in train(OtherLine(), SGD(lr=0.1), 1, schedule="cosine").curve]

    assert giving(torch.stack) == giving(list) == pytest.approx(giving(lambda losses: [float(loss) for loss in losses]))


def test_groups_of_a_session_are_the_optimizers_groups():
    class Grouped(LineSession):
        def __init__(self, seed, device):
            super().__init__(seed, device)
            weight, bias = self.model.parameters()
            self.groups = [{"params": [weight]}, {"params": [bias], "lr": 0.0}]

    class GroupedLine(Watched):
        def begin(self, seed, device):
            self.sessions.append(Grouped(seed, device))
            return self.sessions[-1]

    problem = GroupedLine()
    train(problem, SGD(lr=0.5), 1, steps=3)
    assert problem.sessions[0].rates == [[0.5, 0.0]] * 3
    train(problem, rules.find("muon(lr=0.1)"), 1, steps=1)
    assert problem.sessions[1].rates == [[0.1, 0.0]]


def test_a_rule_for_matrices_and_its_partner_divide_the_groups_of_a_session():
    model = torch.nn.Sequential(*(torch.nn.Linear(4, 4) for _ in range(3)))
    matrices, biases = ([p for p in model.parameters() if (p.ndim > 1) is wanted] for wanted in (True, False))
    groups = [{"params": matrices}, {"params": biases, "weight_decay": 0.0}]
    optimizer = optimizer_of(rules.find("muon(lr=0.1, weight_decay=0.5)"), model, groups)
    found = [(group["rule"], group["weight_decay"], len(group["params"])) for group in optimizer.param_groups]
    assert found == [("muon", 0.5, 2), ("adamw", 0.01, 1), ("adamw", 0.0, 3)]
    assert "adamw  0.bias" in str(optimizer)
    plain = optimizer_of(rules.find("muon(lr=0.1, weight_decay=0.5)"), model)
    assert [group["lr"] for group in optimizer.param_groups][::2] == [group["lr"] for group in plain.param_groups]
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    assert len(optimizer.state) == 6
    optimizer.load_state_dict(optimizer.state_dict())
    with pytest.raises(InvalidValue, match="Muon: muon has no alpha, which a group sets"):
        optimizer_of(rules.find("muon"), model, [{"params": matrices + biases, "alpha": 1}])


def test_a_batch_size_is_for_problems_that_have_one():
    assert train(Line(), SGD(lr=0.1), 1, batch_size=0).curve
    with pytest.raises(InvalidValue, match="Line: has no batch size that could be 8"):
        train(Line(), SGD(lr=0.1), 1, batch_size=8)


def test_steps_of_any_session_can_be_timed():
    (times,) = step_times(Line(), [(SGD(lr=0.1), 0, "cosine")], rounds=2, block=0.0).seconds
    assert len(times) == 2
    assert min(times) > 0


def test_fingerprints_tell_what_a_session_says_of_its_data():
    class Said(LineSession):
        def fingerprint(self):
            return b"other data"

    class SaidLine(Line):
        def begin(self, seed, device):
            return Said(seed, device)

    fingerprints = {train(problem, SGD(lr=0.1), 1, steps=1).fingerprint for problem in (Line(), SaidLine(), Line())}
    assert len(fingerprints) == 2
