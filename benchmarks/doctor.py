"""python -m benchmarks.doctor [faults] [healthy] [cost] [beside] [prove]: what it finds, where it errs, what it costs.

`cost` is that of a loop of one's own, `beside` that of the runs of a comparison, by the processor's time.
`prove` tries the advice of findings, and says how often that agrees with a long training (see `proofs.py`).

`--folder` names a folder of programs, a file each, with `TRUTH` and `train(watch, seed, fixed, steps)`; without it the
project's own are run (`--held` only those that no threshold was chosen with). `healthy` goes on where it was ended
(`alarms.py`).
"""

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean, median
from time import perf_counter, process_time
from typing import Any

import torch

import steepest
from steepest.diagnose.beside import Beside, BesidePlain, first_look
from steepest.rules import Adam
from steepest.training import train
from steepest.workloads import find

from . import alarms
from .__main__ import machine, table
from .faults import PROGRAMS
from .faults.parts import Program, mlp
from .proofs import STORE, proofs

Row = dict[str, Any]


def in_folder(folder: Path) -> dict[str, Program]:
    """The programs of a folder: files with `TRUTH` and `train`."""
    sys.path.insert(0, str(folder))
    programs = {}
    for path in sorted(folder.glob("f*.py")):
        module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(path.stem, path))
        module.__spec__.loader.exec_module(module)
        train = module.train
        programs[path.stem] = Program(
            tuple(module.TRUTH.split("|")),
            lambda watch, seed, fixed, steps, train=train: train(watch, seed=seed, fixed=fixed, steps=steps),
            (module.__doc__ or "").strip(),
        )
    return programs


def codes_of(doctor: Any) -> list[str]:
    """The codes that were found; the hooks are removed."""
    doctor.close()
    broken = [finding.text() for finding in doctor.unseen if finding.code == "unseen_error"]
    assert not broken, broken
    return [finding.code for finding in doctor.findings]


def faults(programs: dict[str, Program], seeds: int, steps: int) -> Iterator[str]:
    """How often the first finding is the right one, and how often repaired programs are silent."""
    first = anywhere = alarms = total = 0
    for name, program in programs.items():
        for seed in range(seeds):
            found = codes_of(program.run(steepest.watch, seed, False, steps))
            twin = codes_of(program.run(steepest.watch, seed, True, steps))
            right = bool(found) and found[0] in program.truth
            total, first, alarms = total + 1, first + right, alarms + bool(twin)
            anywhere += bool(set(found) & set(program.truth))
            if not right or twin:
                yield f"  {name}, seed {seed}: {'|'.join(program.truth)}; found {found}, repaired {twin}"
    yield (
        f"{len(programs)} programs, {seeds} seeds: named first {first} of {total} ({first / total:.1%}), "
        f"found {anywhere} ({anywhere / total:.1%}); repaired programs with an alarm {alarms} ({alarms / total:.1%})"
    )


