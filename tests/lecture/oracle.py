"""The numbers of every station by plain arithmetic: Python's floats, no steepest; and the lecture's printed values."""

import math
from collections.abc import Callable, Sequence

PRINTED = {
    "vanishing": {"slope": "0.0013"},
    "leap": {"end": "-1.528166"},
    "two-variables": {"x": "-0.057646", "y": "-0.000073"},
}
"""What the lecture prints, by station and number."""


def descend(slope: Callable[[float], float], x: float, lr: float, steps: int) -> list[float]:
    """Gradient descent in one variable."""
    path = [x]
    for _ in range(steps):
        path.append(path[-1] - lr * slope(path[-1]))
    return path


def bisect(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function changes sign."""
    sign = function(low) > 0
    for _ in range(100):
        middle = (low + high) / 2
        if (function(middle) > 0) == sign:
            low = middle
        else:
            high = middle
    return low


def two_minima(x: float) -> float:
    return x * math.cos(math.pi * x)


def two_minima_slope(x: float) -> float:
    return math.cos(math.pi * x) - math.pi * x * math.sin(math.pi * x)


def local_minimum() -> dict[str, float]:
    local, lowest = bisect(two_minima_slope, -0.5, 0), bisect(two_minima_slope, 0.9, 1.3)
    return {
        "start": -0.9, "lr": 0.05, "steps": 60,
        "end": descend(two_minima_slope, -0.9, 0.05, 60)[-1],
        "lowest": lowest, "lower": two_minima(local) - two_minima(lowest), "hill": bisect(two_minima_slope, 0, 0.9),
    }  # fmt: skip


def noise_escapes() -> dict[str, float]:
    import numpy as np

    def end(seed: int) -> float:
        shocks, x = np.random.default_rng(seed).standard_normal(100), -0.9
        for step, shock in enumerate(shocks):
            lr = 0.05 * 0.5 * (1 + math.cos(math.pi * step / 100))
            x -= lr * (two_minima_slope(x) + 8 * shock)
        return x

    lowest, ends = bisect(two_minima_slope, 0.9, 1.3), [end(seed) for seed in range(20)]
    arrived = [abs(x - lowest) < 0.2 for x in ends]
    return {
        "start": -0.9, "lr": 0.05, "steps": 100, "end": ends[5], "lowest": lowest, "seeds": 20, "lucky": sum(arrived),
        "unlucky": arrived.index(False),
    }  # fmt: skip


def saddle() -> dict[str, float]:
    x, y, sizes = -0.9, 0.01, []
    for _ in range(26):
        sizes.append(math.hypot(2 * x, -2 * y))
        x, y = x - 0.1 * 2 * x, y + 0.1 * 2 * y
    return {
        "start": -0.9, "y0": 0.01, "lr": 0.1, "steps": 26, "x_factor": 1 - 2 * 0.1, "y_factor": 1 + 2 * 0.1,
        "slowest": sizes.index(min(sizes)), "gradient": min(sizes), "quick": 12, "far": 100,
    }  # fmt: skip


def inflection() -> dict[str, float]:
    path = descend(lambda x: 3 * x * x, 1, 0.1, 60)
    return {"start": 1, "lr": 0.1, "steps": 60, "end": path[-1], "slope": 3 * path[-2] ** 2}


def vanishing() -> dict[str, float]:
    def slope(x: float) -> float:
        return 1 - math.tanh(x) ** 2

    x, m, v, adam = 4.0, 0.0, 0.0, []
    for t in range(1, 101):
        m, v = 0.9 * m + 0.1 * slope(x), 0.999 * v + 0.001 * slope(x) ** 2
        x -= 0.1 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
        adam.append(x)
    return {
        "start": 4, "lr": 0.1, "steps": 100, "slope": slope(4), "moved": 4 - descend(slope, 4, 0.1, 100)[-1],
        "first": 4 - adam[0], "adam": adam[-1],
    }  # fmt: skip


def descent() -> dict[str, float]:
    return {"start": 10, "lr": 0.2, "steps": 10, "end": 10 * (1 - 2 * 0.2) ** 10, "left": 60, "close": 0.001}


def learning_rate() -> dict[str, float]:
    small, right, large = (10 * (1 - 2 * lr) ** 10 for lr in (0.05, 0.2, 1.1))
    return {
        "start": 10, "steps": 10, "small": 0.05, "right": 0.2, "large": 1.1, "small_end": small, "right_end": right,
        "large_end": large, "factor": 1 - 2 * 1.1, "limit": 2 / 2, "least": 0.95,
    }  # fmt: skip


def leap() -> dict[str, float]:
    c = 0.15 * math.pi

    def f(x: float) -> float:
        return x * math.cos(c * x)

    def slope(x: float) -> float:
        return math.cos(c * x) - c * x * math.sin(c * x)

    path, good, poor = descend(slope, 10, 2, 10), bisect(slope, 5, 9), bisect(slope, -4, 0)
    return {
        "start": 10, "lr": 2, "steps": 10, "end": path[-1], "first": path[1], "good": good, "poor": poor,
        "higher": f(poor) - f(good), "close": 0.05,
    }  # fmt: skip


def two_variables() -> dict[str, float]:
    return {
        "start": -5, "y_start": -2, "lr": 0.1, "steps": 20, "x": -5 * 0.8**20, "y": -2 * 0.6**20, "x_factor": 0.8,
        "y_factor": 0.6, "x_curvature": 2, "y_curvature": 4, "x_limit": 1, "y_limit": 0.5,
    }  # fmt: skip


ORACLE: Sequence[Callable[[], dict[str, float]]] = (
    local_minimum, noise_escapes, saddle, inflection, vanishing, descent, learning_rate, leap, two_variables,
)  # fmt: skip
"""A function each, named as the station with "_" for "-"."""
