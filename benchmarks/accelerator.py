"""python -m benchmarks.accelerator [--write]: all that is to be known of an accelerator, in ten minutes on one card.

`correct`: some steps of every rule by every engine there, against the same in float64 on the CPU; 8-bit codes against
the CPU's. `steps`: a step of every elementwise rule on GPT-2's shapes as lists, compiled and recorded (a CUDA graph),
against torch's foreach, fused and recorded ones, and against copying the same bytes; Adam with states in 8 and 16
bits, and a few rules on the shapes of 1.5 billion parameters. `muon`: a step against torch's Muon. `bytes`: what the
memory moved in a step, counted by Nsight Compute (`ncu`), where it is installed and allowed.

What is most wanted comes first, and each row is written to `--out` as soon as it is there, with the card, the date and
the versions: a run that is cut off leaves what it has measured. Candidates take turns, several steps at a time, after
which the device is waited for. Each is checked to have moved the parameters to where the others of its rule are.

`--device cpu --small` tries all of it out in a minute on small shapes; its numbers mean nothing. `--write` puts the
tables of the file into RESULTS.md.
"""

import argparse
import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import product
from math import prod
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

import steepest
from steepest.program.record import record
from steepest.rules import RULES

from .cards import FIRST, Bench, Row, Start, Step, copied, in_turns, ratio
from .shapes import SHAPES

__all__ = ["Bench", "main", "section"]

HERE = Path(__file__).parent
OUT = HERE / "accelerator.json"

TITLE = "One step on an accelerator"

BAR = 1.03
"""How many times as long as torch's fastest a step may take before it has to be mended."""

OURS: dict[str, dict[str, Any]] = {
    "ours lists": {"foreach": True},
    "ours compiled": {"fused": True},
    "ours recorded": {"capturable": True},
    "ours compiled, recorded": {"capturable": True, "fused": True},
}
TORCHS: dict[str, dict[str, Any]] = {
    "torch foreach": {"foreach": True},
    "torch fused": {"fused": True},
    "torch foreach, recorded": {"foreach": True, "capturable": True},
    "torch fused, recorded": {"fused": True, "capturable": True},
}
LOW_BITS: dict[str, dict[str, Any]] = {
    f"ours {bits} bits, {how}": {"state_bits": bits, **options}
    for bits in (8, 16)
    for how, options in (("lists", {"foreach": True}), ("compiled", {"fused": True}))
}

LARGE = ("ours lists", "ours compiled", "torch foreach", "torch fused")
"""Candidates on the large shapes: weights and states of four of them fit into 100 GB."""

# --- correct ----------------------------------------------------------------------------------------------------------


def correct(bench: Bench) -> Iterator[Row]:
    """For each rule and engine the largest distance from float64 on the CPU after some steps, by the longest way."""
    engines = {"as they come": {}, **({} if bench.small else {"compiled": OURS["ours compiled"]})}
    names = ["adamw", "muon"] if bench.small else [*bench.rules, *_whole()]
    for name, (engine, options) in product(names, engines.items()):
        rule = RULES[name]
        if engine == "compiled" and not rule.elementwise:
            continue
        starts = [_after(name, torch.device("cpu"), torch.float64, {"fused": False}, steps) for steps in (0, 5)]
        ends = _after(name, bench.device, torch.float32, options, 5)
        way = max(float((a - b).abs().max()) for a, b in zip(*starts, strict=True))
        apart = max(float((a.cpu().double() - b).abs().max()) for a, b in zip(ends, starts[1], strict=True))
        yield {"section": "correct", "rule": name, "engine": engine, "apart / way": apart / way}
    for bits in (8, 16):
        yield {"section": "correct", "rule": "adam", "engine": f"{bits} bits", "codes apart": _codes_apart(bench, bits)}


def _whole() -> list[str]:
    return [name for name, rule in RULES.built_in.items() if not rule.elementwise]


