"""The contract of problems and sessions: facts and defaults, files with a loop of their own, all that can be wrong."""

import copy
import re
from pathlib import Path

import pytest
import torch

from steepest.base.errors import InvalidValue
from steepest.rules import Adam
from steepest.training import train
from steepest.workloads import Problem, find
from steepest.workloads.seeding import random_state, seeded, set_random_state

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "workloads" / "own_loop.py"

OWN = '''
"""The slope of a line."""

import torch
from steepest.workloads import Problem, Session

class Line(Problem):
    target = 0.1

    def begin(self, seed, device):
        return LineSession()

class LineSession(Session):
    def __init__(self):
        self.model = torch.nn.Linear(1, 1)

    def advance(self, optimizer, steps):
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            points = torch.rand(8, 1)
            loss = (self.model(points) - points).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses

    def measure(self):
        return {"loss": float((self.model.weight.detach() - 1).square())}
'''


@pytest.fixture
def write_own(write_file):
    def write(more: str = "", name: str = "own.py") -> str:
        return write_file(name, OWN.lstrip() + more)

    return write


# --- facts ------------------------------------------------------------------------------------------------------------


def test_a_file_with_a_problem_needs_a_target_and_begin(write_own):
    file = write_own()
    problem = find(file)
    assert (problem.name, problem.about, problem.about_zh) == (file, "The slope of a line.", "The slope of a line.")
    assert (problem.metric_name, problem.higher_is_better, problem.target) == ("loss", False, 0.1)
    assert (problem.steps, problem.batch_size, problem.examples(), problem.gradient_noise(2)) == (300, None, None, None)


def test_a_metric_other_than_the_loss_is_taken_to_be_better_when_higher():
    class Won(Problem):
        metric_name = "games won"

    class Lost(Problem):
        metric_name = "games lost"
        higher_is_better = False

    assert (Won.higher_is_better, Lost.higher_is_better) == (True, False)


def test_of_several_problems_a_file_says_which(write_own):
    with pytest.raises(InvalidValue, match=re.escape("defines several problems (Line, Other); say which")):
        find(write_own("class Other(Line): target = 7.0"))
    assert find(write_own("class Other(Line): target = 7.0\n\nproblem = Other()", "made.py")).target == 7.0
    assert find(write_own("class Other(Line): target = 7.0\n\nproblem = Line", "named.py")).target == 0.1


def test_other_facts_are_those_of_another_problem():
    digits = find("digits")
    other = digits.replace(target=0.5, batch_size=7)
    assert (other.target, other.batch_size, digits.target, digits.batch_size) == (0.5, 7, 0.95, 64)
    assert type(other) is type(digits)


def test_a_metric_called_loss_that_is_another_number_is_told_apart(write_workload):
    file = write_workload("metric_name = 'loss'\ndef metric(output, targets): return torch.tensor(3.0)")
    point = train(find(file), Adam(lr=0.1), 1, steps=1).curve[-1]
    assert point.metric == 3.0 != point.loss


# --- what can be wrong ------------------------------------------------------------------------------------------------

