"""Random numbers of a step, of a batch and of an evaluation have seeds of their own: nothing else changes them."""

import copy
import random
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from steepest import rules
from steepest.rules import SGD, Adam, Rule
from steepest.training import loop, train, trainer
from steepest.training.own_draws import may_draw
from steepest.training.repeating import first_difference
from steepest.training.trainer import Trainer
from steepest.workloads import Problem, Session
from steepest.workloads.batches import FromBatches
from steepest.workloads.draws import StepDraws
from steepest.workloads.seeding import seeded
from steepest.workloads.supervised import Supervised

DRAWS = {
    "torch": lambda: float(torch.randn(())),
    "numpy": lambda: float(np.random.normal()),  # draws two, and keeps one for later
    "python": lambda: random.gauss(0.0, 1.0),  # likewise
}

every_generator = pytest.mark.parametrize("generator", DRAWS)


class Drawing:
    """A workload whose loss, data and evaluation draw from one generator, and remember it."""

    def __init__(self, generator: str, every: int = 1, more=lambda model: 0) -> None:
        self.draw, self.every, self.more = DRAWS[generator], every, more
        self.drawn: list[float] = []
        self.evaluated: list[float] = []
        self.calls = 0

    def note(self, model: torch.nn.Module) -> float:
        self.calls += 1
        if self.calls % self.every:
            return 0.0
        self.drawn.append(self.draw())
        for _ in range(self.more(model)):
            self.draw()
        return self.drawn[-1]

    def evaluate(self, model):
        self.evaluated.append(self.draw())
        return {"loss": model.weight.square().sum() + self.evaluated[-1]}

    def of_batches(self) -> FromBatches:
        def batches():
            for _ in range(7):
                self.drawn.append(self.draw())
                yield torch.tensor([[1.0, self.drawn[-1]]])

        return FromBatches(
            name="drawing", about="", about_zh="", model=lambda: torch.nn.Linear(2, 1), batches=batches,
            loss=lambda model, batch: model(batch).square().sum() + self.note(model) * model.bias.sum(),
            evaluate=self.evaluate, target=-1.0,
        )  # fmt: skip

    def of_tensors(self) -> Supervised:
        x = torch.linspace(-1, 1, 40)[:, None]
        model = torch.nn.utils.skip_init(torch.nn.Linear, 1, 1)
        torch.nn.init.constant_(model.weight, 0.5), torch.nn.init.zeros_(model.bias)

        def loss(output, targets):
            if not torch.is_grad_enabled():
                return output.sum() * 0 + self.evaluate(model)["loss"]
            return (output - targets).square().mean() * (1 + self.note(model) ** 2)

        return Supervised(
            name="drawing", about="", about_zh="", data=lambda: (x, x, x, x), model=lambda: copy.deepcopy(model),
            loss=loss, metric=loss, metric_name="loss", higher_is_better=False, target=-1.0, batch_size=8,
        )  # fmt: skip


FORMS = {"batches": Drawing.of_batches, "tensors": Drawing.of_tensors}
every_form = pytest.mark.parametrize("form", FORMS)


def curve(drawing: Drawing, form: str, rule: Rule, **settings):
    drawing.drawn.clear()
    drawing.evaluated.clear()
    drawing.calls = 0
    run = train(FORMS[form](drawing), rule, 5, steps=40, **settings)
    return list(drawing.drawn), run.curve[-1].loss, run.curve[-1].train_loss


@every_form
@every_generator
@pytest.mark.parametrize("every", [1, 13])  # from the beginning, or now and then
def test_evaluating_more_often_changes_no_draw(form, generator, every, monkeypatch):
    found = []
    for points in ([20, 40], range(1, 41), [7, 39, 40]):
        monkeypatch.setattr(loop, "grid", lambda steps, points=points: points)
        drawn, loss, _ = curve(Drawing(generator, every), form, Adam(lr=0.01))
        found.append((drawn, loss))
    assert found[0] == found[1] == found[2]
    assert len(set(found[0][0])) == len(found[0][0]) > 2, "each batch has numbers of its own"


@every_form
@every_generator
def test_evaluations_draw_the_same_each_time_and_another_seed_others(form, generator):
    drawing = Drawing(generator)
    curve(drawing, form, SGD(lr=0.01))
    assert len(set(drawing.evaluated)) == {"batches": 1, "tensors": 2}[form]  # there by loss and metric
    assert not set(drawing.evaluated) & set(drawing.drawn)


