"""Rare words, the workload `zipf` in small, as the page trains it: the same texts, batches and steps."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .. import schedules
from ..rules import Rule
from ..rules.validation import on_arrays
from .network import Floats, batches

__all__ = ["SIZES", "Ended", "texts", "train"]

SIZES = {"vocabulary": 300, "length": 10, "train": 2000, "held": 500}
"""Words that there are, words to a text, texts to train on, texts held out."""


@cache
def texts() -> tuple[Floats, Floats]:
    """How often each text has each word, shape (texts, vocabulary), and whether it is good, those to train on first.

    The k-th most frequent word has probability proportional to 1/k. A text is good if the sum of its words' values is
    in the upper half; a value is drawn with a standard deviation of log(1/frequency), the information in the word.
    """
    vocabulary, length, count = SIZES["vocabulary"], SIZES["length"], SIZES["train"] + SIZES["held"]
    random, frequency = np.random.default_rng(0), 1 / np.arange(1, vocabulary + 1)
    frequency /= frequency.sum()
    ends = np.cumsum(frequency)
    words = np.minimum(np.searchsorted(ends, random.random(count * length)), vocabulary - 1).reshape(count, length)
    values = -np.log(frequency) * random.standard_normal(vocabulary)
    sums, counts = values[words].sum(axis=1), np.zeros((count, vocabulary))
    np.add.at(counts, (np.arange(count)[:, None], words), 1)
    return counts, (sums > np.median(sums)).astype(float)


def loss_of(weights: Floats, counts: Floats, good: Floats) -> tuple[float, Floats, int]:
    """Mean logistic loss, its gradient, and how many texts are told right."""
    scores = counts @ weights
    slopes = (1 / (1 + np.exp(-scores)) - good) / len(good)
    loss = float(np.mean(np.logaddexp(0, scores) - good * scores))
    return loss, slopes @ counts, int(((scores > 0) == (good > 0)).sum())


@dataclass(frozen=True)
class Ended:
    """How a training ended.

    Attributes:
        accuracy, loss: on the texts held out.
        rates: each word's learning rate at the last step that saw it, NaN where none did.
    """

    accuracy: float
    loss: float
    rates: NDArray[np.float64]


def train(rule: Rule, schedule: str, batch: int, steps: int, seed: int) -> Ended:
    """Trains as the page does, from weights of 0."""
    counts, good = texts()
    train, factor = SIZES["train"], schedules.find(schedule)
    weights, rates, drawn = np.zeros(counts.shape[1]), np.full(counts.shape[1], np.nan), batches(train, batch, seed)
    state = dict(rule.init(weights))
    with on_arrays(rule), np.errstate(all="ignore"):
        for step in range(1, steps + 1):
            rows = next(drawn)
            gradient = loss_of(weights, counts[rows], good[rows])[1]
            now = replace(rule, lr=rule.lr * factor(step - 1, steps))  # type: ignore[attr-defined]
            delta, *new = now.update(gradient, weights, step, *state.values())
            rates = np.where(gradient != 0, -delta / gradient, rates)
            weights, state = weights + delta, dict(zip(state, new, strict=True))
    loss, _, right = loss_of(weights, counts[train:], good[train:])
    return Ended(right / (len(good) - train), loss, rates)
