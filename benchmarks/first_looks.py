"""python -m benchmarks.first_looks third [--seeds 3] [--again]: what the doctor says of programs it has not seen.

The programs of a module of `faults` were kept before the doctor was run on any of them. Each one runs with its mistake
and repaired, for every seed; a row in `first_looks.jsonl` has what was found, and how good both trained models are on
data that they have not seen. A row is written once: a later run measures what is missing, and `--again` measures
everything and writes nothing.
"""

import argparse
import importlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

import steepest

from .__main__ import machine
from .doctor import codes_of
from .faults.parts import Program

STORE = Path(__file__).parent / "first_looks.jsonl"

Row = dict[str, Any]


def rows() -> list[Row]:
    """All first looks that are kept."""
    return [json.loads(line) for line in STORE.read_text(encoding="utf-8").splitlines()] if STORE.exists() else []


def look(module: str, name: str, program: Program, seed: int, steps: int) -> Row:
    """One program with one seed, with its mistake and repaired."""
    row: Row = {"module": module, "program": name, "seed": seed, "steps": steps, "truth": list(program.truth)}
    assert program.judged is not None
    for side, fixed in (("faulty", False), ("repaired", True)):
        doctor, quality = program.judged(steepest.watch, seed, fixed, steps)
        row[side] = {"found": codes_of(doctor), "quality": round(quality(), 5)}
    return row


def summary(measured: list[Row]) -> str:
    """Counts over all programs and seeds."""
    right = [row["program"] for row in measured if set(row["faulty"]["found"][:1]) & set(row["truth"])]
    first = len(right)
    anywhere = sum(bool(set(row["faulty"]["found"]) & set(row["truth"])) for row in measured)
    silent = sum(not row["faulty"]["found"] for row in measured)
    alarms = sum(bool(row["repaired"]["found"]) for row in measured)
    worse = sum(row["faulty"]["quality"] < row["repaired"]["quality"] for row in measured)
    programs = {row["program"] for row in measured}
    always = sum(right.count(name) == sum(row["program"] == name for row in measured) for name in programs)
    count = len(measured)
    return (
        f"{len(programs)} programs, {count} runs: named first {first} ({first / count:.1%}), found {anywhere}, "
        f"nothing found {silent}, another one first {count - first - silent}; named first with every seed "
        f"{always} of {len(programs)}; repaired programs with an alarm {alarms}; "
        f"worse than repaired on unseen data {worse} of {count}"
    )


def measure(module: str, seeds: int, steps: int, again: bool) -> Iterator[str]:
    """Measure what is missing, or everything; a line for each run, and one with the counts."""
    programs: dict[str, Program] = importlib.import_module(f".faults.{module}", __package__).PROGRAMS
    kept = {(row["program"], row["seed"]): row for row in rows() if row["module"] == module}
    revision = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    measured = []
    for seed in range(seeds):
        for name, program in programs.items():
            row = None if again else kept.get((name, seed))
            if row is None:
                row = look(module, name, program, seed, steps)
                if not again:
                    with STORE.open("a", encoding="utf-8") as file:
                        print(json.dumps(row | {"revision": revision.stdout.strip(), "machine": machine()}), file=file)
            measured.append(row)
            yield (
                f"  {name}, seed {seed}: {'|'.join(row['truth'])}; found {row['faulty']['found']}, "
                f"repaired {row['repaired']['found']}; {row['faulty']['quality']:.4g} {row['repaired']['quality']:.4g}"
            )
    yield summary(measured)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_looks", description=__doc__)
    parser.add_argument("module", help="a module of benchmarks/faults whose programs can be judged")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--again", action="store_true", help="measure everything now, and keep the first look as it is")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    for line in measure(arguments.module, arguments.seeds, arguments.steps, arguments.again):
        print(line, flush=True)


if __name__ == "__main__":
    main()
