"""One step of every rule that has a fused kernel, wrappers too, against streaming its bytes and against AdamW.

`python -m benchmarks.rules [RULE ...] [--network gpt2] [--rounds 15] [--write]`. A rule, the stream of the bytes that
it has to move (see `streaming`), and AdamW take turns in one process. With one thread (OMP_NUM_THREADS=1), the clock is
that of the thread, which other programs do not lengthen: on a busy machine that is the way to a ratio that holds.
"""

import argparse
import time
from math import prod
from typing import Any

import torch

from steepest.optim.cpu import passes
from steepest.optim.cpu.step import program_of
from steepest.optim.optimizer import Optimizer, as_optimizer
from steepest.program.record import why_not_recorded
from steepest.rules import RULES, WRAPPERS, Rule, Wrapped, find

from .shapes import SHAPES
from .streaming import streams
from .timing import best, race, ratio

__all__ = ["measure", "specs"]

COLUMNS = """\
*floor*: bytes a number that a step has to move; what is read for sums over a tensor counts once more. *stream*: these
bytes alone, without an optimizer. *states*: bytes a number that the rule keeps."""


def specs() -> list[str]:
    """The rules that have a kernel, and each wrapper around AdamW that needs no second gradient."""
    plain = [name for name, rule in RULES.items() if why_not_recorded(rule(), sums=True) is None]
    around = [
        f"{name}(adamw)"
        for name, wrapper in WRAPPERS.items()
        if wrapper.evaluations == 1 and wrapper.refusal(RULES["adamw"]) is None
    ]
    return plain + around


def measure(names: list[str], network: str, rounds: int) -> list[dict[str, Any]]:
    """A row for each rule."""
    return [_row(name, network, rounds) for name in names]


def _row(name: str, network: str, rounds: int) -> dict[str, Any]:
    shapes = SHAPES[network]
    rule, size = find(name), sum(map(prod, shapes))
    states, reads = _moved(rule)
    params = _parameters(shapes)
    own, reference = _optimizer(rule, params), _optimizer(find("adamw"), params)
    own.step()
    steps = {"ours": own.step, "adamw": reference.step} | streams(size, states, reads)
    alone = torch.get_num_threads() == 1
    turns = race(steps, rounds, time.thread_time if alone else time.perf_counter)
    seconds = best(turns)
    stream = min(("stream alone", "stream"), key=seconds.__getitem__)
    kept = sum(value.nbytes for state in own.state.values() for value in state.values() if value is not None)
    return {
        "rule": name,
        "floor": 4 * (3 + 2 * states + sum(reads)),
        "states": kept / size,
        "ours ms": 1e3 * seconds["ours"],
        "stream ms": 1e3 * seconds[stream],
        "ours / stream": ratio(turns, "ours", stream),
        "of the least": seconds["ours"] / seconds[stream],
        "ours / AdamW": ratio(turns, "ours", "adamw"),
        "engine": own.engine.partition(" for ")[0],
    }


def _moved(rule: Rule) -> tuple[int, list[int]]:
    """How many states a step reads and writes, and how many arrays each pass before it reads."""
    reads = []
    while isinstance(rule, Wrapped) and why_not_recorded(rule, sums=True) is not None:
        rule = rule.inner
        reads.append(1)  # a wrapper of gradients, which needs these once
    program = program_of(rule)
    reads += [len(passes.arrays_read(program, stage)) for stage in range(1, program.passes + 1)]
    return len(program.states), reads


def _optimizer(rule: Rule, params: list[torch.nn.Parameter]) -> Optimizer:
    return as_optimizer(type(rule))(params, lr=1e-6)


def _parameters(shapes: list[tuple[int, ...]]) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    for param in params:
        param.grad = torch.randn(param.shape, generator=generator)
    return params


def main() -> None:
    """Measure, print row by row, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "rules", nargs="*", default=specs(), help="rules, such as adam or 'cautious(adamw)'; default: all"
    )
    parser.add_argument("--network", choices=SHAPES, default="gpt2")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    from .__main__ import keep_section, machine, table

    rows = []
    for name in arguments.rules:
        rows += measure([name], arguments.network, arguments.rounds)
        print(table(rows[-1:]).partition("\n")[2].partition("\n")[2] if len(rows) > 1 else table(rows), flush=True)
    title = f"One step of every rule, {arguments.network}"
    print(f"\n{COLUMNS}\n\n{machine()}")
    if arguments.write:
        keep_section(title, f"{COLUMNS}\n\n{table(rows)}\n\n{machine()}")


if __name__ == "__main__":
    main()