def _after(name: str, device: torch.device, dtype: torch.dtype, options: dict[str, Any], steps: int) -> list[Tensor]:
    """The parameters after some steps, for the same gradients everywhere."""
    shapes = [(33, 7), (16, 48), *([] if RULES[name].least_axes > 1 else [(5,)])]
    params = [torch.nn.Parameter(value.to(device, dtype)) for value in _values(shapes, seed=0)]
    optimizer = getattr(steepest, RULES[name].__name__)(params, **options)
    for step in range(steps):
        for param, grad in zip(params, _values(shapes, seed=step + 1), strict=True):
            param.grad = grad.to(device, dtype)
        optimizer.step(*([lambda: None] if RULES[name].evaluations > 1 else []))
    return [param.detach() for param in params]


def _codes_apart(bench: Bench, bits: int) -> float:
    """The share of Adam's codes that are others than on the CPU: a unit in the last place may turn one."""
    states = []
    for device in (bench.device, torch.device("cpu")):
        param = torch.nn.Parameter(_values([(129, 129)], seed=0)[0].to(device))
        optimizer = steepest.Adam([param], state_bits=bits, foreach=True)
        for step in range(3):
            param.grad = _values([(129, 129)], seed=step + 1)[0].to(device)
            optimizer.step()
        states.append(torch.cat([optimizer.state[param][name].cpu().float() for name in ("exp_avg", "exp_avg_sq")]))
    return float((states[0] != states[1]).float().mean())


