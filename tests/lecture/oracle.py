"""The numbers of every station by plain arithmetic: Python's floats, no steepest; and the lecture's printed values."""

import math
from collections.abc import Callable, Mapping, Sequence

from .oracle_networks import loss_slice, mini_batch, race, rare_words

PRINTED = {
    "vanishing": {"slope": "0.0013"},
    "leap": {"end": "-1.528166"},
    "two-variables": {"x": "-0.057646", "y": "-0.000073"},
    "full-batch": {"limit": "0.953"},
    "momentum": {"half": "6.6"},
    "ill-conditioning": {"x": "-0.126340", "y": "-0.186632"},
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


def spread(noise: float, lr: float, curvature: float) -> float:
    """From the variance's own recursion: v = (1 - lr curvature)^2 v + lr^2 noise^2, until it stays."""
    v = 0.0
    for _ in range(20_000):
        v = (1 - lr * curvature) ** 2 * v + (lr * noise) ** 2
    return math.sqrt(v)


def stochastic() -> dict[str, float]:
    half = bisect(lambda lr: spread(1, lr, 2) - spread(1, 0.1, 2) / 2, 0.01, 0.1)
    return {
        "start": -5, "lr": 0.1, "steps": 100, "x_spread": spread(1, 0.1, 2), "y_spread": spread(1, 0.1, 4),
        "early": 10, "mean": -5 * 0.8**10, "half": half, "least": 0.002,
    }  # fmt: skip


def decay() -> dict[str, float]:
    fast = [0.1 * math.exp(-0.1 * t) for t in range(100)]
    slow = [0.1 / math.sqrt(1 + 0.1 * t) for t in range(100)]
    ends = [-5 * math.prod(1 - 2 * lr for lr in rates) for rates in (fast, slow)]
    return {
        "sum": sum(fast), "exponential": ends[0], "root": ends[1], "last": slow[-1], "spread": spread(1, 0.1, 2),
        "far": 0.4,
    }  # fmt: skip


def full_batch() -> dict[str, float]:
    return {
        "rows": 1503, "lr": 1, "calm": 0.9, "steep": 2 * 1.04925, "flat": 2 * 0.08685, "limit": 1 / 1.04925,
        "factor": 1 - 2 * 1.04925, "few": 30, "close": 0.1,
    }  # fmt: skip


def heavy_ball(curvatures: Sequence[float], start: Sequence[float], lr: float, mu: float, steps: int) -> list[float]:
    """The end of momentum on 1/2 sum(curvature x^2)."""
    ends = []
    for curvature, place in zip(curvatures, start, strict=True):
        x, v = place, 0.0
        for _ in range(steps):
            v = mu * v + curvature * x
            x -= lr * v
        ends.append(x)
    return ends


def momentum() -> dict[str, float]:
    return {
        "mu": 0.5, "lr": 0.4, "steps": 20, "gain": 2, "plain": -5 * (1 - 0.4 * 0.2) ** 20,
        "heavy": heavy_ball((0.2, 4), (-5, -2), 0.4, 0.5, 20)[0], "long": 0.9, "half": math.log(2) / -math.log(0.9),
        "long_gain": 10, "few": 15, "close": 0.1,
    }  # fmt: skip


def best_pair() -> dict[str, float]:
    """Polyak's: the two roots of the curvatures, and the shares of the slowest mode in closed form."""
    low, high = 0.2, 4.0
    mu = ((math.sqrt(high) - math.sqrt(low)) / (math.sqrt(high) + math.sqrt(low))) ** 2
    plain, heavy = (high - low) / (high + low), math.sqrt(mu)
    return {
        "sgd_lr": 2 / (low + high), "lr": (2 / (math.sqrt(low) + math.sqrt(high))) ** 2, "mu": mu,
        "condition": high / low, "root": math.sqrt(high / low), "sgd_share": plain, "share": heavy,
        "sgd_steps": math.log(1000) / -math.log(plain), "steps": math.log(1000) / -math.log(heavy), "goal": 0.7,
    }  # fmt: skip


def ill_conditioning() -> dict[str, float]:
    x, y = heavy_ball((0.2, 4), (-5, -2), 0.6, 0.25, 20)
    return {
        "slow": 0.4, "fast": 0.6, "mu": 0.25, "steps": 20, "slow_x": -5 * (1 - 0.4 * 0.2) ** 20, "limit": 2 / 4,
        "raised": 2 * (1 + 0.25) / 4, "x": x, "y": y, "larger": 0.8,
    }  # fmt: skip


def adagrad_end(curvature: float, x: float, lr: float, steps: int, eps: float, inside: bool) -> list[float]:
    total, path = 0.0, [x]
    for _ in range(steps):
        g = curvature * path[-1]
        total += g * g
        path.append(path[-1] - lr * g / (math.sqrt(total + eps) if inside else math.sqrt(total) + eps))
    return path


def sparse() -> dict[str, float]:
    own = adagrad_end(0.02, -4, 1, 60, 1e-10, inside=False)
    return {"steps": 60, "plain": -4 * (1 - 0.4 * 0.02) ** 60, "own": own[-1], "near": 1.3, "minus_near": -1.3}


def adagrad() -> dict[str, float]:
    slow, fast = (adagrad_end(0.2, -5, lr, 20, 1e-6, inside=True) for lr in (0.4, 2))
    return {
        "start": -5, "lr": 0.4, "steps": 20, "slow": slow[-1], "last": slow[-1] - slow[-2], "fast_lr": 2,
        "fast": fast[-1], "outside": adagrad_end(0.2, -5, 0.4, 20, 1e-6, inside=False)[-1], "close": 0.01,
    }  # fmt: skip


def rmsprop_path(
    curvature: float, x: float, lr: float, alpha: float, steps: int, eps: float, inside: bool
) -> list[float]:
    s, path = 0.0, [x]
    for _ in range(steps):
        g = curvature * path[-1]
        s = alpha * s + (1 - alpha) * g * g
        path.append(path[-1] - lr * g / (math.sqrt(s + eps) if inside else math.sqrt(s) + eps))
    return path


def rmsprop() -> dict[str, float]:
    quick = [rmsprop_path(c, x, 0.4, 0.9, 20, 1e-6, inside=True)[-1] for c, x in ((0.2, -5.0), (4, -2.0))]
    slow = [adagrad_end(c, x, 0.4, 20, 1e-6, inside=True)[-1] for c, x in ((0.2, -5.0), (4, -2.0))]
    return {
        "lr": 0.4, "alpha": 0.9, "steps": 20, "half": math.log(2) / -math.log(0.9), "quick": math.hypot(*quick),
        "slow": math.hypot(*slow), "far": 0.15,
    }  # fmt: skip


def cycle() -> dict[str, float]:
    last = rmsprop_path(2, 10, 0.4, 0.9, 200, 1e-8, inside=False)[-2:]
    return {"lr": 0.4, "low": min(last), "high": max(last), "close": 0.01}


def adam() -> dict[str, float]:
    def path(beta: float) -> list[float]:
        x, m, v, places = -5.0, 0.0, 0.0, []
        for t in range(1, 61):
            g = 0.2 * x
            m, v = 0.9 * m + (1 - 0.9) * g, beta * v + (1 - beta) * g * g
            x -= 0.4 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - beta**t)) + 1e-6)
            places.append(x)
        return places

    one, other = path(0.999), path(0.98)
    return {
        "first": (one[0] + 5) / 0.4, "raw": 0.1 / math.sqrt(0.001), "m_share": 0.1, "v_share": 0.001, "beta": 0.999,
        "other_beta": 0.98, "steps": 60, "x": one[-1], "other_x": other[-1], "close": 0.05,
    }  # fmt: skip