class Quiet(torch.optim.SGD):
    """Draws nothing."""

    evaluating = staticmethod(nullcontext)


class Loud(Quiet):
    """Draws from every generator, another number of times in each step."""

    def step(self, closure=None):
        self.count = getattr(self, "count", 0) + 1
        for _ in range(self.count % 4):
            torch.rand(3), np.random.rand(), np.random.normal(), random.random(), random.gauss()
        return super().step(closure)


@pytest.fixture
def use(monkeypatch):
    """Let all rules be stepped by another class."""

    def use(optimizer):
        monkeypatch.setattr(trainer, "optimizer_of", lambda rule, model, _: optimizer(model.parameters(), lr=0.01))
        monkeypatch.setattr(trainer, "may_draw", lambda rule, _: optimizer is not Quiet)

    return use


@every_form
@every_generator
@pytest.mark.parametrize("every", [1, 13])
def test_an_optimizer_that_draws_changes_no_draw(form, generator, every, use):
    use(Quiet)
    quiet = curve(Drawing(generator, every), form, SGD(lr=0.01))
    use(Loud)
    assert curve(Drawing(generator, every), form, SGD(lr=0.01)) == quiet


@every_form
@every_generator
def test_an_optimizer_with_a_closure_draws_what_others_draw_at_each_call(form, generator):
    plain = curve(Drawing(generator), form, SGD(lr=0.01))[0]
    repeated = curve(Drawing(generator), form, rules.find("torch.optim:LBFGS(lr=0.001, max_iter=3)"))[0]
    seen = list(dict.fromkeys(repeated))
    assert 1 < len(seen) < min(len(plain), len(repeated))  # a step of the run is an evaluation
    assert seen == plain[: len(seen)]


@every_form
@every_generator
def test_steps_that_need_more_numbers_do_not_shift_those_of_later_steps(form, generator):
    """Such as rejection sampling, whose draws depend on the weights, hence on the optimizer."""
    plain = curve(Drawing(generator), form, SGD(lr=0.01))[0]
    varying = Drawing(
        generator, more=lambda model: int(1e4 * abs(float(next(iter(model.parameters())).detach().sum()))) % 5
    )
    assert curve(varying, form, SGD(lr=0.01))[0] == plain


@every_form
@every_generator
@pytest.mark.parametrize("every", [1, 13])
@pytest.mark.parametrize("stop", [3, 7, 20])
def test_a_session_goes_on_from_a_checkpoint_to_the_last_bit(form, generator, every, stop):
    drawing = Drawing(generator, every)
    problem = FORMS[form](drawing)

    def begun(seed):
        session = problem.begin(5, "cpu")
        return session, torch.optim.SGD(session.model.parameters(), lr=0.01)

    with seeded(5):
        drawing.calls = 0
        session, optimizer = begun(5)
        session.fingerprint()
        session.advance(optimizer, stop)
        state, calls = copy.deepcopy(session.state_dict()), drawing.calls
        drawing.drawn.clear()
        losses = session.advance(optimizer, 30)
        expected = list(drawing.drawn), losses, session.model.state_dict()
    with seeded(6):
        session, optimizer = begun(6)
        session.load_state_dict(state)
        drawing.calls = calls
        drawing.drawn.clear()
        losses = session.advance(optimizer, 30)
    assert list(drawing.drawn) == expected[0]
    assert losses == expected[1]
    assert all(map(torch.equal, session.model.state_dict().values(), expected[2].values()))


def test_two_sessions_in_turns_draw_what_each_draws_alone():
    alone, in_turns = Drawing("numpy", 3), [Drawing("numpy", 3), Drawing("python", 2)]
    curve(alone, "batches", SGD(lr=0.01))
    with seeded(5):
        trainers = [Trainer(drawing.of_batches(), SGD(lr=0.01), 5, 40, None, "constant") for drawing in in_turns]
        for _ in range(20):
            for trainer in trainers:
                trainer.advance(2)
    assert in_turns[0].drawn == alone.drawn


# --- a loop of its own ------------------------------------------------------------------------------------------------


class Own(Problem):
    """Draws in each step, from every generator."""

    target = -1.0

    def begin(self, seed, device):
        return OwnSession()


