"""The numbers in the words of the stations, computed by steepest's own rules on the settings that the figure shows.

Each function here belongs to the station of its name and returns the numbers of its fields. `tests/lecture` computes
the same numbers by plain arithmetic, so that a changed rule that changes a number fails.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..landscapes import Landscape, find, formula
from ..paths.tracing import Path, trace
from ..playground.tour import AIRFOIL
from ..program.character import memory
from ..program.linear_step import Step
from ..program.stability import spectral_radius, stability_limit
from ..rules import RULES, SGD, Rule
from . import network, rare_words
from .plane import Plane, full_loss
from .uses import IMAGENET, PEOPLE

__all__ = ["NUMBERS", "Number"]

Number = float | int | str

NUMBERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Number]]] = {}
"""By the names of stations."""


def _of(station: str) -> Callable[[Callable[[list[Path]], dict[str, Number]]], None]:
    """Registers a function of the paths that the figure of a station shows."""

    def register(compute: Callable[[list[Path]], dict[str, Number]]) -> None:
        NUMBERS[station] = lambda facts: compute(paths_of(facts["figure"]["state"]))

    return register


def _alone(station: str) -> Callable[[Callable[[], dict[str, Number]]], None]:
    """Registers a function of a station whose figure shows no paths."""

    def register(compute: Callable[[], dict[str, Number]]) -> None:
        NUMBERS[station] = lambda facts: compute()

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


# --- rows 9 and 10: noise ---------------------------------------------------------------------------------------------


@_of("stochastic")
def _(paths: list[Path]) -> dict[str, Number]:
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


@_of("decay")
def _(paths: list[Path]) -> dict[str, Number]:
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


@_of("full-batch")
def _(paths: list[Path]) -> dict[str, Number]:
    wild, calm = paths
    steep, flat = (float(value) for value in np.diag(wild.landscape.hessian([0.0, 0.0])))
    return {
        "rows": 1503, "lr": float(wild.rule.lr), "calm": float(calm.rule.lr), "steep": steep, "flat": flat,
        "limit": stability_limit("sgd", steep), "factor": float(wild.x[1, 0] / wild.x[0, 0]), "few": 30, "close": 0.1,
    }  # fmt: skip


# --- rows 11 and 12: momentum -----------------------------------------------------------------------------------------


@_of("momentum")
def _(paths: list[Path]) -> dict[str, Number]:
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


@_of("best-pair")
def _(paths: list[Path]) -> dict[str, Number]:
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


@_of("ill-conditioning")
def _(paths: list[Path]) -> dict[str, Number]:
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


@_of("sparse")
def _(paths: list[Path]) -> dict[str, Number]:
    plain, own = paths
    near = 1.3
    return {
        "steps": len(plain.x) - 1, "plain": float(plain.x[-1, 1]), "own": float(own.x[-1, 1]), "near": near,
        "minus_near": -near,
    }  # fmt: skip


@_of("adagrad")
def _(paths: list[Path]) -> dict[str, Number]:
    slow, fast = paths
    outside = replace(slow.rule, eps_inside_sqrt=False)  # type: ignore[call-arg]
    steps = len(slow.x) - 1
    return _settings(slow) | {
        "slow": float(slow.x[-1, 0]), "last": float(slow.x[-1, 0] - slow.x[-2, 0]),
        "fast_lr": float(fast.rule.lr), "fast": float(fast.x[-1, 0]),
        "outside": float(trace(outside, slow.landscape, slow.x[0], steps).x[-1, 0]), "close": 0.01,
    }  # fmt: skip


@_of("rmsprop")
def _(paths: list[Path]) -> dict[str, Number]:
    quick, slow = paths
    alpha = float(quick.rule.alpha)  # type: ignore[attr-defined]
    return {
        "lr": float(quick.rule.lr), "alpha": alpha, "steps": len(quick.x) - 1, "half": half_life(alpha),
        "quick": float(np.hypot(*quick.x[-1])), "slow": float(np.hypot(*slow.x[-1])), "far": 0.15,
    }  # fmt: skip


@_of("cycle")
def _(paths: list[Path]) -> dict[str, Number]:
    (path,) = paths
    last = path.x[-2:, 0]
    return {"lr": float(path.rule.lr), "low": float(last.min()), "high": float(last.max()), "close": 0.01}


@_of("adam")
def _(paths: list[Path]) -> dict[str, Number]:
    one, other = paths
    (memory, beta), (_, other_beta) = one.rule.betas, other.rule.betas  # type: ignore[attr-defined]
    return {
        "first": float((one.x[1, 0] - one.x[0, 0]) / one.rule.lr),
        "raw": float((1 - memory) / np.sqrt(1 - beta)), "m_share": 1 - memory, "v_share": 1 - beta,
        "beta": beta, "other_beta": other_beta, "steps": len(one.x) - 1,
        "x": float(one.x[-1, 0]), "other_x": float(other.x[-1, 0]), "close": 0.05,
    }  # fmt: skip


# --- rows 1 and 17 ----------------------------------------------------------------------------------------------------


@_alone("uses")
def _() -> dict[str, Number]:
    (first_year, first, *_), *_, (last_year, last, *_) = IMAGENET
    year, below = next((year, error) for year, error, *_ in IMAGENET if error < PEOPLE)
    factor, share = first / last, (last / first) ** (1 / (last_year - first_year))
    return {
        "people": PEOPLE, "year": year, "below": below, "first_year": first_year, "first": first,
        "last_year": last_year, "last": last, "factor": factor, "factor_low": factor - 0.1, "factor_high": factor + 0.1,
        "factor_text": f"{factor:.1f}", "years": last_year - first_year, "share": share, "kept": 100 * share,
    }  # fmt: skip


@_alone("cards")
def _() -> dict[str, Number]:
    millions, size, number = 25, memory(RULES["adam"]()).size, 4
    megabytes, here = round(millions * size), network.first_weights(network.images().pixels.shape[1], seed=0).size
    return {
        "weights": millions, "bytes": number, "megabytes": megabytes, "low": 0.95 * megabytes,
        "high": 1.05 * megabytes, "here": here, "kept": round(size / number), "kilobytes": here * size / 1000,
    }  # fmt: skip


@_alone("mistakes")
def _() -> dict[str, Number]:
    """Each from the station at which it can be seen."""
    regression = paths_of({"landscape": {"formula": AIRFOIL}, "rules": [{"id": "sgd", "settings": {"lr": 1.0}}]})[0]
    steep = float(regression.landscape.hessian([0.0, 0.0])[0, 0])
    cycling = trace(_rule("rmsprop", {"lr": 0.4, "alpha": 0.9}), "parabola", steps=200)
    inside, outside = (
        trace(_rule("adagrad", {"lr": 0.4, "eps": 1e-6, "eps_inside_sqrt": place}), "parabola", 0.001, 3).x[-1, 0]
        for place in (True, False)
    )
    due = trace("sgd", "parabola", steps=2, schedule="exponential(rate=0.1)").lr / SGD().lr
    texts, code = (
        trace(_rule("adam", {"lr": 0.4, "betas": [0.9, beta], "eps": 1e-6}), "ravine", steps=60).x[-1]
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


# --- the network that is trained in the page --------------------------------------------------------------------------


def _with_facts(station: str) -> Callable[[Callable[[Mapping[str, Any]], dict[str, Number]]], None]:
    """Registers a function of a station's file."""

    def register(compute: Callable[[Mapping[str, Any]], dict[str, Number]]) -> None:
        NUMBERS[station] = compute

    return register


