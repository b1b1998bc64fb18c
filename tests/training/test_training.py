"""One run: the same problem for every rule, measured on a grid, equal to a plain loop of torch, and honest endings."""

import itertools
import math
import random
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import steepest
from steepest import schedules
from steepest.base.status import Status
from steepest.rules import RULES, SGD, Adam, Rule
from steepest.training import EVALUATIONS, FINER, loop, train
from steepest.training.grid import grid
from steepest.workloads.supervised import Supervised

every_rule = pytest.mark.parametrize("rule", [rule(lr=0.05) for rule in RULES.values()], ids=list(RULES))

TORCHS = {
    "sgd": lambda params: torch.optim.SGD(params, lr=0.05),
    "momentum": lambda params: torch.optim.SGD(params, lr=0.05, momentum=0.9),
    "adagrad": lambda params: torch.optim.Adagrad(params, lr=0.05),
    "rmsprop": lambda params: torch.optim.RMSprop(params, lr=0.05),
    "adam": lambda params: torch.optim.Adam(params, lr=0.05),
    "adamw": lambda params: torch.optim.AdamW(params, lr=0.05),
}
"""The same rule in torch's own words; a rule that torch does not have has no entry."""

# --- workloads --------------------------------------------------------------------------------------------------------

COUNT, HELD_OUT, BATCH = 26, 7, 4  # 6 whole batches an epoch, two examples left over


def points():
    """A curved function of three features, in float64 so that oracles are sharp."""
    inputs = torch.randn(COUNT + HELD_OUT, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    targets = (inputs @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64)).tanh()
    return inputs[:COUNT], targets[:COUNT], inputs[COUNT:], targets[COUNT:]


def linear() -> torch.nn.Linear:
    """One matrix and no bias: a few rules are for matrices only."""
    return torch.nn.Linear(3, 1, bias=False, dtype=torch.float64)


def small(**changes) -> Supervised:
    """Linear regression of a curved target; `changes` replace parts."""
    mse = torch.nn.functional.mse_loss
    workload = Supervised(
        name="small", about="", about_zh="", data=points, model=linear,
        loss=mse, metric=mse, metric_name="loss", higher_is_better=False, target=-1.0, batch_size=BATCH, steps=20,
    )  # fmt: skip
    return replace(workload, **changes)


def scripted(metrics, **changes) -> Supervised:
    """A workload whose metric is what stands in a list, one a measurement, the one before the first step included."""
    values = iter(metrics)
    return small(metric=lambda output, targets: next(values), steps=len(metrics) - 1, **changes)


class Recorder:
    """A loss that remembers the targets of each training step."""

    def __init__(self):
        self.batches: list[torch.Tensor] = []

    def __call__(self, output, targets):
        if torch.is_grad_enabled():
            self.batches.append(targets.clone())
        return torch.nn.functional.mse_loss(output, targets)


def batches_of(rule: Rule, seed: int, **changes) -> list[torch.Tensor]:
    recorder = Recorder()
    train(small(loss=recorder, **changes), rule, seed)
    return recorder.batches


def readings(run) -> list[tuple[float, ...]]:
    """The curve without the clock."""
    return [(point.step, point.train_loss, point.loss, point.metric) for point in run.curve]


def same(batches, others) -> bool:
    return len(batches) == len(others) and all(map(torch.equal, batches, others))


# --- the grid ---------------------------------------------------------------------------------------------------------


@given(st.integers(1, 100_000))
def test_measurements_are_a_fiftieth_of_the_run_apart_at_most_and_closer_early(steps):
    points = grid(steps)
    even = {round(steps * (i + 1) / min(steps, EVALUATIONS)) for i in range(min(steps, EVALUATIONS))}
    assert even <= set(points)
    assert points == sorted(set(points))
    assert points[0] == 1
    assert points[-1] == steps
    for before, after in itertools.pairwise([0, *points]):
        assert after - before <= max(1, min(math.ceil(steps / EVALUATIONS), round(before * FINER) + 1))
    assert len(points) <= 3 * EVALUATIONS


