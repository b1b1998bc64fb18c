"""One step of every elementwise rule, against torch's variants of it and against streaming the same bytes."""

from collections.abc import Callable
from itertools import cycle
from math import prod
from typing import Any

import torch

import steepest
from steepest.program.record import record
from steepest.rules import RULES

from .arithmetic import arithmetic
from .shapes import SHAPES
from .streaming import streams
from .timing import best, race, ratio

__all__ = ["COLUMNS", "measure"]

COLUMNS = """\
*stream*: reading and writing the same bytes. *of one number each*: a step of as many tensors with one number each, that
is, the overhead of a step. *roots and divisions*: those of the rule, where no memory is waited for. *with new
gradients*: torch / ours where each step finds other gradient tensors than the one before, as in training."""
"""The text above the table, about columns whose names do not suffice."""


def measure(networks: list[str], rules: list[str], rounds: int) -> list[dict[str, Any]]:
    """A row for each rule and network: milliseconds of ours, the fastest torch variant and the stream, and ratios.

    Two more floors show why a step takes longer than its stream: a step of as many tensors of "one number each" is the
    overhead for a tensor, and "roots and divisions" is the arithmetic without any memory traffic.

    The step is repeated with the same gradients, which is the best case for all; "with new gradients" is torch's time
    over ours if each step has new ones.
    """
    turns = {network: rounds if network != "gpt2" else max(9, rounds // 2) for network in networks}
    return [_row(network, rule, turns[network]) for network in networks for rule in rules]


def elementwise_rules() -> list[str]:
    """Names of the elementwise rules, for which a CPU kernel is compiled."""
    return [name for name, rule in RULES.items() if rule.elementwise]


def _row(network: str, name: str, rounds: int) -> dict[str, Any]:
    shapes = SHAPES[network]
    ours = _parameters(shapes)
    optimizer = getattr(steepest, RULES[name].__name__)(ours, lr=1e-3)
    rivals = {variant: _torch_optimizer(name, shapes, options) for variant, options in _torch_variants(name).items()}
    program, size = record(RULES[name]()), sum(map(prod, shapes))
    floor, divider = streams(size, len(program.states)), arithmetic(size, program)
    _check_that_it_moves(optimizer, ours)
    _check_against_torch(name)
    bare = getattr(steepest, RULES[name].__name__)(_parameters([(1,)] * len(shapes)), lr=1e-3)
    steps = {"ours": optimizer.step, "bare": bare.step} | {variant: rival.step for variant, rival in rivals.items()}
    turns = race(steps | floor | divider, rounds)
    seconds = best(turns)
    stream = min(floor, key=seconds.__getitem__)
    fastest = min(rivals, key=seconds.__getitem__, default=None)
    with_new_gradients = float("nan")
    if fastest:
        contest = {"ours": _with_new_gradients(optimizer), "theirs": _with_new_gradients(rivals[fastest])}
        with_new_gradients = ratio(race(contest, rounds), "theirs", "ours")
    return {
        "network": network,
        "rule": name,
        "ours ms": 1e3 * seconds["ours"],
        "stream ms": 1e3 * seconds[stream],
        "ours / stream": ratio(turns, "ours", stream),
        "of one number each ms": 1e3 * seconds["bare"],
        "roots and divisions ms": 1e3 * seconds.get("arithmetic", 0.0),
        "torch's fastest": fastest or "none",
        "torch ms": 1e3 * seconds[fastest] if fastest else float("nan"),
        "torch / ours": ratio(turns, fastest, "ours") if fastest else float("nan"),
        "with new gradients": with_new_gradients,
        "engine": optimizer.engine,
    }


def _with_new_gradients(optimizer: torch.optim.Optimizer) -> Callable[[], object]:
    """The step of an optimizer, with other gradient tensors than in the step before, as in training."""
    params = optimizer.param_groups[0]["params"]
    sets = cycle([[param.grad.clone() for param in params] for _ in range(2)])

    def step() -> None:
        for param, grad in zip(params, next(sets), strict=True):
            param.grad = grad
        optimizer.step()

    return step


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
    """The options of those of torch's implementations of a rule that work on CPU parameters."""
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


# --- checks -----------------------------------------------------------------------------------------------------------


def _check_that_it_moves(optimizer: torch.optim.Optimizer, params: list[torch.nn.Parameter]) -> None:
    before = [param.detach().clone() for param in params]
    optimizer.step()
    for param, old in zip(params, before, strict=True):
        assert not torch.equal(param, old), "a parameter did not move"


def _check_against_torch(name: str) -> None:
    """Assert that both sides reach the same parameters in 20 steps."""
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
