"""The engine for many trajectories of one rule on one landscape at once.

Numba runs a kernel made of the rule's program and the landscape's gradient (`kernels`), on all cores. NumPy, a loop
over the steps with the rule's own function, is the fallback where there is no program of the gradient, or Numba cannot
compile.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..base.forking import cache_of_process
from ..landscapes import Landscape
from ..program.evaluate import python_function
from ..program.gradient import record_gradient
from ..program.native import NotCompiled
from ..program.record import NotRecorded, Program, Value, record, settings
from ..rules import Rule
from ..rules.validation import on_arrays
from .kernels import BLOCK, Plan, load_kernel

__all__ = ["Ends", "Task", "follow"]

Floats = NDArray[Any]
Real = Literal["float64", "float32"]

SMALL = 1 << 17
"""Below so many steps in all, waking a second thread takes longer than it saves."""

MOST_COMPILED = 400
"""Operations of a gradient above which Numba takes longer to compile it than NumPy takes to run it."""

DRAWN = 1 << 18
"""About so many random numbers are drawn at a time."""


@dataclass(frozen=True)
class Task:
    """The arguments of `follow`: which trajectories to compute, and what to keep of them.

    Attributes:
        rule: its hyperparameters are numbers, or arrays (n,) with a number for each trajectory.
        landscape: where the trajectories run.
        start: first positions, shape (dims, n).
        factors: of the learning rate, one a step.
        noise: standard deviation of what is added to each coordinate of each gradient.
        seed: trajectory i draws from `np.random.default_rng([seed, i])`.
        since: the first step whose position is kept; 0 is the start.
        real: the type of number to compute with, `float64` or `float32`.
        targets: points whose step of arrival is computed, shape (targets, dims).
        radius: the distance to a target within which a trajectory has arrived.
    """

    rule: Rule
    landscape: Landscape
    start: Floats
    factors: Floats
    noise: float = 0.0
    seed: int = 0
    since: int = 0
    real: Real = "float64"
    targets: Floats = field(default_factory=lambda: np.empty((0, 0)))
    radius: float = 0.0

    @property
    def steps(self) -> int:
        return len(self.factors)

    @property
    def dims(self) -> int:
        return len(self.start)

    @property
    def count(self) -> int:
        """Number of trajectories."""
        return int(self.start.shape[1])

    def draws(self, begin: int, end: int) -> Iterator[tuple[int, int, Floats]]:
        """The noise of some trajectories, a stretch of steps at a time: `(first, last, noise (steps, dims, n))`."""
        generators = [np.random.default_rng([self.seed, i]) for i in range(begin, end)]
        length = max(1, DRAWN // (len(generators) * self.dims))
        for first in range(0, self.steps, length):
            last = min(first + length, self.steps)
            drawn = [generator.standard_normal((last - first, self.dims)) for generator in generators]
            yield first, last, self.noise * np.stack(drawn, axis=-1)


@dataclass(frozen=True)
class Ends:
    """Ends of the trajectories, and the steps at which they arrived or stopped being finite.

    Attributes:
        x: last positions, shape (dims, n).
        path: positions from step `since` on, shape (steps + 1 - since, dims, n).
        finite: steps until the position stopped being finite, all of them where it did not; shape (n,).
        last: the last finite position, shape (dims, n).
        arrived: the step from which on the position stayed at a target, steps + 1 where it did not; shape (1, n).
        engine: what computed it, `numba` or `numpy`.
    """

    x: Floats
    path: Floats
    finite: NDArray[np.int64]
    last: Floats
    arrived: NDArray[np.int64]
    engine: str

    @classmethod
    def at_start(cls, task: Task, engine: str) -> "Ends":
        x = np.array(task.start, dtype=task.real, order="C")
        path = np.empty((task.steps + 1 - task.since, *x.shape), dtype=task.real)
        if task.since == 0:
            path[0] = x
        arrived = np.where(_at_target(task, x), 0, 1 if len(task.targets) else task.steps + 1)[None]
        return cls(x, path, np.zeros(task.count, dtype=np.int64), x.copy(), arrived, engine)


def _at_target(task: Task, x: Floats) -> NDArray[np.bool_]:
    near = np.zeros(task.count, dtype=bool)
    for point in task.targets:
        near |= ((x - point[:, None]) ** 2).sum(axis=0) <= task.radius**2
    return near


def follow(task: Task) -> Ends:
    """Compute all trajectories of an elementwise rule, by Numba where that is possible and by NumPy elsewhere."""
    gradient = record_gradient(task.landscape)
    if gradient is not None and len(gradient.operations) <= MOST_COMPILED:
        with suppress(NotCompiled, NotRecorded):  # the former has warned; the latter's own function runs on arrays
            return _in_numba(task, record(task.rule), gradient)
    return _in_numpy(task)


# --- Numba ------------------------------------------------------------------------------------------------------------


def _in_numba(task: Task, program: Program, gradient: Program) -> Ends:
    ends = Ends.at_start(task, "numba")
    given = settings(task.rule)
    initial = task.rule.init(ends.x)
    arrays = tuple(name for name, value in given.items() if np.ndim(value))
    plan = Plan(program, arrays, tuple(name for name in program.numbers if np.ndim(initial[name])))
    kernel = load_kernel(plan, gradient, task.real, task.noise > 0, len(task.targets))
    table = _table(task, plan, given | {name: initial[name] for name in program.numbers})
    states = _rows([initial[name] for name in program.states], (task.dims, task.count), task.real)
    rows = _rows([given[name] for name in arrays], (task.count,), "float64")
    numbers = _rows([initial[name] for name in plan.numbers], (task.count,), "float64")

    def part(begin: int, end: int) -> None:
        block = np.zeros((0, task.dims, BLOCK), dtype=task.real)
        for first, last, noise in _stretches(task, block, begin, end):
            kernel(
                table[first:last], first, task.since, ends.x, states, rows, numbers, noise, ends.path, ends.finite,
                ends.last, task.targets, task.radius**2, ends.arrived, begin, end,
            )  # fmt: skip

    _in_threads(task, part)
    return ends


def _stretches(task: Task, none: Floats, begin: int, end: int) -> Iterator[tuple[int, int, Floats]]:
    """The steps to be made in one call, with their noise for a block, whose last places may stay empty."""
    if task.noise == 0:
        yield 0, task.steps, none
        return
    for first, last, drawn in task.draws(begin, end):
        noise = np.zeros((last - first, task.dims, BLOCK), dtype=task.real)
        noise[:, :, : end - begin] = drawn
        yield first, last, noise


def _rows(values: Sequence[Any], shape: tuple[int, ...], real: str) -> Floats:
    """Values (numbers, or arrays that fit the shape) below one another."""
    stacked = np.array([np.broadcast_to(value, shape) for value in values], dtype=real)
    return stacked.reshape(-1, shape[-1]) if values else np.empty((0, shape[-1]), dtype=real)


def _table(task: Task, plan: Plan, given: dict[str, Any]) -> Floats:
    """What is the same for all trajectories, a row a step, computed in Python's own numbers; then the factor."""
    program = plan.program
    known = {name: float(value) for name, value in given.items() if name not in plan.own}
    inputs = [name for name in program.inputs if name in known or name == "step"]
    new_numbers = {name: program.outputs[name] for name in program.numbers if name not in plan.own}
    results = [*plan.columns, *new_numbers.values()]
    computed_here = [result for result in results if isinstance(result, Value)]
    part = replace(program, outputs={value.name: value for value in computed_here})
    compute = python_function(part, inputs, computed_here)
    rate = known.get("lr")
    rows = []
    for step, factor in enumerate(task.factors.tolist(), start=1):
        known |= {"step": step} | ({} if rate is None else {"lr": rate * factor})
        computed = compute(*(known[name] for name in inputs))
        values = {output.name: value for output, value in zip(computed_here, computed, strict=True)}
        rows.append([*(values[column.name] for column in plan.columns), factor])
        known |= {name: values[out.name] if isinstance(out, Value) else out for name, out in new_numbers.items()}
    return np.array(rows, dtype=np.float64)


