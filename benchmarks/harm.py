"""python -m benchmarks.harm sixth [--seeds 3]: what the mistakes of programs cost on unseen data, without the doctor.

Each program of a module of `faults` runs with its mistake and repaired, for every seed; nothing observes it. A row in
`faults/harm.jsonl` has how good both models are (`Program.judged`); the rows of a program are replaced.
"""

import argparse
import importlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import torch

from .__main__ import machine
from .faults.parts import Program

STORE = Path(__file__).parent / "faults" / "harm.jsonl"


class _Nobody:
    """Takes the losses of a training, as the doctor does, and does nothing."""

    def step(self, loss: Any) -> None: ...


def measured(program: Program, seeds: int, steps: int) -> dict[str, list[float]]:
    """How good a program's model is, for every seed, with its mistake and repaired."""
    assert program.judged is not None
    judged = program.judged
    return {
        side: [round(judged(lambda *_: _Nobody(), seed, fixed, steps)[1](), 4) for seed in range(seeds)]
        for side, fixed in (("faulty", False), ("repaired", True))
    }


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.harm", description=__doc__)
    parser.add_argument("module", help="a module of benchmarks/faults whose programs can be judged")
    parser.add_argument("names", nargs="*", help="programs, otherwise all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    programs: dict[str, Program] = importlib.import_module(f".faults.{arguments.module}", __package__).PROGRAMS
    kept = [json.loads(line) for line in STORE.read_text(encoding="utf-8").splitlines()] if STORE.exists() else []
    for name in arguments.names or programs:
        row = {"module": arguments.module, "program": name, "steps": arguments.steps}
        row |= measured(programs[name], arguments.seeds, arguments.steps)
        row |= {"date": date.today().isoformat(), "torch": torch.__version__, "machine": machine()}
        kept = [old for old in kept if (old["module"], old["program"]) != (arguments.module, name)] + [row]
        STORE.write_text("".join(json.dumps(old) + "\n" for old in kept), encoding="utf-8")
        print(f"  {name}: {programs[name].truth[0]}; {row['faulty']} {row['repaired']}", flush=True)


if __name__ == "__main__":
    main()
