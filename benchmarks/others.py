"""Sparse steps, temporaries, import time."""

import subprocess
import sys
from typing import Any

import torch

import steepest

from .timing import best, race, ratio

__all__ = ["import_time", "memory", "sparse"]


def sparse(rounds: int) -> list[dict[str, Any]]:
    """A step of an embedding of which 1,000 rows were touched, by the size of its table."""
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
    """What torch's allocator is asked for during a step, above parameters, gradients and state."""
    asked = {}
    for name, kind in (("ours", steepest.Adam), ("torch for-loop", torch.optim.Adam)):
        param = torch.nn.Parameter(torch.randn(1 << 20))
        param.grad = torch.randn(1 << 20)
        optimizer = kind([param])
        optimizer.step()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
            optimizer.step()
        asked[name] = sum(max(event.self_cpu_memory_usage, 0) for event in profile.events())
    return [{"what": f"bytes asked for by a step of 4 MiB of parameters, {name}", "value": f"{size:,}"}
            for name, size in asked.items()]  # fmt: skip


def import_time(rounds: int) -> list[dict[str, Any]]:
    """What `import steepest, steepest.Adam` adds to `import torch`, each in a fresh process."""

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