def _values(shapes: Sequence[tuple[int, ...]], seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


# --- steps ------------------------------------------------------------------------------------------------------------


def steps(bench: Bench) -> Iterator[Row]:
    """A row for each rule and candidate: milliseconds, and the ratios to torch's fastest and to copying the bytes."""
    large = "mlp" if bench.small else "gpt2-1.5b"
    yield from _race(bench, bench.network, "adamw", OURS | TORCHS | LOW_BITS)
    yield from _race(bench, bench.network, "adam", OURS | TORCHS | LOW_BITS)
    for name in FIRST[: 1 if bench.small else None]:
        if not bench.is_over():
            yield from _race(bench, large, name, {candidate: (OURS | TORCHS)[candidate] for candidate in LARGE})
    for name in bench.rules:
        if name in ("adam", "adamw"):
            continue
        if bench.is_over():
            yield {"section": "steps", "network": bench.network, "rule": name, "note": "not reached in time"}
        else:
            yield from _race(bench, bench.network, name, OURS | TORCHS)


def _race(bench: Bench, network: str, name: str, candidates: dict[str, dict[str, Any]]) -> Iterator[Row]:
    shapes = SHAPES[network]
    fields = {"section": "steps", "network": network, "rule": name}
    start = Start.of(shapes, bench.device)
    ready: dict[str, Step] = {}
    ends: dict[str, list[Tensor]] = {}
    for candidate, options in candidates.items():
        try:
            step, reached = _candidate(bench, name, candidate, options, start)
        except (TypeError, ValueError, RuntimeError) as error:  # out of memory, for one
            yield fields | {"candidate": candidate, "note": _line(error)}
            continue
        if step is not None:
            ready[candidate], ends[candidate] = step, reached
    yield from ({**fields, **row} for row in _apart(ends, start.values))
    numbers = sum(map(prod, shapes))
    states = len(record(RULES[name]()).states)
    floor = copied(bench, numbers, 3 + 2 * states)
    turns = in_turns(bench, ready | {"copy": floor})
    theirs = [candidate for candidate in ready if candidate.startswith("torch")]
    fastest = min(theirs, key=lambda candidate: min(turns[candidate]), default=None)
    for candidate in ready:
        rivals = {"/ torch's fastest": fastest} if fastest and candidate not in theirs else {}
        ratios = {text: ratio(turns, candidate, rival) for text, rival in (rivals | {"/ copy": "copy"}).items()}
        yield fields | {"candidate": candidate, "ms": 1e3 * min(turns[candidate])} | ratios
    ready.clear()
    bench.free()


def _candidate(
    bench: Bench, name: str, candidate: str, options: dict[str, Any], start: "Start"
) -> tuple[Step | None, list[Tensor]]:
    """Its step, and where ten steps led the parameters; None where there is no such variant."""
    library = torch.optim if candidate.startswith("torch") else steepest
    kind, more = _kind(library, name)
    if kind is None or not (options.keys() | more) <= inspect.signature(kind).parameters.keys():
        return None, []
    recorded = "recorded" in candidate
    if recorded and bench.device.type != "cuda":
        return None, []
    params = start.parameters()
    step = kind(params, lr=1e-3, **options, **more).step
    step = recorded(step) if recorded else step
    for _ in range(7 if recorded else 10):  # three were made before recording
        step()
    bench.wait()
    return step, [param.detach()[:64].clone() for param in params]


def _kind(library: Any, name: str) -> tuple[Any, dict[str, Any]]:
    if name == "momentum" and library is torch.optim:
        return torch.optim.SGD, {"momentum": 0.9}
    return getattr(library, RULES[name].__name__, None), {}


def _apart(ends: dict[str, list[Tensor]], start: list[Tensor]) -> Iterable[Row]:
    """A row for each candidate that is a thousandth of the way from where the first is; with few bits, three tenths."""
    first = next(iter(ends), None)
    for candidate, reached in ends.items():
        way = max(float((a - b[:64]).abs().max()) for a, b in zip(ends[first or candidate], start, strict=True))
        apart = max(float((a - b).abs().max()) for a, b in zip(reached, ends[first or candidate], strict=True))
        if way == 0 or apart > way * (0.3 if "bits" in candidate else 1e-3):
            yield {"candidate": candidate, "note": f"reached other values: {apart / way if way else 0:.2g} of the way"}


# --- Muon -------------------------------------------------------------------------------------------------------------


def muon(bench: Bench) -> Iterator[Row]:
    """A step on the matrices of GPT-2 against torch's Muon, whose iteration is in bfloat16, for ours in both."""
    matrices = [shape for shape in SHAPES[bench.network] if len(shape) == 2][0 if bench.small else 2 :]
    start = Start.of(matrices[:2] if bench.small else matrices, bench.device)
    ready: dict[str, Step] = {}
    variants: dict[str, tuple[Any, torch.dtype, dict[str, Any]]] = {
        "torch": (torch.optim, torch.float32, {}),
        "ours float32": (steepest, torch.float32, {}),
        "ours bfloat16": (steepest, torch.bfloat16, {}),
        "ours float32, polar express": (steepest, torch.float32, {"coefficient_type": "polar_express"}),
    }
    for candidate, (library, dtype, settings) in variants.items():
        ready[candidate] = library.Muon(start.parameters(dtype), lr=1e-3, **settings).step
    turns = in_turns(bench, ready)
    flops = 5 * sum(4 * min(m.shape) ** 2 * max(m.shape) + 2 * min(m.shape) ** 3 for m in start.values)
    for candidate in ready:
        seconds = min(turns[candidate])
        row = {"section": "muon", "network": bench.network, "candidate": candidate, "ms": 1e3 * seconds}
        yield row | {"/ torch's fastest": ratio(turns, candidate, "torch"), "Tflop/s": flops / seconds / 1e12}
    bench.free()


# --- bytes ------------------------------------------------------------------------------------------------------------

METRICS = "dram__bytes_read.sum,dram__bytes_write.sum"


def bytes_moved(bench: Bench) -> Iterator[Row]:
    """Bytes of one step by the counters of the memory, over the least: each tensor read, and what changes written."""
    numbers = sum(map(prod, SHAPES[bench.network]))
    program = shutil.which("ncu")
    for candidate in ("ours lists", "ours compiled", "torch fused"):
        row = {"section": "bytes", "network": bench.network, "rule": "adam", "candidate": candidate}
        if program is None or bench.device.type != "cuda":
            yield row | {"note": "no ncu: not counted"}
            continue
        command = [program, "--csv", "--metrics", METRICS, "--profile-from-start", "off", "--target-processes", "all"]
        one = [sys.executable, "-m", "benchmarks.accelerator", "--one", candidate]
        left = max(10.0, bench.deadline - perf_counter())
        try:
            told = subprocess.run([*command, *one], capture_output=True, text=True, timeout=left, check=False)
        except subprocess.TimeoutExpired:
            yield row | {"note": "ncu took too long"}
            continue
        moved = read_counters(told.stdout)
        least = 4 * numbers * (3 + 2 * 2)
        note = {"note": (told.stderr or told.stdout).strip().partition("\n")[0][:200] or "ncu counted nothing"}
        yield row | ({"bytes / least": moved / least} if moved else note)


def read_counters(text: str) -> float:
    """The bytes in the output of `ncu --csv`, summed over kernels and metrics."""
    scale = {"byte": 1.0, "Kbyte": 1e3, "Mbyte": 1e6, "Gbyte": 1e9}
    total = 0.0
    for line in text.splitlines():
        cells = [cell.strip('"') for cell in line.split('","')]
        if any(cell.startswith("dram__bytes") for cell in cells):
            unit, number = cells[-2], cells[-1].rstrip('"').replace(",", "")
            total += scale.get(unit, 0.0) * float(number)
    return total


def one_step(candidate: str) -> None:
    """Under a profiler: one step of Adam on GPT-2's shapes, after some that are not recorded."""
    bench = Bench(torch.device("cuda"), small=False, deadline=perf_counter() + 60, out=OUT)
    step, _ = _candidate(bench, "adam", candidate, (OURS | TORCHS)[candidate], Start.of(SHAPES["gpt2"], bench.device))
    assert step is not None
    torch.cuda.cudart().cudaProfilerStart()  # type: ignore[no-untyped-call]
    step()
    bench.wait()
    torch.cuda.cudart().cudaProfilerStop()  # type: ignore[no-untyped-call]


# --- the command ------------------------------------------------------------------------------------------------------

SECTIONS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "correct": correct,
    "muon": muon,
    "steps": steps,
    "bytes": bytes_moved,
}