def cost(rounds: int) -> Iterator[str]:
    """Time with the doctor over time without it, in turns of 50 steps side by side, for steps of several lengths."""
    rows = []
    for width, depth, batch in ((16, 1, 8), (64, 2, 48), (160, 3, 128), (256, 3, 128), (768, 4, 256), (2048, 4, 384)):
        sides = [_Side(width, depth, batch, watched) for watched in (False, True)]
        ratios, plain, turns = [], [], rounds if width < 2048 else max(rounds // 5, 4)
        for turn in range(turns):
            times = {}
            for side in sides if turn % 2 else sides[::-1]:
                times[side.watched] = side.turn(50)
            if turn >= turns // 4:  # the first steps are paid back later
                ratios.append(times[True] / times[False])
                plain.append(times[False] / 50)
        rows.append(
            {
                "ms a step": 1e3 * median(plain), "mean cost": f"{fmean(ratios) - 1:.1%}",
                "median": f"{median(ratios) - 1:.1%}", "ticks": len(sides[1].doctor.record.ticks),
                "steps": turns * 50,
            }
        )  # fmt: skip
    yield table(rows)


def beside(rounds: int, workload: str = "digits") -> Iterator[str]:
    """Processor time of a run of a comparison with the doctor over that without it, in turns."""
    problem, rule = find(workload), Adam(lr=1e-2)
    look = first_look(problem, rule)
    sides: dict[str, Callable[[], Any]] = {
        "none": lambda: None, "beside plain steps": lambda: BesidePlain(look.record), "the whole doctor": Beside,
    }  # fmt: skip
    times: dict[str, list[float]] = {side: [] for side in sides}
    ticks: dict[str, list[int]] = {side: [0] for side in sides}
    for turn in range(rounds + 1):
        for side, make in list(sides.items())[:: 1 if turn % 2 else -1]:
            started, observer = process_time(), make()
            train(problem, rule, 1, observer=observer)
            if observer is not None:
                assert observer.findings is not None
                ticks[side].append(len(observer.record.ticks))
            if turn:  # the first one loads and compiles
                times[side].append(process_time() - started)
    started = process_time()
    first_look(problem, rule)
    looked = process_time() - started
    for side, own in times.items():
        ratios = [one / other for one, other in zip(own, times["none"], strict=True)]
        yield f"  {side}: {1e3 * median(own):.0f} ms a run, {median(ratios) - 1:+.1%}, {fmean(ticks[side]):.1f} steps"
    yield f"  first look at a contestant: {1e3 * looked:.0f} ms"


class _Side:
    def __init__(self, width: int, depth: int, batch: int, watched: bool) -> None:
        torch.manual_seed(0)
        self.watched, self.model = watched, mlp(64, *[width] * depth, 10)
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3)
        self.inputs, self.labels = torch.randn(batch, 64), torch.randint(10, (batch,))
        self._spent = self._started = 0.0
        self.doctor = None
        if watched:  # its clock stands still while the other side has its turn
            own = lambda: self._spent + perf_counter() - self._started  # noqa: E731
            self._started = perf_counter()
            self.doctor = steepest.Doctor(self.model, [self.optimizer], 0.05, None, None, None, clock=own)
            self._spent = perf_counter() - self._started

    def turn(self, steps: int) -> float:
        self._started = started = perf_counter()
        for _ in range(steps):
            self.optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(self.model(self.inputs), self.labels)
            loss.backward()
            self.optimizer.step()
            if self.doctor is not None:
                self.doctor.step(loss)
            else:
                loss.item()
        seconds = perf_counter() - started
        self._spent += seconds
        return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.doctor", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        choices=["faults", "healthy", "cost", "beside", "prove", []],
        help="what to measure; all of it",
    )
    parser.add_argument("--folder", type=Path, help="a folder of faulty programs instead of the project's own")
    parser.add_argument("--held", action="store_true", help="only the programs that no threshold was chosen with")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=300, help="steps of a faulty program")
    parser.add_argument("--write", action="store_true", help="put the counts of `healthy` into the catalogue")
    parser.add_argument("--rounds", type=int, default=40, help="turns of 50 steps of `cost`, or of a run of `beside`")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs of a trial")
    parser.add_argument("--arm", type=int, default=100, help="steps of a run of a trial")
    parser.add_argument("--store", type=Path, default=STORE, help="where what was measured of proofs is kept")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    programs = in_folder(arguments.folder) if arguments.folder else PROGRAMS
    if arguments.held:
        programs = {name: program for name, program in programs.items() if program.held}
    print(machine())
    for part in arguments.parts or ["faults", "healthy", "cost", "beside", "prove"]:
        print(f"\n{part}")
        lines = {
            "faults": lambda: faults(programs, arguments.seeds, arguments.steps),
            "healthy": lambda: alarms.measure(arguments.seeds, arguments.write),
            "cost": lambda: cost(arguments.rounds),
            "beside": lambda: beside(arguments.rounds),
            "prove": lambda: proofs(
                programs, arguments.seeds, arguments.steps, arguments.pairs, arguments.arm, arguments.store
            ),
        }[part]()
        for line in lines:
            print(line, flush=True)


if __name__ == "__main__":
    main()
