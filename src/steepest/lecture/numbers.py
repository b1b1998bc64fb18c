"""The numbers in the words of the stations, computed by steepest's own rules on the settings that the figure shows.

Each function here belongs to the station of its name and returns the numbers of its fields. `tests/lecture` computes
the same numbers by plain arithmetic, so that a changed rule that changes a number fails.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..landscapes import Landscape, find, formula
from ..paths.tracing import Path, trace
from ..program.stability import stability_limit
from ..rules import RULES, Rule

__all__ = ["NUMBERS", "Number"]

Number = float | int | str

NUMBERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Number]]] = {}
"""By the names of stations."""


def _of(station: str) -> Callable[[Callable[[list[Path]], dict[str, Number]]], None]:
    """Registers a function of the paths that the figure of a station shows."""

    def register(compute: Callable[[list[Path]], dict[str, Number]]) -> None:
        NUMBERS[station] = lambda facts: compute(paths_of(facts["figure"]["state"]))

    return register


def landscape_of(state: Mapping[str, Any]) -> Landscape:
    """The landscape of a figure's state."""
    on = state["landscape"]
    return formula(on["formula"]) if isinstance(on, dict) else find(on)


def paths_of(state: Mapping[str, Any], **changes: Any) -> list[Path]:
    """The paths that a figure shows, one a rule; `changes` replace parts of its state."""
    state = {**state, **changes}
    schedule = dict(state.get("schedule") or {"id": "constant"})
    spec = f"{schedule.pop('id')}({', '.join(f'{key}={value}' for key, value in schedule.items())})"
    on, start, steps = landscape_of(state), state.get("start"), state.get("steps", 60)
    noise, seed = state.get("noise", 0.0), state.get("seed", 0)
    rules = [_rule(rule["id"], rule["settings"]) for rule in state["rules"]]
    return [trace(rule, on, start, steps, noise, seed, spec) for rule in rules]


def _rule(name: str, settings: Mapping[str, Any]) -> Rule:
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    return RULES[name](**given)


def _settings(path: Path) -> dict[str, Number]:
    """What the words of many stations name: the start, the learning rate, the number of steps."""
    return {"start": float(path.x[0, 0]), "lr": float(path.rule.lr), "steps": len(path.x) - 1}


# --- rows 2 to 4: minima, saddles, flat parts -------------------------------------------------------------------------


@_of("local-minimum")
def _(paths: list[Path]) -> dict[str, Number]:
    (path,) = paths
    on = find("two_minima")
    ((local,),), ((lowest,),) = on.local_minima, on.minima
    hill = _between(lambda x: float(on.gradient([x])[0]), local, lowest)
    return _settings(path) | {
        "end": float(path.x[-1, 0]), "lowest": lowest, "lower": float(on(local) - on(lowest)), "hill": hill,
    }  # fmt: skip


@_of("noise-escapes")
def _(paths: list[Path]) -> dict[str, Number]:
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


@_of("saddle")
def _(paths: list[Path]) -> dict[str, Number]:
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


@_of("inflection")
def _(paths: list[Path]) -> dict[str, Number]:
    (path,) = paths
    return _settings(path) | {"end": float(path.x[-1, 0]), "slope": float(path.grad[-1, 0])}


@_of("vanishing")
def _(paths: list[Path]) -> dict[str, Number]:
    slow, fast = paths
    return _settings(slow) | {
        "slope": float(find("tanh").gradient([slow.x[0, 0]])[0]),
        "moved": float(slow.x[0, 0] - slow.x[-1, 0]),
        "first": float(fast.x[0, 0] - fast.x[1, 0]),
        "adam": float(fast.x[-1, 0]),
    }


# --- rows 5 to 8: gradient descent ------------------------------------------------------------------------------------


@_of("descent")
def _(paths: list[Path]) -> dict[str, Number]:
    (path,) = paths
    return _settings(path) | {
        "end": float(path.x[-1, 0]),
        "left": float(100 * path.x[1, 0] / path.x[0, 0]),
        "close": 0.001,
    }


@_of("learning-rate")
def _(paths: list[Path]) -> dict[str, Number]:
    small, right, large = paths
    limit = stability_limit("sgd", float(find("parabola").hessian([0.0])[0, 0]))
    return {
        "start": float(small.x[0, 0]), "steps": len(small.x) - 1,
        "small": float(small.rule.lr), "right": float(right.rule.lr), "large": float(large.rule.lr),
        "small_end": float(small.x[-1, 0]), "right_end": float(right.x[-1, 0]), "large_end": float(large.x[-1, 0]),
        "factor": float(large.x[1, 0] / large.x[0, 0]), "limit": limit, "least": 0.95 * limit,
    }  # fmt: skip


@_of("leap")
def _(paths: list[Path]) -> dict[str, Number]:
    (path,) = paths
    on = find("wavy")
    ((good,),), ((poor,),) = on.minima, on.local_minima
    return _settings(path) | {
        "end": float(path.x[-1, 0]), "first": float(path.x[1, 0]), "good": good, "poor": poor,
        "higher": float(on(poor) - on(good)), "close": 0.05,
    }  # fmt: skip


@_of("two-variables")
def _(paths: list[Path]) -> dict[str, Number]:
    (path,) = paths
    x_curvature, y_curvature = (float(value) for value in np.diag(find("bowl").hessian([0.0, 0.0])))
    return _settings(path) | {
        "y_start": float(path.x[0, 1]),
        "x": float(path.x[-1, 0]), "y": float(path.x[-1, 1]), "x_curvature": x_curvature, "y_curvature": y_curvature,
        "x_limit": stability_limit("sgd", x_curvature), "y_limit": stability_limit("sgd", y_curvature),
        "x_factor": float(path.x[1, 0] / path.x[0, 0]), "y_factor": float(path.x[1, 1] / path.x[0, 1]),
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