def section(out: Path = OUT) -> str:
    """The text of RESULTS.md: the tables of a file of results, or that there is none."""
    if not out.is_file():
        return (
            "Not measured: no accelerator was at hand. `python -m benchmarks.accelerator --write` measures everything"
            " within ten minutes on one card: every engine against torch's and against copying the bytes, correctness,"
            " low bits, Muon, CUDA graphs, bytes by Nsight."
        )
    kept = json.loads(out.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {number}" for name, number in kept["versions"].items())
    parts = [f"{kept['card']}; {kept['date']}; {versions}; CUDA {kept['cuda']}."]
    for name in SECTIONS:
        rows = [{key: value for key, value in row.items() if key != "section"} for row in kept["rows"]
                if row["section"] == name]  # fmt: skip
        if rows:
            columns = list(dict.fromkeys(key for row in rows for key in row))
            lines = [columns, ["---"] * len(columns), *([_text(row.get(key, "")) for key in columns] for row in rows)]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    slow = [row for row in kept["rows"] if "recorded" not in row.get("candidate", "")]
    above = sorted({row["rule"] for row in slow if row["section"] == "steps" and row.get("/ torch's fastest", 0) > BAR})
    parts.append(f"Above {BAR} of torch's fastest by some engine: {', '.join(above) or 'none'}.")
    return "\n\n".join(parts)


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelerator", description=__doc__)
    parser.add_argument("--device", help="such as cuda:0; default: the accelerator of this machine")
    parser.add_argument("--small", action="store_true", help="small shapes and few turns, to try the script out")
    parser.add_argument("--minutes", type=float, default=9.0, help="no measurement begins later")
    parser.add_argument("--only", choices=list(SECTIONS), nargs="*", help="these sections")
    parser.add_argument("--out", type=Path, default=OUT, help="file of the results")
    parser.add_argument("--write", action="store_true", help="keep the tables in RESULTS.md")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one:
        one_step(chosen.one)
        return
    device = torch.device(chosen.device) if chosen.device else torch.accelerator.current_accelerator(True)
    if device is None:
        print("no accelerator: nothing was measured; --device cpu --small tries the script out")
        return
    bench = Bench(device, chosen.small, perf_counter() + 60 * chosen.minutes, chosen.out)
    for name in chosen.only or SECTIONS:
        run = partial(SECTIONS[name], bench)
        try:
            for row in run():
                bench.keep(row)
        except Exception as error:  # the other sections are measured all the same
            bench.keep({"section": name, "note": f"{type(error).__name__}: {_line(error)}"})
    if chosen.write:
        from .__main__ import keep_section

        keep_section(TITLE, section(chosen.out))


if __name__ == "__main__":
    main()