def uses() -> dict[str, float | str]:
    """Winners of the challenge: 28.2 % in 2010, 3.57 % in 2015, 2.25 % in 2017; a person 5.1 %."""
    factor, share = 28.2 / 2.25, math.exp(math.log(2.25 / 28.2) / 7)
    return {
        "people": 5.1, "year": 2015, "below": 3.57, "first_year": 2010, "first": 28.2, "last_year": 2017, "last": 2.25,
        "factor": factor, "factor_low": factor - 0.1, "factor_high": factor + 0.1, "factor_text": "12.5",
        "years": 7, "share": share, "kept": 100 * share,
    }  # fmt: skip


def cards() -> dict[str, float]:
    here = 64 * 32 + 32 + 32 * 10 + 10
    return {
        "weights": 25, "bytes": 4, "megabytes": 25 * 2 * 4, "low": 190, "high": 210, "here": here, "kept": 2,
        "kilobytes": here * 2 * 4 / 1000,
    }  # fmt: skip


def mistakes() -> dict[str, float | str]:
    inside, outside = (adagrad_end(2, 0.001, 0.4, 3, 1e-6, inside=place)[-1] for place in (True, False))

    def adam_end(curvature: float, x: float, beta: float) -> float:
        m = v = 0.0
        for t in range(1, 61):
            g = curvature * x
            m, v = 0.9 * m + (1 - 0.9) * g, beta * v + (1 - beta) * g * g
            x -= 0.4 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - beta**t)) + 1e-6)
        return x

    apart = [adam_end(c, x, 0.98) - adam_end(c, x, 0.999) for c, x in ((0.2, -5.0), (4, -2.0))]
    half = math.log(2) / -math.log(0.95)
    return {
        "lr": 1, "limit": 1 / 1.04925, "cycle": abs(rmsprop_path(2, 10, 0.4, 0.9, 200, 1e-8, inside=False)[-1]),
        "rms_lr": 0.4, "memory": 0.9, "half": math.log(2) / -math.log(0.9), "left": 100 * 0.9**10, "steps": 3,
        "small_start": 0.001, "inside": inside, "outside": outside, "late": 1, "due": math.exp(-0.1),
        "text_beta": 0.98, "code_beta": 0.999, "adam_steps": 60, "apart": math.hypot(*apart), "exercise_memory": 0.95,
        "exercise_half": half, "exercise_low": half - 0.1, "exercise_high": half + 0.1, "exercise_text": "13.5",
    }  # fmt: skip


ORACLE: Sequence[Callable[[], Mapping[str, float | str]]] = (
    local_minimum, noise_escapes, saddle, inflection, vanishing, descent, learning_rate, leap, two_variables,
    stochastic, decay, full_batch, momentum, best_pair, ill_conditioning, sparse, adagrad, rmsprop, cycle, adam,
    uses, cards, mistakes, mini_batch, race, loss_slice,
    rare_words,
)  # fmt: skip
"""A function each, named as the station with "_" for "-"."""
