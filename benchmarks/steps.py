"""One step of every elementwise rule, against torch's variants of it and against streaming the same bytes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import torch

import steepest
from steepest.engines.kernels import build
from steepest.engines.program import record
from steepest.rules import RULES

from .shapes import SHAPES
from .timing import race

__all__ = ["measure"]


def measure(networks: list[str], rules: list[str], rounds: int) -> list[dict[str, Any]]:
    """A row for each rule and network: milliseconds of ours, the fastest torch variant and the stream, and ratios."""
    turns = {network: rounds if network != "gpt2" else max(3, rounds // 4) for network in networks}
    return [_row(network, rule, turns[network]) for network in networks for rule in rules]


def elementwise_rules() -> list[str]:
    """Names of the rules that the kernel takes."""
    return [name for name, rule in RULES.items() if rule.elementwise]


def _row(network: str, name: str, rounds: int) -> dict[str, Any]:
    shapes = SHAPES[network]
    ours = _parameters(shapes)
    optimizer = getattr(steepest, RULES[name].__name__)(ours, lr=1e-3)
    candidates: dict[str, Callable[[], object]] = {"ours": optimizer.step}
    for variant, options in _torch_variants(name).items():
        candidates[variant] = _torch_optimizer(name, shapes, options).step
    candidates["stream"] = _stream(name, shapes)
    _check_that_it_moves(optimizer, ours)
    _check_against_torch(name)
    seconds = race(candidates, rounds)
    rivals = {variant: time for variant, time in seconds.items() if variant not in ("ours", "stream")}
    fastest = min(rivals, key=rivals.__getitem__, default=None)
    return {
        "network": network,
        "rule": name,
        "ours ms": 1e3 * seconds["ours"],
        "stream ms": 1e3 * seconds["stream"],
        "ours / stream": seconds["ours"] / seconds["stream"],
        "torch's fastest": fastest or "none",
        "torch ms": 1e3 * rivals[fastest] if fastest else float("nan"),
        "torch / ours": rivals[fastest] / seconds["ours"] if fastest else float("nan"),
        "engine": optimizer.engine,
    }


def _parameters(shapes: list[tuple[int, ...]], seed: int = 0) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    params = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    for param in params:
        param.grad = torch.randn(param.shape, generator=generator)
    return params


# --- rivals -----------------------------------------------------------------------------------------------------------

SETTINGS = {"momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9, "nesterov": True}}
"""Rules that torch has under another name: SGD with these settings."""


def _torch_class(name: str) -> type[torch.optim.Optimizer] | None:
    return getattr(torch.optim, "SGD" if name in SETTINGS else RULES[name].__name__, None)


def _torch_variants(name: str) -> dict[str, dict[str, bool]]:
    """Those of torch's implementations that take CPU parameters."""
    if _torch_class(name) is None:
        return {}
    variants = {
        "torch for-loop": {"foreach": False},
        "torch foreach": {"foreach": True},
        "torch fused": {"fused": True},
    }
    possible = {}
    for variant, options in variants.items():
        try:
            _torch_optimizer(name, [(2,)], options).step()
        except (TypeError, RuntimeError, ValueError):
            continue
        possible[variant] = options
    return possible


def _torch_optimizer(name: str, shapes: list[tuple[int, ...]], options: dict[str, bool]) -> torch.optim.Optimizer:
    kind = _torch_class(name)
    assert kind is not None
    return kind(_parameters(shapes), lr=1e-3, **SETTINGS.get(name, {}), **options)  # type: ignore[call-arg]


# --- the floor --------------------------------------------------------------------------------------------------------


@numba.njit(nogil=True)
def _stream_0(param, grad):  # type: ignore[no-untyped-def]
    for i in range(param.size):
        param[i] += grad[i]


@numba.njit(nogil=True)
def _stream_1(param, grad, a):  # type: ignore[no-untyped-def]
    for i in range(param.size):
        a[i] += grad[i]
        param[i] += a[i]


@numba.njit(nogil=True)
def _stream_2(param, grad, a, b):  # type: ignore[no-untyped-def]
    for i in range(param.size):
        a[i] += grad[i]
        b[i] += grad[i]
        param[i] += a[i] + b[i]


@numba.njit(nogil=True)
def _stream_3(param, grad, a, b, c):  # type: ignore[no-untyped-def]
    for i in range(param.size):
        a[i] += grad[i]
        b[i] += grad[i]
        c[i] += grad[i]
        param[i] += a[i] + b[i] + c[i]


STREAMS = (_stream_0, _stream_1, _stream_2, _stream_3)
"""By number of states: each array is read once and, but for the gradient, written once, with next to no arithmetic."""


def _stream(name: str, shapes: list[tuple[int, ...]]) -> Callable[[], object]:
    """A plain kernel over arrays of the same sizes, on as many threads."""
    count = len(build(record(RULES[name]()), "float32").states)
    total = sum(int(np.prod(shape)) for shape in shapes)
    arrays = [np.full(total, 1e-3, np.float32) for _ in range(count + 2)]
    threads = torch.get_num_threads() if total > 1 << 17 else 1
    edges = [total * i // threads for i in range(threads + 1)]
    parts = [[array[first:last] for array in arrays] for first, last in pairwise(edges)]
    kernel, pool = STREAMS[count], ThreadPoolExecutor(threads)

    def run() -> None:
        others = [pool.submit(kernel, *part) for part in parts[1:]]
        kernel(*parts[0])
        for other in others:
            other.result()

    return run


# --- checks -----------------------------------------------------------------------------------------------------------


def _check_that_it_moves(optimizer: torch.optim.Optimizer, params: list[torch.nn.Parameter]) -> None:
    before = [param.detach().clone() for param in params]
    optimizer.step()
    for param, old in zip(params, before, strict=True):
        assert not torch.equal(param, old), "a parameter did not move"


def _check_against_torch(name: str) -> None:
    """Both sides reach the same parameters in 20 steps."""
    if _torch_class(name) is None:
        return
    shapes: list[tuple[int, ...]] = [(33, 7), (5,)]
    ours, theirs = _parameters(shapes), _torch_optimizer(name, shapes, {})
    optimizer = getattr(steepest, RULES[name].__name__)(ours, lr=1e-3)
    for _ in range(20):
        optimizer.step()
        theirs.step()
    for a, b in zip(ours, theirs.param_groups[0]["params"], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
