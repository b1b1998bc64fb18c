"""Smaller benchmarks: filters in channels-last layout, sparse gradients, memory of temporaries, import time."""

import subprocess
import sys
from typing import Any

import torch

import steepest

from .shapes import SHAPES
from .timing import best, race, ratio

__all__ = ["channels_last", "import_time", "memory", "sparse"]

TORCHS: dict[str, dict[str, bool]] = {
    "torch for-loop": {"foreach": False}, "torch foreach": {"foreach": True}, "torch fused": {"fused": True},
}  # fmt: skip


def channels_last(rounds: int) -> list[dict[str, Any]]:
    """A step of ResNet-18 with its filters in channels-last layout, in which convolutions on a CPU are fastest."""
    return [_channels_last_row(name, rounds) for name in ("SGD", "Adam")]


def _channels_last_row(name: str, rounds: int) -> dict[str, Any]:
    ours = _filters()
    candidates = {"ours": getattr(steepest, name)(ours, lr=1e-3).step}
    theirs = {variant: _filters() for variant in TORCHS}
    for variant, params in theirs.items():
        candidates[variant] = getattr(torch.optim, name)(params, lr=1e-3, **TORCHS[variant]).step
    for step in candidates.values():
        step()
    for params in theirs.values():
        torch.testing.assert_close(ours, params, rtol=1e-5, atol=1e-6)
    turns = race(candidates, rounds)
    fastest = min(TORCHS, key=best(turns).__getitem__)
    ratios = {f"{variant} / ours": ratio(turns, variant, "ours") for variant in TORCHS}
    return {"rule": name, "ours ms": 1e3 * best(turns)["ours"], "torch's fastest": fastest} | ratios


def _filters() -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    params = []
    for shape in SHAPES["resnet18"]:
        form = torch.channels_last if len(shape) == 4 else torch.contiguous_format
        param = torch.nn.Parameter(torch.randn(shape, generator=generator).to(memory_format=form))
        param.grad = torch.randn(shape, generator=generator).to(memory_format=form)
        params.append(param)
    return params


def sparse(rounds: int) -> list[dict[str, Any]]:
    """A step of an embedding with gradients for 1,000 rows, for two sizes of its table."""
    candidates, tables = {}, {}
    for rows in (10**5, 10**6):
        tables[rows] = table = torch.nn.Embedding(rows, 64, sparse=True)
        touched = torch.randint(0, rows, (1000,), generator=torch.Generator().manual_seed(0))
        table(touched).sum().backward()
        before = table.weight.detach()[touched].clone()
        optimizer = steepest.Adam(table.parameters(), lr=1e-3)
        optimizer.step()
        assert not torch.equal(before, table.weight.detach()[touched]), "the touched rows did not move"
        candidates[f"{rows:,} rows"] = optimizer.step
    turns = race(candidates, rounds)
    small, large = turns
    rows = [{"what": f"sparse Adam step, {name}", "value": f"{1e6 * s:.0f} µs"} for name, s in best(turns).items()]
    return [*rows, {"what": "ratio, large / small", "value": f"{ratio(turns, large, small):.2f}"}]


def memory() -> list[dict[str, Any]]:
    """Bytes that a step requests from torch's allocator, that is, its temporaries."""
    requested = {}
    for name, kind in (("ours", steepest.Adam), ("torch for-loop", torch.optim.Adam)):
        param = torch.nn.Parameter(torch.randn(1 << 20))
        param.grad = torch.randn(1 << 20)
        optimizer = kind([param])
        optimizer.step()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
            optimizer.step()
        requested[name] = sum(max(event.self_cpu_memory_usage, 0) for event in profile.events())
    return [{"what": f"bytes asked for by a step of 4 MiB of parameters, {name}", "value": f"{size:,}"}
            for name, size in requested.items()]  # fmt: skip


def import_time(rounds: int) -> list[dict[str, Any]]:
    """The time that `import steepest; steepest.Adam` adds to `import torch`, each in a fresh process."""

    def process(code: str) -> float:
        timed = f"import time; t = time.perf_counter(); {code}; print(time.perf_counter() - t)"
        return float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True).stdout)

    both = [(process("import torch"), process("import torch, steepest; steepest.Adam")) for _ in range(rounds)]
    torch_alone, with_us = (min(times) for times in zip(*both, strict=True))
    return [
        {"what": "import torch", "value": f"{torch_alone:.3f} s"},
        {"what": "import torch, steepest; steepest.Adam", "value": f"{with_us:.3f} s"},
        {"what": "added", "value": f"{with_us - torch_alone:.3f} s"},
    ]
