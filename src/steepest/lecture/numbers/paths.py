"""The numbers of stations whose figure shows paths on a landscape, and of the mistakes that such paths refute."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...landscapes import Landscape, find, formula
from ...paths.tracing import Path, trace
from ...playground.tour import AIRFOIL
from ...program.linear_step import Step
from ...program.stability import spectral_radius, stability_limit
from ...rules import SGD
from .registry import NUMBERS, Facts, Numbers, rule_of, station


def landscape_of(state: Mapping[str, Any]) -> Landscape:
    """The landscape of a figure's state."""
    on = state["landscape"]
    return formula(on["formula"]) if isinstance(on, dict) else find(on)


def paths_of(state: Mapping[str, Any]) -> list[Path]:
    """The paths that a figure shows, one a rule."""
    schedule = dict(state.get("schedule") or {"id": "constant"})
    spec = f"{schedule.pop('id')}({', '.join(f'{key}={value}' for key, value in schedule.items())})"
    on, start, steps = landscape_of(state), state.get("start"), state.get("steps", 60)
    noise, seed = state.get("noise", 0.0), state.get("seed", 0)
    rules = [rule_of(rule["id"], rule["settings"]) for rule in state["rules"]]
    return [trace(rule, on, start, steps, noise, seed, spec) for rule in rules]


def _paths_of(name: str) -> Callable[[Callable[[list[Path]], Numbers]], None]:
    """Registers a function of the paths that the figure of a station shows."""

    def register(compute: Callable[[list[Path]], Numbers]) -> None:
        NUMBERS[name] = lambda facts: compute(paths_of(facts["figure"]["state"]))

    return register


def _settings(path: Path) -> Numbers:
    """What the words of many stations name: the start, the learning rate, the number of steps."""
    return {"start": float(path.x[0, 0]), "lr": float(path.rule.lr), "steps": len(path.x) - 1}


# --- rows 2 to 4: minima, saddles, flat parts -------------------------------------------------------------------------


@_paths_of("local-minimum")
def _(paths: list[Path]) -> Numbers:
    (path,) = paths
    on = find("two_minima")
    ((local,),), ((lowest,),) = on.local_minima, on.minima
    hill = _between(lambda x: float(on.gradient([x])[0]), local, lowest)
    return _settings(path) | {
        "end": float(path.x[-1, 0]), "lowest": lowest, "lower": float(on(local) - on(lowest)), "hill": hill,
    }  # fmt: skip


@_paths_of("noise-escapes")
def _(paths: list[Path]) -> Numbers:
    (path,) = paths
    ((lowest,),) = find("two_minima").minima
    rule, schedule = path.rule, path.schedule
    others = [trace(rule, "two_minima", steps=len(path.x) - 1, noise=path.noise, seed=seed, schedule=schedule)
              for seed in range(SEEDS)]  # fmt: skip
    arrived = [abs(float(other.x[-1, 0]) - lowest) < ARRIVED for other in others]
    return _settings(path) | {
        "end": float(path.x[-1, 0]), "lowest": lowest,
        "seeds": SEEDS, "lucky": sum(arrived), "unlucky": arrived.index(False),
    }  # fmt: skip


SEEDS = 20
ARRIVED = 0.2
"""How near the global minimum a noisy path has arrived."""


@_paths_of("saddle")
def _(paths: list[Path]) -> Numbers:
    (path,) = paths
    sizes = np.linalg.norm(path.grad, axis=1)
    slowest = int(np.argmin(sizes))
    return _settings(path) | {
        "y0": float(path.x[0, 1]),
        "x_factor": float(path.x[1, 0] / path.x[0, 0]),
        "y_factor": float(path.x[1, 1] / path.x[0, 1]),
        "slowest": slowest,
        "gradient": float(sizes[slowest]),
        "quick": 12,
        "far": 100,
    }


@_paths_of("inflection")
def _(paths: list[Path]) -> Numbers:
    (path,) = paths
    return _settings(path) | {"end": float(path.x[-1, 0]), "slope": float(path.grad[-1, 0])}


