"""Evaluation in pieces: the same numbers, of any metric, and no more memory than training."""

import subprocess
import sys
from collections import namedtuple
from dataclasses import replace

import pytest
import torch
from torch import nn

from steepest.workloads import find, pieces
from steepest.workloads.pieces import PeakBytes, measured_in_pieces, rows_at_once
from steepest.workloads.seeding import random_state, seeded
from steepest.workloads.supervised import Supervised

ROWS = 50
INPUTS = torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
TARGETS = (INPUTS.sum(dim=1) > 0).long()
with seeded(0, "cpu"):
    MODEL = nn.Linear(3, 2, dtype=torch.float64).requires_grad_(False)


def f1(output, targets):
    guessed = output.argmax(dim=1)
    both = (guessed * targets).sum()
    return 2 * both / (guessed.sum() + targets.sum())


OF = {
    "mean": nn.functional.cross_entropy,
    "accuracy": lambda output, targets: (output.argmax(dim=1) == targets).double().mean(),
    "f1": f1,
    "sum": lambda output, targets: output.square().sum(),
    "median": lambda output, targets: output[:, 0].median(),
}


@pytest.mark.parametrize("little", [1 << 24, 10])  # outputs are put together, or would be too large
@pytest.mark.parametrize("rows", [1, 7, 49, 50, 99])
@pytest.mark.parametrize("name", OF)
def test_functions_of_any_kind_come_out_as_on_all_rows_at_once(name, rows, little, monkeypatch):
    monkeypatch.setattr(pieces, "LITTLE", little)
    functions = OF["mean"], OF[name]
    expected = [float(function(MODEL(INPUTS), TARGETS)) for function in functions]
    assert measured_in_pieces(MODEL, INPUTS, TARGETS, rows, functions) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("rows", [5, 7, 16, 32])
def test_what_is_no_mean_is_not_taken_for_one_by_chance(rows):
    """F1 scores of few rows are fractions of small numbers, of which parts often agree."""
    outputs = torch.randn(2000, rows, 2, generator=torch.Generator().manual_seed(1))
    taken = sum(pieces._is_mean(f1, output, TARGETS[:rows]) for output in outputs)
    assert taken <= 2 and pieces._is_mean(OF["accuracy"], outputs[0], TARGETS[:rows])


Pair = namedtuple("Pair", "scores more")


@pytest.mark.parametrize("kind", [tuple, list, Pair, dict])
def test_outputs_of_any_kind_are_put_together(kind):
    class Model(nn.Module):
        def forward(self, inputs):
            parts = MODEL(inputs), [inputs * 2]
            return (
                dict(zip("ab", parts, strict=True)) if kind is dict else Pair(*parts) if kind is Pair else kind(parts)
            )

    seen = []

    def note(output, targets):
        assert type(output) is kind
        parts = list(output.values()) if kind is dict else list(output)
        seen.append([parts[0].tolist(), parts[1][0].tolist()])
        return torch.zeros(())

    measured_in_pieces(Model(), INPUTS, TARGETS, 8, [note])
    assert seen == [[MODEL(INPUTS).tolist(), (INPUTS * 2).tolist()]]


def test_what_is_no_output_for_each_row_is_computed_at_once():
    class Whole(nn.Module):
        def forward(self, inputs):
            return inputs.mean()

    found = measured_in_pieces(Whole(), INPUTS, TARGETS, 8, [lambda output, targets: output])
    assert found == [float(INPUTS.mean())]


def test_a_model_that_cannot_be_tried_on_two_rows_gets_all():
    class Fixed(nn.Module):
        def forward(self, inputs):
            return inputs.reshape(ROWS, 3)

    assert rows_at_once(Fixed(), INPUTS, 4) == ROWS


def test_peak_bytes_are_those_of_tensors_that_are_there_at_once():
    with PeakBytes() as counted:
        first = torch.ones(1000, dtype=torch.float64)
        second = first + 1
        second += 1
        view = second[:10]
        del first, second
        third = torch.ones(1500, dtype=torch.float64)
        del view, third
    assert counted.peak == 8000 + 12000


# --- memory of a session ----------------------------------------------------------------------------------------------


