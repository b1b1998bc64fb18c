"""The network that the page trains: its images, packed, and the same training in Python, weight for weight.

Handwritten digits as the workload `digits` splits them, one hidden layer of rectified units, softmax and cross-entropy,
in float64. Weights and batches are drawn as the page draws them, from NumPy's default generator.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rules import Rule
from ..rules.validation import on_arrays
from ..workloads import digits

__all__ = ["CLASSES", "HIDDEN", "Images", "first_weights", "images", "images_as_data", "loss_of", "path", "train"]

Floats = NDArray[np.float64]

HIDDEN, CLASSES = 32, 10
EVERY = 10
"""Steps between two points of a path."""

LEVELS = 16
"""A pixel is a whole number up to this one."""


@dataclass(frozen=True)
class Images:
    """Images of digits, those to train on first.

    Attributes:
        pixels: shape (images, 64), from 0 to 1.
        labels: shape (images,).
        train: how many to train on.
    """

    pixels: Floats
    labels: NDArray[np.int64]
    train: int


@cache
def images() -> Images:
    """The images as the workload `digits` splits them."""
    inputs, labels, held, held_labels = (np.asarray(part) for part in digits.data())
    return Images(np.concatenate([inputs, held]).astype(np.float64), np.concatenate([labels, held_labels]), len(inputs))


def images_as_data() -> dict[str, Any]:
    """The images as `readImages` of `web/core/network.js` takes them: a letter a pixel, a digit a label."""
    found = images()
    letters = bytes((np.rint(found.pixels * LEVELS) + ord("a")).astype(np.uint8).ravel()).decode()
    labels = "".join(map(str, found.labels))
    return {"pixels": letters, "labels": labels, "train": found.train, "hidden": HIDDEN, "classes": CLASSES}


def first_weights(inputs: int, seed: int) -> Floats:
    """All weights and biases in one array, as torch begins: uniform within one over the root of a layer's inputs."""
    first, second = HIDDEN * (inputs + 1), CLASSES * (HIDDEN + 1)
    ends = np.concatenate([np.full(first, inputs**-0.5), np.full(second, HIDDEN**-0.5)])
    drawn: Floats = (2 * np.random.default_rng(seed).random(first + second) - 1) * ends
    return drawn


def loss_of(weights: Floats, pixels: Floats, labels: NDArray[np.int64]) -> tuple[float, Floats, int]:
    """Mean cross-entropy, its gradient, and how many images are told right."""
    inputs, count = pixels.shape[1], len(pixels)
    ends = np.cumsum([HIDDEN * inputs, HIDDEN, CLASSES * HIDDEN, CLASSES])
    w1, b1, w2, b2 = np.split(weights, ends[:-1])
    units = np.maximum(pixels @ w1.reshape(HIDDEN, inputs).T + b1, 0)
    scores = units @ w2.reshape(CLASSES, HIDDEN).T + b2
    scores -= scores.max(axis=1, keepdims=True)
    log_shares = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    slopes = (np.exp(log_shares) - np.eye(CLASSES)[labels]) / count
    back = slopes @ w2.reshape(CLASSES, HIDDEN) * (units > 0)
    parts = ((back.T @ pixels).ravel(), back.sum(axis=0), (slopes.T @ units).ravel(), slopes.sum(axis=0))
    right = int((scores.argmax(axis=1) == labels).sum())
    return -float(log_shares[np.arange(count), labels].mean()), np.concatenate(parts), right


def batches(count: int, size: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Rows of batches without end: shuffled (Fisher and Yates) whenever fewer are left than a batch has."""
    random, left = np.random.default_rng((seed, 1)), np.arange(0)
    while True:
        if len(left) < size:
            left = np.arange(count)
            for i in range(count - 1, 0, -1):
                j = int(random.random() * (i + 1))
                left[[i, j]] = left[[j, i]]
        yield left[:size]
        left = left[size:]


def walk(rule: Rule, batch: int, steps: int, seed: int) -> Iterator[tuple[Floats, float]]:
    """Trains as the page does: after each step the weights, and the loss of its batch at the weights before."""
    found = images()
    weights, drawn = first_weights(found.pixels.shape[1], seed), batches(found.train, min(batch, found.train), seed)
    state = dict(rule.init(weights))
    with on_arrays(rule), np.errstate(all="ignore"):
        for step in range(1, steps + 1):
            rows = next(drawn)
            loss, gradient, _ = loss_of(weights, found.pixels[rows], found.labels[rows])
            delta, *new = replace(rule).update(gradient, weights, step, *state.values())
            weights, state = weights + delta, dict(zip(state, new, strict=True))
            yield weights, loss


def train(rule: Rule, batch: int, steps: int, seed: int) -> Mapping[str, float]:
    """`accuracy` on the held-out images after a training, and the mean `loss` of its last twenty batches."""
    found = images()
    points, losses = zip(*walk(rule, batch, steps, seed), strict=True)
    held = loss_of(points[-1], found.pixels[found.train :], found.labels[found.train :])
    return {"accuracy": held[2] / (len(found.pixels) - found.train), "loss": float(np.mean(losses[-20:]))}


def path(rule: Rule, batch: int, steps: int, seed: int) -> Floats:
    """The weights at the start, after every tenth step and at the end, shape (points, weights)."""
    first = first_weights(images().pixels.shape[1], seed)
    kept = [weights for step, (weights, _) in enumerate(walk(rule, batch, steps, seed), 1)
            if step % EVERY == 0 or step == steps]  # fmt: skip
    return np.array([first, *kept])