@pytest.mark.parametrize("steps", [1, 7, 120])
def test_a_curve_has_a_point_before_the_first_step_and_one_at_each_of_the_grid(steps):
    curve = train(small(), SGD(lr=0.01), 1, steps).curve
    assert [point.step for point in curve] == [0, *grid(steps)]


# --- one seed, one problem --------------------------------------------------------------------------------------------


@every_rule
def test_runs_of_one_seed_start_from_the_same_weights_and_see_the_same_batches(rule):
    plain = SGD(lr=0.3)
    assert readings(train(small(), rule, 5))[0] == readings(train(small(), plain, 5))[0]
    assert same(batches_of(rule, 5), batches_of(plain, 5))


def test_another_seed_is_another_problem():
    first, second = (readings(train(small(), Adam(lr=0.1), seed))[0] for seed in (1, 2))
    assert first != second
    assert not same(batches_of(Adam(lr=0.1), 1), batches_of(Adam(lr=0.1), 2))


@every_rule
def test_a_run_is_reproduced_bit_by_bit(rule):
    first, second = (train(small(), rule, 3) for _ in range(2))
    assert readings(first) == readings(second)
    assert (first.outcome, first.steps_to_target) == (second.outcome, second.steps_to_target)


def noisy_workload() -> Supervised:
    """Data, weights and dropout that all draw from torch's global generator."""
    return small(
        data=lambda: tuple(torch.rand(8, columns) for columns in (3, 1, 3, 1)),
        model=lambda: torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(3, 1)),
    )


@pytest.mark.parametrize(
    "use",
    [lambda each: train(each, Adam(lr=0.1), 4), lambda each: each.gradient_noise(2), lambda each: each.examples()],
    ids=["train", "gradient_noise", "examples"],
)
def test_no_global_generator_is_touched(use):
    def states():
        return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())

    before = states()
    use(noisy_workload())
    assert states() == before