@_with_facts("mini-batch")
def _(facts: Mapping[str, Any]) -> dict[str, Number]:
    state, found = facts["figure"]["state"], network.images()
    weights, large = network.first_weights(found.pixels.shape[1], state["seed"]), state["batch"]
    rows = range(found.train)
    single = np.array([network.loss_of(weights, found.pixels[[i]], found.labels[[i]])[1] for i in rows])
    noise = float(np.sqrt(((single - single.mean(axis=0)) ** 2).sum(axis=1).mean()))
    gain = float(np.sqrt(large * (found.train - 1) / (found.train - large)))  # no image is in a batch twice
    return {
        "weights": weights.size, "images": found.train, "large": large, "gain": gain,
        "single": noise, "batch": noise / gain, "updates": found.train,
        "batch_updates": found.train // large, "steps": state["steps"], "goal": 0.1,
    }  # fmt: skip


@_with_facts("rare-words")
def _(facts: Mapping[str, Any]) -> dict[str, Number]:
    """Each rule at the best of the rates that are tried, by the loss on the texts held out."""
    state, tried = facts["figure"]["state"], facts["figure"]["tried"]
    batch, steps, seed, (decaying, own) = state["batch"], state["steps"], state["seed"], state["rules"]
    decay = decaying["schedule"]["rate"]
    schedules = (f"inverse_sqrt(rate={decay})", "constant")
    ends = []
    for rule, schedule, rates in zip((decaying, own), schedules, tried, strict=True):
        found = {lr: rare_words.train(_rule(rule["id"], {"lr": lr}), schedule, batch, steps, seed) for lr in rates}
        best = min(found, key=lambda lr: found[lr].loss)
        if best != rule["settings"]["lr"]:
            raise ValueError(f"rare-words: of the rates tried {best} is the best of {rule['id']}, not what is shown")
        ends.append(found[best])
    rank, goal = 100, 90
    return {
        "train": rare_words.SIZES["train"], "vocabulary": rare_words.SIZES["vocabulary"], "steps": steps, "rank": rank,
        "frequent": float(ends[1].rates[0]), "rare": float(ends[1].rates[rank - 1]), "near": 5,
        "ratio": float(ends[1].rates[rank - 1] / ends[1].rates[0]), "decayed": float(ends[0].rates[0]),
        "sgd_lr": decaying["settings"]["lr"], "sgd": 100 * ends[0].accuracy, "adagrad": 100 * ends[1].accuracy,
        "sgd_tried": ", ".join(map(str, tried[0])), "adagrad_tried": ", ".join(map(str, tried[1])),
        "goal": goal / 100, "goal_percent": goal,
    }  # fmt: skip