@_paths_of("vanishing")
def _(paths: list[Path]) -> Numbers:
    slow, fast = paths
    return _settings(slow) | {
        "slope": float(find("tanh").gradient([slow.x[0, 0]])[0]),
        "moved": float(slow.x[0, 0] - slow.x[-1, 0]),
        "first": float(fast.x[0, 0] - fast.x[1, 0]),
        "adam": float(fast.x[-1, 0]),
    }


# --- rows 5 to 8: gradient descent ------------------------------------------------------------------------------------


@_paths_of("descent")
def _(paths: list[Path]) -> Numbers:
    (path,) = paths
    return _settings(path) | {
        "end": float(path.x[-1, 0]),
        "left": float(100 * path.x[1, 0] / path.x[0, 0]),
        "close": 0.001,
    }


@_paths_of("learning-rate")
def _(paths: list[Path]) -> Numbers:
    small, right, large = paths
    limit = stability_limit("sgd", float(find("parabola").hessian([0.0])[0, 0]))
    return {
        "start": float(small.x[0, 0]), "steps": len(small.x) - 1,
        "small": float(small.rule.lr), "right": float(right.rule.lr), "large": float(large.rule.lr),
        "small_end": float(small.x[-1, 0]), "right_end": float(right.x[-1, 0]), "large_end": float(large.x[-1, 0]),
        "factor": float(large.x[1, 0] / large.x[0, 0]), "limit": limit, "least": 0.95 * limit,
    }  # fmt: skip


@_paths_of("leap")
def _(paths: list[Path]) -> Numbers:
    (path,) = paths
    on = find("wavy")
    ((good,),), ((poor,),) = on.minima, on.local_minima
    return _settings(path) | {
        "end": float(path.x[-1, 0]), "first": float(path.x[1, 0]), "good": good, "poor": poor,
        "higher": float(on(poor) - on(good)), "close": 0.05,
    }  # fmt: skip


@_paths_of("two-variables")
def _(paths: list[Path]) -> Numbers:
    (path,) = paths
    x_curvature, y_curvature = (float(value) for value in np.diag(find("bowl").hessian([0.0, 0.0])))
    return _settings(path) | {
        "y_start": float(path.x[0, 1]),
        "x": float(path.x[-1, 0]), "y": float(path.x[-1, 1]), "x_curvature": x_curvature, "y_curvature": y_curvature,
        "x_limit": stability_limit("sgd", x_curvature), "y_limit": stability_limit("sgd", y_curvature),
        "x_factor": float(path.x[1, 0] / path.x[0, 0]), "y_factor": float(path.x[1, 1] / path.x[0, 1]),
    }  # fmt: skip


# --- rows 9 and 10: noise ---------------------------------------------------------------------------------------------


@_paths_of("stochastic")
def _(paths: list[Path]) -> Numbers:
    (path,) = paths
    lr, noise = float(path.rule.lr), path.noise
    x_curvature, y_curvature = (float(value) for value in np.diag(path.landscape.hessian([0.0, 0.0])))
    return _settings(path) | {
        "x_spread": _spread(noise, lr, x_curvature),
        "y_spread": _spread(noise, lr, y_curvature),
        "early": 10,
        "mean": float(trace(path.rule, path.landscape, path.x[0], 10).x[-1, 0]),
        "half": _rate_of_spread(noise, _spread(noise, lr, x_curvature) / 2, x_curvature),
        "least": 0.002,
    }


def _spread(noise: float, lr: float, curvature: float) -> float:
    """The stationary standard deviation of gradient descent with noise: of x = (1 - lr curvature) x + lr noise."""
    return noise * float(np.sqrt(lr / (curvature * (2 - lr * curvature))))


def _rate_of_spread(noise: float, spread: float, curvature: float) -> float:
    """The learning rate at which that standard deviation is `spread`."""
    share = (spread / noise) ** 2 * curvature
    return 2 * share / (1 + share * curvature)