DRAWS = {
    "python": lambda: random.gauss(0.0, 1.0),
    "numpy": lambda: float(np.random.normal()),  # draws two, and keeps one for later
    "torch": lambda: float(torch.randn(())),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("part", ["data", "model", "loss", "metric"])
def test_what_any_global_generator_draws_in_any_part_follows_from_the_seed(part, draw, monkeypatch):
    """And the other way round: a part's draws in a measurement change nothing about the training."""
    plain, drawn = small(), []

    def drawing(*arguments):
        drawn.append(draw())
        made = getattr(plain, part)(*arguments)
        if part == "model":
            torch.nn.init.constant_(made.weight, drawn[-1])
        elif part == "data":
            made = (made[0] + drawn[-1], *made[1:])
        else:
            made = made * math.exp(drawn[-1])
        return made

    def run(grid_points=None):
        with monkeypatch.context() as patched:
            if grid_points:
                patched.setattr("steepest.training.grid.EVALUATIONS", grid_points)
            # a new function each time: data are kept by function
            return train(small(**{part: lambda *arguments: drawing(*arguments)}), Adam(lr=0.1), 4)

    first, second, other = run(), run(), run(grid_points=3)
    assert len(set(drawn)) > 1 or part != "loss"  # others draw at the beginning, or from a stream of their own
    assert readings(first) == readings(second)
    assert other.curve[-1].loss == first.curve[-1].loss


def test_what_a_model_draws_while_it_trains_follows_from_the_seed():
    def results(global_seed):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(global_seed)
            return readings(train(workload, Adam(lr=0.1), 4)), workload.gradient_noise(2)

    workload = noisy_workload()
    assert results(1) == results(2)


# --- batches ----------------------------------------------------------------------------------------------------------


def test_an_epoch_uses_each_example_at_most_once_and_the_next_has_another_order():
    batches = batches_of(SGD(lr=0.01), 2, steps=12)
    first, second = torch.cat(batches[:6]).flatten().tolist(), torch.cat(batches[6:]).flatten().tolist()
    for epoch in (first, second):
        assert len(set(epoch)) == len(epoch) == COUNT // BATCH * BATCH
    assert first != second


def test_inputs_and_targets_stay_together():
    seen = []
    model = linear()
    model.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    recorder = Recorder()
    train(small(model=lambda: model, loss=recorder, steps=3), SGD(lr=0.01), 2)
    inputs, targets, *_ = points()
    trained_on = [batch for batch in seen if len(batch) == BATCH]
    for batch, theirs in zip(trained_on, recorder.batches, strict=True):
        rows = [int((inputs == row).all(dim=1).nonzero()) for row in batch]
        assert torch.equal(targets[rows], theirs)


@pytest.mark.parametrize("size", [COUNT, COUNT + 1, 1000])
def test_the_whole_set_is_one_batch_in_its_own_order(size):
    assert same(batches_of(SGD(lr=0.01), 2, batch_size=size, steps=3), [points()[1]] * 3)


def test_the_callers_batch_size_and_steps_come_before_the_workloads():
    recorder = Recorder()
    train(small(loss=recorder), SGD(lr=0.01), 1, steps=3, batch_size=5)
    assert [len(batch) for batch in recorder.batches] == [5, 5, 5]


# --- the loop, against torch ------------------------------------------------------------------------------------------


def plain_loop(make_optimizer, seed: int, steps: int):
    """The training loop of any tutorial, by torch alone: the final weights and the loss of each step."""
    inputs, targets, *_ = points()
    torch.manual_seed(seed)
    model = linear()
    optimizer = make_optimizer(model.parameters())
    order, losses = torch.Generator().manual_seed(seed), []
    while len(losses) < steps:
        for chosen in torch.randperm(COUNT, generator=order).split(BATCH)[: COUNT // BATCH]:
            if len(losses) < steps:
                optimizer.zero_grad()
                loss = torch.nn.functional.mse_loss(model(inputs[chosen]), targets[chosen])
                loss.backward()
                optimizer.step()
                losses.append(float(loss.detach()))
    return model, losses


@pytest.mark.quick
@pytest.mark.parametrize("name", TORCHS)
def test_weights_and_losses_equal_those_of_a_plain_loop_with_torchs_optimizer(name):
    steps, made = 100, []

    def make_model():
        made.append(linear())
        return made[-1]

    run = train(small(model=make_model), RULES[name](lr=0.05), 7, steps)
    with torch.random.fork_rng(devices=[]):
        expected, losses = plain_loop(TORCHS[name], 7, steps)
    for ours, theirs in zip(made[-1].parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-13)
    _, _, inputs, targets = points()
    held_out = torch.nn.functional.mse_loss(expected(inputs), targets)
    assert run.curve[-1].loss == pytest.approx(float(held_out.detach()), rel=1e-12)
    ends = itertools.pairwise([0, *grid(steps)])
    means = [np.mean(losses[before:after]) for before, after in ends]
    # the run adds the losses up in float32
    np.testing.assert_allclose([point.train_loss for point in run.curve[1:]], means, rtol=3e-7)


SCHEDULES = ["cosine", "warmup_cosine", "inverse_sqrt(0.3)", "exponential(0.02)"]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_schedule_multiplies_the_learning_rate_of_each_step_as_torchs_scheduler_does(name, schedule):
    steps, made, factor = 40, [], schedules.find(schedule)

    def make_model():
        made.append(linear())
        return made[-1]

    train(small(model=make_model), RULES[name](lr=0.05), 7, steps, schedule=schedule)

    def scheduled(params):
        optimizer = TORCHS[name](params)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(step, steps))
        optimizer.register_step_post_hook(lambda *_: scheduler.step())
        return optimizer

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a scheduler wants to be stepped outside of the optimizer's step
        expected, _ = plain_loop(scheduled, 7, steps)
    for ours, theirs in zip(made[-1].parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_schedule_free_is_measured_at_its_average_and_trains_on():
    """Not at the point where it takes gradients, which is what the model holds."""
    made = []

    def make_model():
        made.append(linear())
        return made[-1]

    rule, steps = RULES["schedulefreesgd"](lr=0.3), 30
    run = train(small(model=make_model), rule, 7, steps)
    with torch.random.fork_rng(devices=[]):
        optimizers = []

        def remembered(params):
            optimizers.append(steepest.ScheduleFreeSGD(params, lr=0.3))
            return optimizers[-1]

        model, _ = plain_loop(remembered, 7, steps)
    _, _, inputs, targets = points()
    at_gradients = float(torch.nn.functional.mse_loss(model(inputs), targets).detach())
    with optimizers[0].evaluating():
        at_average = float(torch.nn.functional.mse_loss(model(inputs), targets).detach())
    assert run.curve[-1].loss == pytest.approx(at_average, rel=1e-12)
    assert abs(at_average - at_gradients) > 1e-3 * at_average
    assert torch.equal(made[-1].weight, model.weight)


# --- measuring --------------------------------------------------------------------------------------------------------


def test_a_model_is_measured_in_eval_mode_without_gradients_on_the_held_out_data():
    seen = []

    class Watched(torch.nn.Linear):
        def forward(self, inputs):
            seen.append((len(inputs), self.training, torch.is_grad_enabled()))
            return super().forward(inputs)

    train(small(model=lambda: Watched(3, 1, bias=False, dtype=torch.float64), steps=2), SGD(lr=0.01), 1)
    tried, measured, trained = (2, False, False), (HELD_OUT, False, False), (BATCH, True, True)
    assert seen == [tried, measured, trained, measured, trained, measured]  # two rows tell how many fit into memory


def test_the_clock_stands_still_while_measuring(monkeypatch):
    clock = [0.0]

    def spend(seconds, value):
        clock[0] += seconds
        return value

    def loss(output, targets):
        return spend(1 if torch.is_grad_enabled() else 100, torch.nn.functional.mse_loss(output, targets))

    monkeypatch.setattr(loop, "perf_counter", lambda: clock[0])
    run = train(small(loss=loss, metric=lambda output, targets: spend(1000, 0.0), steps=60), SGD(lr=0.01), 1)
    assert [point.seconds for point in run.curve] == [point.step for point in run.curve]
    assert run.seconds_a_step == 1


# --- how a run ends ---------------------------------------------------------------------------------------------------


@pytest.mark.quick
@pytest.mark.parametrize(
    ("target", "higher_is_better", "metrics", "expected"),
    [
        (0.9, True, [0.1, 0.5, 0.95, 0.4, 0.99], 2),
        (0.9, True, [0.1, 0.5, 0.9, 0.8, 0.8], 2),  # at the target is there
        (0.9, True, [0.1, 0.5, 0.89, 0.8, 0.8], math.inf),
        (0.3, False, [0.9, 0.2, 0.5, 0.5, 0.1], 1),
        (0.3, False, [0.9, 0.4, 0.5, 0.3, 0.3], 3),
        (0.3, False, [0.9, 0.4, 0.5, 0.31, 0.8], math.inf),
        (0.3, False, [0.9, math.nan, math.nan, math.nan, math.nan], math.inf),
    ],
)
def test_steps_to_target_is_the_first_measurement_at_or_beyond_it(target, higher_is_better, metrics, expected):
    run = train(scripted(metrics, target=target, higher_is_better=higher_is_better), SGD(lr=0.01), 1)
    assert run.steps_to_target == expected
    assert run.outcome.status == (Status.REACHED if math.isfinite(expected) else Status.FINISHED)


def test_a_run_that_reached_the_target_says_when():
    outcome = train(scripted([0, 0, 1, 1], target=1, higher_is_better=True), SGD(lr=0.01), 1).outcome
    assert (outcome.step, str(outcome)) == (2, "reached the target at step 2")


def test_a_run_that_did_not_reach_it_says_how_far_it_came():
    run = train(small(), SGD(lr=0.01), 1)
    assert run.outcome.status == Status.FINISHED
    assert f"from {run.curve[0].loss:.3g} to {run.curve[-1].loss:.3g}" in str(run.outcome)


def test_a_loss_that_ends_above_its_start_has_diverged():
    run = train(small(), SGD(lr=1.0), 1)
    assert run.curve[-1].loss > run.curve[0].loss
    assert run.outcome.status == Status.DIVERGED
    assert "try a smaller learning rate" in str(run.outcome)


@pytest.mark.parametrize(
    ("losses", "status"),
    [
        ([1.0, 0.5, 1.001], Status.DIVERGED), ([1.0, 9.0, 1.0], Status.FINISHED), ([1.0, 9.0, 0.999], Status.FINISHED),
        ([-1.0, -0.9, -0.5], Status.DIVERGED),
    ],
)  # fmt: skip
def test_only_the_end_of_a_run_and_its_beginning_decide_whether_it_diverged(losses, status):
    held_out = iter(losses)

    def loss(output, targets):
        return torch.nn.functional.mse_loss(output, targets) if torch.is_grad_enabled() else next(held_out)

    workload = small(loss=loss, metric=lambda output, targets: 0.0, steps=2)
    assert train(workload, SGD(lr=0.01), 1).outcome.status == status


def test_diverged_weighs_more_than_reached():
    """A target that was met on the way to somewhere else is kept, but the run went wrong."""
    run = train(small(target=1e30), SGD(lr=1.0), 1)
    assert (run.outcome.status, run.steps_to_target) == (Status.DIVERGED, 1)


def test_a_loss_that_is_no_number_ends_the_run_at_once():
    run = train(small(), SGD(lr=1e100), 1, steps=50)
    step = run.curve[-1].step
    assert run.outcome.status == Status.NON_FINITE
    assert run.outcome.step == step < 50
    assert f"by step {step}; try a smaller learning rate" in str(run.outcome)
    assert not math.isfinite(run.curve[-1].loss)
    assert all(math.isfinite(point.loss) for point in run.curve[:-1])


def test_a_training_loss_that_is_no_number_ends_it_too():
    """Here the held-out loss stays finite: only what is trained on breaks."""

    def loss(output, targets):
        return output.mean() * (math.nan if torch.is_grad_enabled() else 0)

    model = linear()
    run = train(small(loss=loss, model=lambda: model), SGD(lr=0.0), 1)
    assert (run.outcome.status, run.outcome.step) == (Status.NON_FINITE, 1)


# --- gradient noise ---------------------------------------------------------------------------------------------------


def gradients_of_examples(workload: Supervised) -> np.ndarray:
    """The gradient of each example's loss at the model of seed 0, one a row, by hand: (w.x - y)^2."""
    inputs, targets = (part.numpy() for part in workload.data()[:2])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weight = workload.model().weight.detach().numpy()
    return 2 * (inputs @ weight.T - targets) * inputs


@pytest.mark.parametrize("size", [1, 5, 20])
def test_gradient_noise_is_that_of_sampling_without_replacement(size):
    samples = 2000
    each = gradients_of_examples(small())
    whole = each.mean(axis=0)
    spread = ((each - whole) ** 2).sum(axis=1).mean()
    # a batch without replacement: the variance of a mean, and less where the batch is a good part of the whole
    exact = spread / size * (COUNT - size) / (COUNT - 1) / (whole**2).sum()
    measured = small().gradient_noise(size, samples) ** 2

    rng = np.random.default_rng(0)
    draws = [each[rng.permutation(COUNT)[:size]].mean(axis=0) - whole for _ in range(4000)]
    error = np.std([(draw**2).sum() for draw in draws]) / (whole**2).sum() / math.sqrt(samples)
    assert abs(measured - exact) < 4 * error
    assert 4 * error < 0.2 * exact, "too few samples to tell anything"


def test_the_whole_set_has_no_gradient_noise():
    assert small().gradient_noise(COUNT) == small().gradient_noise(1000) == 0.0


def test_gradient_noise_looks_past_parameters_that_are_frozen_or_unused():
    class Partial(torch.nn.Linear):
        def __init__(self):
            super().__init__(3, 1, bias=False, dtype=torch.float64)
            self.unused = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
            self.frozen = torch.nn.Parameter(torch.ones(2, dtype=torch.float64), requires_grad=False)

    assert small(model=Partial).gradient_noise(BATCH) == pytest.approx(small().gradient_noise(BATCH), rel=1e-12)