class OwnSession(Session):
    def __init__(self):
        self.model = torch.nn.Linear(1, 1)
        self.drawn = []

    def advance(self, optimizer, steps):
        losses = []
        for _ in range(steps):

            def closure():
                self.drawn.append([draw() for draw in DRAWS.values()])
                optimizer.zero_grad()
                loss = self.model.weight.square().sum()
                loss.backward()
                return loss

            losses.append(optimizer.step(closure).detach())
        return losses

    def measure(self):
        return {"loss": self.model.weight.square().sum()}


class Twice(Loud):
    """Calls its closure twice."""

    def step(self, closure=None):
        closure()
        return super().step(closure)


def test_an_optimizer_that_draws_has_a_stream_of_its_own_in_any_loop(use):
    drawn = {}
    for optimizer in (Quiet, Loud, Twice):
        use(optimizer)
        with seeded(3):
            ours = Trainer(Own(), SGD(lr=0.1), 3, 9, None, "constant")
            ours.advance(9)
        drawn[optimizer] = ours.session.drawn
    assert drawn[Loud] == drawn[Quiet]
    assert drawn[Twice][::2] == drawn[Twice][1::2] == drawn[Loud], "a closure draws the same at each call"


def test_rules_that_are_pure_need_no_stream():
    class Shaky(Rule):
        title, reference = "Shaky", ""

        def init(self, param):
            return {}

        def update(self, grad, param, step):
            return (-self.lr * (grad + torch.randn_like(param)),)

    weight = [torch.nn.Parameter(torch.ones(2, 2))]
    assert not may_draw(rules.find("adam"), torch.optim.SGD(weight))
    assert not may_draw(rules.find("torch.optim:Rprop"), torch.optim.Rprop(weight))
    assert may_draw(rules.find("torch.optim:Rprop"), Loud(weight))
    for name in ("adam", "muon"):
        assert not may_draw(rules.find(name), Loud(weight))
    assert may_draw(Shaky(lr=0.1), Loud(weight))


# --- what no seed decides ---------------------------------------------------------------------------------------------

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("part", ["batches", "loss", "evaluate", "model"])
def test_unpaired_randomness_of_any_part_is_detected(part):
    plain = Drawing("torch").of_batches()
    assert first_difference(plain, SGD(lr=0.01), 3, steps=10) == ""

    def model():
        made = plain.model()
        torch.nn.init.constant_(made.bias, GENERATOR.normal())
        return made

    loose = {
        "batches": lambda: iter([torch.tensor(GENERATOR.normal(size=(1, 2)), dtype=torch.float32)]),
        "loss": lambda model, batch: plain.loss(model, batch) * GENERATOR.uniform(0.5, 1.5),
        "evaluate": lambda model: {"loss": GENERATOR.normal()},
        "model": model,
    }
    found = first_difference(replace(plain, **{part: loose[part]}), SGD(lr=0.01), 3, steps=10)
    assert found == {"loss": "training", "evaluate": "measure"}.get(part, part)


def test_a_file_that_cannot_be_repeated_is_told(write_file, command):
    file = write_file(
        "loose.py",
        '''
        """Batches of a generator that goes on from run to run."""
        import numpy, torch
        target, draw, model = 1e-3, numpy.random.default_rng(), lambda: torch.nn.Linear(1, 1)
        def batches(): yield torch.tensor(draw.normal(size=(4, 1))).float()
        def loss(model, batch): return model(batch).square().mean()
        def evaluate(model): return {"loss": model.weight.square().sum()}
        ''',
    )
    code, printed, _ = command(
        f"compare {file} --optimizers 'sgd(lr=0.1),adam(lr=0.1)' --seeds 2 --steps 5 --jobs 1 --out study"
    )
    assert code == 0
    assert "loose is not reproducible: `batches` gives others each time, although" in printed


# --- seeds ------------------------------------------------------------------------------------------------------------


def test_each_batch_of_each_seed_has_numbers_of_its_own():
    def first_draws(seed, order):
        draws, found = StepDraws(seed, "cpu"), {}
        for index in order:
            draws.begin(index)
            found[index] = float(torch.rand(()))
            draws.end()
        return found

    with seeded(0):
        upwards = first_draws(1, range(600))
        assert first_draws(1, [599, 3, 256, 255]) == {index: upwards[index] for index in (599, 3, 256, 255)}
        assert len(set(upwards.values())) > 590  # numbers of 24 bits
        assert not set(upwards.values()) & set(first_draws(2, range(40)).values())


def test_the_global_generators_are_left_as_they_were():
    before = torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())
    curve(Drawing("python"), "batches", SGD(lr=0.01))
    assert (torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())) == before