WRONG = {
    "Line.target = None": "`target` must be a finite number, got None",
    "Line.target = 'high'": "`target` must be a finite number, got 'high'",
    "Line.steps = 0": "`steps` must be a whole number from 1, got 0",
    "Line.batch_size = 0": "`batch_size` must be a whole number from 1, got 0",
    "class Line(Problem): target = 1.0": "`Line` has no `begin`; add for example:  def begin(self, seed, device)",
    "Line.__init__ = lambda self: 1 / 0": "`Line()` raised {place}: ZeroDivisionError: division by zero",
    "Line.begin = lambda self, seed, device: None": "`begin` must return a session whose `model` is a torch.nn.Module",
    "Line.begin = lambda self, seed, device: 1 / 0": "{place}: ZeroDivisionError: division by zero",
    "Line.begin = lambda self, seed: LineSession()": "TypeError: ",
    "Line.begin = lambda self, seed, device: Session()": "{place}: TypeError: Can't instantiate abstract class Session",
    "LineSession.advance = lambda *_: None": "`advance` must return a list of the losses of 1 steps, got None",
    "LineSession.advance = lambda *_: []": "`advance` must return a list of the losses of 1 steps, got 0 of them",
    "LineSession.advance = lambda *_: torch.tensor(1.0)": "got tensor(1.)",
    "LineSession.advance = lambda *_: exit(3)": "{place}: SystemExit: 3",
    "LineSession.measure = lambda self: 0.5": "`measure` must return a dict of numbers, got 0.5",
    "LineSession.measure = lambda self: {}": "`measure` must return a number named 'loss'; it has nothing",
    "LineSession.measure = lambda self: {'loss': 'low'}": "`measure` gave 'low' for 'loss', not a number",
    "LineSession.measure = lambda self: {'loss': torch.ones(2)}": "`measure` gave a tensor of shape (2,) for 'loss'",
    "Line.metric_name = 'accuracy'": "`measure` must return a number named 'accuracy'; it has 'loss'",
    "LineSession.fingerprint = lambda self: 'abc'": "`fingerprint` must return bytes, got 'abc'",
    "LineSession.groups = [{}]": "KeyError: 'params'",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_mistake_is_said_in_one_line_before_anything_is_run(line, write_own):
    file = write_own("\n" + line)
    with pytest.raises(InvalidValue) as error:
        find(file)
    assert str(error.value).startswith(f"{file}: ")
    place = f"line {len(Path(file).read_text().splitlines())}"
    assert WRONG[line].replace("{place}", place) in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_that_still_hold_their_graph_are_read_without_a_warning(write_own):
    text = (
        Path(write_own())
        .read_text()
        .replace("loss.detach()", "loss")
        .replace("float((self.model.weight.detach() -", "((self.model.weight -")
    )
    assert text.count("detach") == 0
    file = write_own()
    Path(file).write_text(text)
    assert len(train(find(file), Adam(lr=0.1), 1, steps=3).curve) > 1


def test_a_module_that_is_no_workload_is_told_what_one_is(write_file):
    with pytest.raises(InvalidValue, match=r"is no workload: it defines neither .* nor a subclass of steepest\.work"):
        find(write_file("nothing.py", "import math\n"))


def test_trying_a_problem_out_touches_no_global_generator(write_own):
    before = torch.get_rng_state()
    find(write_own())
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_is_tried_out_where_that_is_not_wanted(write_own):
    assert find(write_own("\nLineSession.measure = lambda self: 1 / 0"), try_out=False).target == 0.1


def test_trying_out_and_training_on_the_cpu_ask_no_accelerator(monkeypatch, write_own):
    """Not even for a seed: a process that has initialised one cannot fork workers that use it."""

    def refuse(*arguments, **settings):
        raise AssertionError("an accelerator was asked")

    for name in ("_lazy_init", "_lazy_call", "init", "is_available", "device_count"):
        monkeypatch.setattr(torch.cuda, name, refuse)
    for problem in (find(write_own()), find(str(EXAMPLE.parent.with_name("my_workload.py")))):
        problem.try_out()
        assert train(problem, Adam(lr=0.1), 1, steps=2).curve


# --- checkpoints ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits", "quadratic", "zipf", "own"])
@pytest.mark.parametrize("steps", [3, 50])  # within the first epoch of digits, and in a later one
def test_a_session_goes_on_from_a_checkpoint_to_the_last_bit(name, steps, write_own):
    problem = find(write_own() if name == "own" else name)

    def advance(session, optimizer):
        losses = session.advance(optimizer, 30)
        return [float(loss) for loss in losses], [param.tolist() for param in session.model.parameters()]

    with seeded(5):
        session = problem.begin(5, "cpu")
        optimizer = torch.optim.SGD(session.model.parameters(), lr=0.01)
        session.advance(optimizer, steps)
        state = copy.deepcopy(session.state_dict())
        expected = advance(session, optimizer)
    with seeded(6):
        session = problem.begin(5, "cpu")
        session.load_state_dict(state)
        assert advance(session, torch.optim.SGD(session.model.parameters(), lr=0.01)) == expected


# --- generators -------------------------------------------------------------------------------------------------------


class FakeModule:
    """An accelerator's part of torch, of which only the generators work: they are plain numbers."""

    def __init__(self):
        self.states, self.current = {0: 100, 1: 101}, 0

    def device(self, device):
        module = self

        class Current:
            def __enter__(self):
                module.current = device.index

            def __exit__(self, *_):
                module.current = 0

        return Current()

    def get_rng_state(self, device):
        return self.states[device.index]

    def set_rng_state(self, state, device):
        self.states[device.index] = state

    def manual_seed(self, seed):
        self.states[self.current] = seed


def test_the_generator_of_the_device_in_use_is_seeded_too_and_left_as_it_was(monkeypatch):
    fake = FakeModule()
    monkeypatch.setattr(torch, "get_device_module", lambda device: fake)
    before = torch.get_rng_state()
    with seeded(7, "cuda:1"):
        assert fake.states == {0: 100, 1: 7}
        assert torch.initial_seed() == 7
        state = random_state("cuda:1")
        torch.rand(3)
        fake.states[1] = 8
        set_random_state(state, "cuda:1")
        assert fake.states[1] == 7
    assert fake.states == {0: 100, 1: 101}
    assert torch.equal(torch.get_rng_state(), before)


def test_generators_are_left_as_they_were_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seeded(7):
        torch.rand(3)
        1 / 0  # noqa: B018
    assert torch.equal(torch.get_rng_state(), before)


# --- a whole comparison -----------------------------------------------------------------------------------------------


def test_the_example_is_compared_end_to_end_in_workers_and_goes_on_in_this_process(command, tmp_path):
    line = f"compare {EXAMPLE} --optimizers sgd,adam --trials 2 --seeds 2 --steps 30 --jobs 2 --out study"
    code, out, _ = command(line)
    assert code == 0
    assert out.startswith("A wave from a stream of noisy points")
    assert "target: largest error ≤ 0.1" in out
    assert "30" in (tmp_path / "study" / "report.html").read_text()
    code, out, _ = command("compare --resume study --add-rules momentum --jobs 1")
    assert (code, "Momentum" in out) == (0, True)


def test_a_loop_of_its_own_has_no_batch_size_to_set(command):
    code, _, errors = command(f"compare {EXAMPLE} --batch-size 8 --out study")
    assert code == 2
    assert f"batch-size: {EXAMPLE} has none that could be set; leave it out" in errors


def test_a_number_that_a_session_does_not_give_is_told_before_anything_is_written(command, write_own, tmp_path):
    code, _, errors = command(f"compare {write_own('Line.metric_name = 7 * str(1)')} --out study")
    assert code == 2
    assert "`measure` must return a number named '1111111'" in errors
    assert not (tmp_path / "study").exists()
