"""What a measurement on an accelerator is made of: where and until when, equal starts, recorded steps, turns."""

import gc
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from steepest.base.files import write
from steepest.rules import RULES

__all__ = ["FIRST", "Bench", "Row", "Start", "Step", "copied", "in_turns", "ratio", "recorded"]

Row = dict[str, Any]
Step = Callable[[], object]

FIRST = ("adamw", "adam", "lion", "momentum")
"""Rules that come first, and alone on the large shapes."""


@dataclass
class Bench:
    """What is measured, where, and until when.

    Attributes:
        small: small shapes and few steps, to try the script out.
        deadline: by `perf_counter`; what is not begun by then is named as not reached.
        out: file of the results.
        rows: the results so far.
    """

    device: torch.device
    small: bool
    deadline: float
    out: Path
    rows: list[Row] = field(default_factory=list)

    @property
    def network(self) -> str:
        """The shapes of most measurements."""
        return "mlp" if self.small else "gpt2"

    @property
    def rules(self) -> list[str]:
        """The elementwise rules, those that are most wanted first."""
        others = [name for name, rule in RULES.built_in.items() if rule.elementwise and name not in FIRST]
        return [*FIRST, *others][: 3 if self.small else None]

    def keep(self, row: Row) -> None:
        """Add a row to the file, and print it."""
        self.rows.append(row)
        write(self.out, json.dumps(self.facts() | {"rows": self.rows}, indent=1) + "\n")
        print(json.dumps(row), flush=True)

    def facts(self) -> dict[str, Any]:
        """The card, the date and the versions."""
        is_cuda = self.device.type == "cuda"
        card = torch.cuda.get_device_name(self.device) if is_cuda else f"{self.device.type} ({platform.machine()})"
        driver = torch.version.cuda if is_cuda else None
        versions = {name: version(name) for name in ("steepest", "torch")}
        return {"card": card, "date": datetime.now(UTC).date().isoformat(), "cuda": driver, "small": self.small} | {
            "versions": versions | {"python": platform.python_version()}
        }

    def is_over(self) -> bool:
        """Whether the time is up."""
        return perf_counter() > self.deadline

    def wait(self) -> None:
        """Wait until the device is done."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)

    def free(self) -> None:
        """Give the memory of what was measured back."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


@dataclass(frozen=True)
class Start:
    """Where all candidates start, and their gradients, between 0.5 and 1.5; nobody writes to either."""

    values: list[Tensor]
    grads: list[Tensor]

    @classmethod
    def of(cls, shapes: Sequence[tuple[int, ...]], device: torch.device) -> "Start":
        """Of tensors of these shapes."""
        generator = torch.Generator(device).manual_seed(0)
        values = [torch.randn(shape, generator=generator, device=device) for shape in shapes]
        return cls(values, [value.abs().remainder(1.0) + 0.5 for value in values])

    def parameters(self, dtype: torch.dtype = torch.float32) -> list[torch.nn.Parameter]:
        """New parameters, with the gradients."""
        params = [torch.nn.Parameter(value.to(dtype, copy=True)) for value in self.values]
        for param, grad in zip(params, self.grads, strict=True):
            param.grad = grad.to(dtype)
        return params


def recorded(step: Step) -> Step:
    """The step as a CUDA graph, captured after three warm-up steps on a side stream, as torch's documentation asks."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def copied(bench: Bench, numbers: int, passes: int) -> Step:
    """Copying as many bytes as a step moves: two passes a copy, of 256 MiB at most at a time."""
    length = min(numbers, 1 << (12 if bench.small else 26))
    source, target = torch.zeros(2, length, device=bench.device)
    times, rest = divmod(passes * numbers, 2 * length)

    def copy() -> None:
        for _ in range(times):
            target.copy_(source)
        target[: rest // 2].copy_(source[: rest // 2])

    return copy


def in_turns(bench: Bench, candidates: dict[str, Step]) -> dict[str, list[float]]:
    """Seconds a step of each, in turns of some 20 ms; the device is waited for at the end of each turn."""
    turns: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(2 if bench.small else 12):
        for name, step in candidates.items():
            count = max(1, min(100, int(0.02 / min(turns[name], default=0.02))))
            bench.wait()
            started = perf_counter()
            for _ in range(count):
                step()
            bench.wait()
            turns[name].append((perf_counter() - started) / count)
    return turns


def ratio(turns: dict[str, list[float]], over: str, below: str) -> float:
    return median(a / b for a, b in zip(turns[over], turns[below], strict=True))