@_with_facts("race")
def _(facts: Mapping[str, Any]) -> dict[str, Number]:
    state = facts["figure"]["state"]
    ends = {
        rule["id"]: network.train(_rule(rule["id"], rule["settings"]), state["batch"], state["steps"], state["seed"])
        for rule in state["rules"]
    }
    losses = [end["loss"] for end in ends.values()]
    numbers: dict[str, Number] = {"batch": state["batch"], "steps": state["steps"], "goal": 0.1}
    for rule in state["rules"]:
        name = rule["id"]
        numbers |= {
            f"{name}_lr": rule["settings"]["lr"], f"{name}_loss": ends[name]["loss"],
            name: 100 * ends[name]["accuracy"],
        }  # fmt: skip
    end = network.train(SGD(lr=1.0), state["batch"], state["steps"], state["seed"])
    right, held = ends["adam"]["accuracy"], len(network.images().pixels) - network.images().train
    return numbers | {
        "winner": losses.index(min(losses)), "better_lr": 1, "better": end["loss"],
        "held": held, "error": 100 * float(np.sqrt(right * (1 - right) / held)),
    }  # fmt: skip


@_with_facts("loss-slice")
def _(facts: Mapping[str, Any]) -> dict[str, Number]:
    state = facts["figure"]["state"]
    batch, steps, seed, rules = state["batch"], state["steps"], state["seed"], state["rules"]
    paths = {rule["id"]: network.path(_rule(rule["id"], rule["settings"]), batch, steps, seed) for rule in rules}
    plane = Plane.through(paths["sgd"])
    away = paths["adam"][-1]
    return {
        "weights": away.size, "share": 100 * sum(plane.explained), "first": 100 * plane.explained[0],
        "walk": 100 * RANDOM_WALK, "adam_share": 100 * plane.share_of(paths["adam"]), "near": 10,
        "own": full_loss(away), "beneath": full_loss(plane.beneath(away)), "goal": 0.9, "goal_percent": 90,
    }  # fmt: skip


RANDOM_WALK = 6 / np.pi**2 * (1 + 1 / 4)
"""The share of a long random walk's variance that the first two of its principal components hold, in very many
dimensions (Antognini and Sohl-Dickstein 2018)."""


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