@_paths_of("decay")
def _(paths: list[Path]) -> Numbers:
    (path,) = paths
    steps, curvature = len(path.x) - 1, float(path.landscape.hessian([0.0, 0.0])[0, 0])
    still = {
        name: trace(path.rule, path.landscape, path.x[0], steps, schedule=name)
        for name in ("exponential(rate=0.1)", "inverse_sqrt(rate=0.1)")
    }
    fast, slow = still.values()
    return {
        "sum": float(fast.lr.sum()), "exponential": float(fast.x[-1, 0]), "root": float(slow.x[-1, 0]),
        "last": float(slow.lr[-1]), "spread": _spread(path.noise, float(path.rule.lr), curvature), "far": 0.4,
    }  # fmt: skip


@_paths_of("full-batch")
def _(paths: list[Path]) -> Numbers:
    wild, calm = paths
    steep, flat = (float(value) for value in np.diag(wild.landscape.hessian([0.0, 0.0])))
    return {
        "rows": 1503, "lr": float(wild.rule.lr), "calm": float(calm.rule.lr), "steep": steep, "flat": flat,
        "limit": stability_limit("sgd", steep), "factor": float(wild.x[1, 0] / wild.x[0, 0]), "few": 30, "close": 0.1,
    }  # fmt: skip


# --- rows 11 and 12: momentum -----------------------------------------------------------------------------------------


@_paths_of("momentum")
def _(paths: list[Path]) -> Numbers:
    plain, heavy = paths
    mu, long = float(heavy.rule.momentum), 0.9  # type: ignore[attr-defined]
    return {
        "mu": mu, "lr": float(heavy.rule.lr), "steps": len(heavy.x) - 1, "gain": 1 / (1 - mu),
        "plain": float(plain.x[-1, 0]), "heavy": float(heavy.x[-1, 0]),
        "long": long, "half": half_life(long), "long_gain": 1 / (1 - long), "few": 15, "close": 0.1,
    }  # fmt: skip


def half_life(memory: float) -> float:
    """Steps after which half of a gradient's weight in a leaky average is gone."""
    return float(np.log(0.5) / np.log(memory))


@_paths_of("best-pair")
def _(paths: list[Path]) -> Numbers:
    plain, heavy = paths
    curvatures = [float(value) for value in np.diag(heavy.landscape.hessian([0.0, 0.0]))]
    shares = [max(spectral_radius(Step(path.rule).matrix(float(path.rule.lr), value)) for value in curvatures)
              for path in paths]  # fmt: skip
    sgd_steps, steps = (float(np.log(1e-3) / np.log(share)) for share in shares)
    return {
        "sgd_lr": float(plain.rule.lr), "lr": float(heavy.rule.lr),
        "mu": float(heavy.rule.momentum),  # type: ignore[attr-defined]
        "condition": max(curvatures) / min(curvatures), "root": float(np.sqrt(max(curvatures) / min(curvatures))),
        "sgd_share": shares[0], "share": shares[1], "sgd_steps": sgd_steps, "steps": steps, "goal": 0.7,
    }  # fmt: skip


@_paths_of("ill-conditioning")
def _(paths: list[Path]) -> Numbers:
    slow, wild, mended = paths
    y_curvature = float(slow.landscape.hessian([0.0, 0.0])[1, 1])
    return {
        "slow": float(slow.rule.lr), "fast": float(wild.rule.lr),
        "mu": float(mended.rule.momentum),  # type: ignore[attr-defined]
        "steps": len(slow.x) - 1, "slow_x": float(slow.x[-1, 0]), "limit": stability_limit("sgd", y_curvature),
        "raised": stability_limit(mended.rule, y_curvature), "x": float(mended.x[-1, 0]), "y": float(mended.x[-1, 1]),
        "larger": 0.8,
    }  # fmt: skip


# --- rows 13 to 16: rates for each coordinate -------------------------------------------------------------------------


@_paths_of("sparse")
def _(paths: list[Path]) -> Numbers:
    plain, own = paths
    near = 1.3
    return {
        "steps": len(plain.x) - 1, "plain": float(plain.x[-1, 1]), "own": float(own.x[-1, 1]), "near": near,
        "minus_near": -near,
    }  # fmt: skip