def images(**changes) -> Supervised:
    """Images of 24 x 24 pixels, of which far more are held out than make a batch."""

    def data():
        inputs, targets = torch.randn(64, 1, 24, 24), torch.randint(10, (64,))
        return inputs, targets, inputs.repeat(16, 1, 1, 1), targets.repeat(16)

    def model():
        layers = nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(16, 10))

    accuracy = lambda output, targets: (output.argmax(dim=1) == targets).float().mean()  # noqa: E731
    return replace(
        Supervised(
            name="images", about="", about_zh="", data=data, model=model, loss=nn.functional.cross_entropy,
            metric=accuracy, metric_name="accuracy", higher_is_better=True, target=1.0, batch_size=32,
        ),
        **changes,
    )  # fmt: skip


def peaks(problem: Supervised) -> tuple[int, int]:
    """Bytes of a step and of a measurement."""
    with seeded(1):
        session = problem.begin(1, "cpu")
        optimizer = torch.optim.SGD(session.model.parameters(), lr=0.1)
        session.advance(optimizer, 1)
        with PeakBytes() as training:
            session.advance(optimizer, 1)
        with PeakBytes() as measuring:
            session.measure()
    return training.peak, measuring.peak


@pytest.mark.parametrize("recipe", [{}, {"autocast": "bfloat16"}, {"ema": 0.9}, {"accumulate": 2}], ids=str)
def test_measuring_takes_no_more_memory_than_a_step(recipe, monkeypatch):
    monkeypatch.setattr(pieces, "LITTLE", 1 << 16)
    training, measuring = peaks(images(**recipe))
    assert measuring < 1.2 * training
    monkeypatch.setattr(pieces, "rows_at_once", lambda model, inputs, batch_size: len(inputs))
    monkeypatch.setattr("steepest.workloads.supervised.rows_at_once", pieces.rows_at_once)
    monkeypatch.setattr("steepest.workloads.supervised._ROWS", {})
    whole = peaks(images(**recipe))[1]
    assert whole > 5 * measuring, "too small a set to tell anything"


def test_a_small_held_out_set_is_measured_at_once_and_a_large_one_by_more_than_a_batch(monkeypatch):
    for name, rows in {"digits": 360, "quadratic": 1, "zipf": 2000}.items():
        problem = find(name)
        with seeded(1):
            session = problem.begin(1, "cpu")
            session.measure()
            assert session._rows() == rows == len(problem.data()[2])
    with seeded(1):
        session = images(batch_size=1).begin(1, "cpu")
        session.measure()
    assert 100 < session._rows() < 1024, "16 MiB, not one by one"


def test_trying_two_rows_changes_no_random_number():
    class Noisy(nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs) + torch.randn(len(inputs), 1)

    problem = replace(find("airfoil", try_out=False), data=lambda: (torch.ones(40, 2), torch.ones(40, 1)) * 2,
                      model=lambda: Noisy(2, 1))  # fmt: skip
    with seeded(1):
        session = problem.begin(1, "cpu")
        states, found = random_state(), []
        for _ in range(2):
            with seeded(3):
                found.append(session.measure()["loss"])
        assert found[0] == found[1]
        assert str(random_state()) == str(states)


SCRIPT = """
import resource, sys, torch
from torch import nn
from steepest.workloads.seeding import seeded
from steepest.workloads.supervised import Supervised
torch.set_num_threads(1)
def data():
    x = torch.randn(64, 3, 32, 32); y = torch.zeros(64).long()
    return x, y, x.repeat(16, 1, 1, 1), y.repeat(16)
def model():
    layers = nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(8, 10))
loss = nn.functional.cross_entropy
problem = Supervised(name="", about="", about_zh="", data=data, model=model, loss=loss, metric=loss, metric_name="loss",
    higher_is_better=False, target=0.0, batch_size=32)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with seeded(0):
    session = problem.begin(0, "cpu")
    session.advance(torch.optim.SGD(session.model.parameters(), lr=0.1), 3)
    trained = peak()
    session.measure()
print(trained, peak())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs ru_maxrss in KiB")
def test_a_process_grows_by_less_than_a_fifth_when_it_measures():
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    trained, measured = map(int, run.stdout.split())
    assert measured < 1.2 * trained
