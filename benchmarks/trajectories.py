"""python -m benchmarks.trajectories: Adam on Rosenbrock's valley from many starts, against optax.

Both sides do the same steps in the same dtype and must end at the same points. optax runs under jit and scan in two
forms, and the faster one counts: `vmap` over a function of one trajectory, and one array a coordinate over all
trajectories, which avoids the memory layout that vmap chooses. Ours is the whole public call, with checks and result.
"""

import argparse
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

import steepest

from .timing import best, race, ratio

__all__ = ["measure"]

LR = 0.01
CLOSE = {"float32": 1e-3, "float64": 1e-9}
"""Largest distance of 99 % of the ends. A few paths through the valley are chaotic and amplify rounding errors."""


def measure(count: int = 100_000, steps: int = 1_000, rounds: int = 5) -> list[dict[str, Any]]:
    """A row for each dtype: billions of steps a second of both sides, and the ratio."""
    return [_row(dtype, count, steps, rounds) for dtype in CLOSE]


def _row(dtype: str, count: int, steps: int, rounds: int) -> dict[str, Any]:
    starts = np.random.default_rng(0).uniform(-2, 2, (count, 2)).astype(dtype)
    with jax.enable_x64(dtype == "float64"):
        candidates: dict[str, Callable[[], Any]] = {
            "ours": lambda: steepest.trace("adam", "rosenbrock", starts=starts, steps=steps, lr=LR, dtype=dtype).x,
            "vmap": _with_vmap(starts, steps),
            "arrays": _with_arrays(starts, steps),
        }
        ends = {name: np.asarray(call()) for name, call in candidates.items()}
        for name, x in ends.items():
            assert x.dtype == dtype and x.shape == starts.shape, f"{name}: {x.dtype} {x.shape}"
            assert np.abs(x - starts).max() > 0.1, f"{name} did not move"
            distances = np.quantile(np.abs(x - ends["ours"]).max(axis=1), [0.99, 1.0])
            assert distances[0] < CLOSE[dtype] and distances[1] < 0.02, f"{name} ends {distances} from ours in {dtype}"
        turns = race(candidates, rounds)
    seconds = best(turns)
    rival = min(("vmap", "arrays"), key=seconds.__getitem__)
    rates = {name: count * steps / duration / 1e9 for name, duration in seconds.items()}
    return {
        "number": dtype,
        "starts": count,
        "steps": steps,
        "ours 1e9/s": rates["ours"],
        "optax vmap 1e9/s": rates["vmap"],
        "optax arrays 1e9/s": rates["arrays"],
        "ours / optax": ratio(turns, rival, "ours"),
        "median apart": float(np.median(np.abs(ends[rival] - ends["ours"]))),
    }


def _rosenbrock(x: Any, y: Any) -> Any:
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _with_vmap(starts: Any, steps: int) -> Callable[[], Any]:
    """Optax by vmap: one trajectory, mapped over the starts."""
    optimizer = optax.adam(LR)
    slope = jax.grad(lambda point: _rosenbrock(point[0], point[1]))

    def follow(start: Any) -> Any:
        def step(carry: Any, _: None) -> Any:
            point, state = carry
            change, state = optimizer.update(slope(point), state)
            return (optax.apply_updates(point, change), state), None

        return jax.lax.scan(step, (start, optimizer.init(start)), length=steps)[0][0]

    compiled, points = jax.jit(jax.vmap(follow)), jax.numpy.asarray(starts)
    return lambda: compiled(points).block_until_ready()


def _with_arrays(starts: Any, steps: int) -> Callable[[], Any]:
    """Optax on two arrays, each with one coordinate of all trajectories."""
    optimizer = optax.adam(LR)
    slope = jax.vmap(jax.grad(_rosenbrock, (0, 1)))

    def follow(start: Any) -> Any:
        def step(carry: Any, _: None) -> Any:
            point, state = carry
            change, state = optimizer.update(slope(*point), state)
            return (optax.apply_updates(point, change), state), None

        end = jax.lax.scan(step, (start, optimizer.init(start)), length=steps)[0][0]
        return jax.numpy.stack(end, axis=1)

    compiled, columns = jax.jit(follow), tuple(jax.numpy.asarray(column.copy()) for column in starts.T)
    return lambda: compiled(columns).block_until_ready()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trajectories")
    parser.add_argument("--short", action="store_true", help="a tenth of the starts, and fewer rounds")
    short = parser.parse_args().short
    for row in measure(count=10_000 if short else 100_000, rounds=3 if short else 7):
        print(
            ", ".join(f"{key}: {value:.3g}" if isinstance(value, float) else f"{value}" for key, value in row.items())
        )


if __name__ == "__main__":
    main()