@_paths_of("adagrad")
def _(paths: list[Path]) -> Numbers:
    slow, fast = paths
    outside = replace(slow.rule, eps_inside_sqrt=False)  # type: ignore[call-arg]
    steps = len(slow.x) - 1
    return _settings(slow) | {
        "slow": float(slow.x[-1, 0]), "last": float(slow.x[-1, 0] - slow.x[-2, 0]),
        "fast_lr": float(fast.rule.lr), "fast": float(fast.x[-1, 0]),
        "outside": float(trace(outside, slow.landscape, slow.x[0], steps).x[-1, 0]), "close": 0.01,
    }  # fmt: skip


@_paths_of("rmsprop")
def _(paths: list[Path]) -> Numbers:
    quick, slow = paths
    alpha = float(quick.rule.alpha)  # type: ignore[attr-defined]
    return {
        "lr": float(quick.rule.lr), "alpha": alpha, "steps": len(quick.x) - 1, "half": half_life(alpha),
        "quick": float(np.hypot(*quick.x[-1])), "slow": float(np.hypot(*slow.x[-1])), "far": 0.15,
    }  # fmt: skip


@_paths_of("cycle")
def _(paths: list[Path]) -> Numbers:
    (path,) = paths
    last = path.x[-2:, 0]
    return {"lr": float(path.rule.lr), "low": float(last.min()), "high": float(last.max()), "close": 0.01}


@_paths_of("adam")
def _(paths: list[Path]) -> Numbers:
    one, other = paths
    (memory, beta), (_, other_beta) = one.rule.betas, other.rule.betas  # type: ignore[attr-defined]
    return {
        "first": float((one.x[1, 0] - one.x[0, 0]) / one.rule.lr),
        "raw": float((1 - memory) / np.sqrt(1 - beta)), "m_share": 1 - memory, "v_share": 1 - beta,
        "beta": beta, "other_beta": other_beta, "steps": len(one.x) - 1,
        "x": float(one.x[-1, 0]), "other_x": float(other.x[-1, 0]), "close": 0.05,
    }  # fmt: skip


# --- what paths refute ------------------------------------------------------------------------------------------------


@station("mistakes")
def _(facts: Facts) -> Numbers:
    """Each from the station at which it can be seen."""
    regression = paths_of({"landscape": {"formula": AIRFOIL}, "rules": [{"id": "sgd", "settings": {"lr": 1.0}}]})[0]
    steep = float(regression.landscape.hessian([0.0, 0.0])[0, 0])
    cycling = trace(rule_of("rmsprop", {"lr": 0.4, "alpha": 0.9}), "parabola", steps=200)
    inside, outside = (
        trace(rule_of("adagrad", {"lr": 0.4, "eps": 1e-6, "eps_inside_sqrt": place}), "parabola", 0.001, 3).x[-1, 0]
        for place in (True, False)
    )
    due = trace("sgd", "parabola", steps=2, schedule="exponential(rate=0.1)").lr / SGD().lr
    texts, code = (
        trace(rule_of("adam", {"lr": 0.4, "betas": [0.9, beta], "eps": 1e-6}), "ravine", steps=60).x[-1]
        for beta in (0.98, 0.999)
    )
    memory_, exercise = 0.9, 0.95
    return {
        "lr": 1, "limit": stability_limit("sgd", steep), "cycle": float(abs(cycling.x[-1, 0])), "rms_lr": 0.4,
        "memory": memory_, "half": half_life(memory_), "left": 100 * memory_**10,
        "steps": 3, "small_start": 0.001, "inside": float(inside), "outside": float(outside),
        "late": float(due[0]), "due": float(due[1]),
        "text_beta": 0.98, "code_beta": 0.999, "adam_steps": 60, "apart": float(np.linalg.norm(texts - code)),
        "exercise_memory": exercise, "exercise_half": half_life(exercise), "exercise_low": half_life(exercise) - 0.1,
        "exercise_high": half_life(exercise) + 0.1, "exercise_text": f"{half_life(exercise):.1f}",
    }  # fmt: skip


def _between(function: Callable[[float], float], low: float, high: float) -> float:
    """The place between two roots of a function where it crosses 0 from above, by bisection."""
    low, high = low + 1e-3 * (high - low), high - 1e-3 * (high - low)
    for _ in range(200):
        middle = (low + high) / 2
        if function(middle) > 0:
            low = middle
        else:
            high = middle
    return middle