# --- threads ----------------------------------------------------------------------------------------------------------


def threads() -> int:
    """How many threads to use: as `OMP_NUM_THREADS` says, or one for each core that this process may use."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(told) if told.isdecimal() and told != "0" else available


def _in_threads(task: Task, part: Callable[[int, int], None]) -> None:
    """Call `part(begin, end)` for all trajectories; block by block where each has its own noise."""
    workers = threads() if task.count * task.steps >= SMALL else 1
    blocks = -(-task.count // BLOCK)
    parts = blocks if task.noise > 0 else min(workers, blocks)
    edges = [blocks * i // parts * BLOCK for i in range(parts)] + [task.count]
    if workers == 1 or parts == 1:
        for begin, end in pairwise(edges):
            part(begin, end)
    else:
        list(_pool(workers).map(part, edges[:-1], edges[1:]))


@cache_of_process
def _pool(workers: int) -> ThreadPoolExecutor:
    """Threads that exist as long as the process; a kernel holds no lock while it runs."""
    return ThreadPoolExecutor(workers, thread_name_prefix="steepest")


# --- NumPy ------------------------------------------------------------------------------------------------------------


def _in_numpy(task: Task) -> Ends:
    ends = Ends.at_start(task, "numpy")
    state = {
        name: None if value is None else np.zeros_like(ends.x) + value for name, value in task.rule.init(ends.x).items()
    }
    nothing = np.zeros((task.steps, 1, 1))
    stretches = task.draws(0, task.count) if task.noise else [(0, task.steps, nothing)]
    with on_arrays(task.rule), np.errstate(all="ignore"):  # a path that overflows is a result, not an error
        for first, last, noise in stretches:
            for step in range(first, last):
                state = _numpy_step(task, ends, state, step, noise[step - first])
    return ends


def _numpy_step(task: Task, ends: Ends, state: dict[str, Any], step: int, noise: Floats) -> dict[str, Any]:
    rule = replace(task.rule, lr=task.rule.lr * float(task.factors[step]))
    grad = (task.landscape.gradient(ends.x) + noise).astype(task.real)
    delta, *new = rule.update(grad, ends.x, step + 1, *state.values())
    x = (ends.x + delta).astype(task.real)
    finite = np.isfinite(x).all(axis=0)
    ends.finite[finite] += 1
    ends.last[:, finite] = x[:, finite]
    ends.x[:] = x
    ends.arrived[0, ~_at_target(task, x)] = step + 2
    if step + 1 >= task.since:
        ends.path[step + 1 - task.since] = x
    return {
        name: value if value is None or name in task.rule.numbers else np.full_like(x, value)
        for name, value in zip(state, new, strict=True)
    }
