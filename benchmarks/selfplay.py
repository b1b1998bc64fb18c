"""python -m benchmarks.selfplay: how long self-play takes to know what the exact solution teaches, and where time goes.

Trains `board` for its own steps and `selfplay` for as many as asked, by Adam under a cosine schedule, and measures both
on the positions that are held out: how often the network alone plays a best move. Then each plays first from the empty
board against a perfect player, who tries all of the best answers: alone, and with tree searches. Seconds are those of
the processor, of one thread. The result is kept in benchmarks/selfplay.json.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch

from steepest import rules, workloads
from steepest.base.files import write
from steepest.study.environment import versions
from steepest.training.forecast import one_thread
from steepest.training.trainer import Trainer
from steepest.workloads.applications.connect_four import ConnectFour, Positions
from steepest.workloads.applications.connect_four_solution import solution
from steepest.workloads.applications.tree_search import TreeSearch
from steepest.workloads.seeding import seeded

FILE = Path(__file__).parent / "selfplay.json"

SIMULATIONS = (16, 100, 400)

Row = dict[str, Any]


def trained(workload: str, lr: float, steps: int | None, seed: int, points: int = 20) -> Row:
    """One run: its metric on the way, its seconds by part, and whether the network loses at the end."""
    problem = workloads.find(workload, try_out=False)
    steps = steps or problem.steps
    seconds = {"data": 0.0, "optimizer": 0.0}

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            begun = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[part] += time.process_time() - begun

        return called

    with one_thread(), seeded(seed):
        trainer = Trainer(problem, rules.find("adam", lr=lr), seed, steps, None, "cosine")
        session, optimizer = trainer.session, trainer.optimizer
        session.next_batch = timed("data", session.next_batch)
        optimizer.step = timed("optimizer", optimizer.step)
        metric, whole = {}, 0.0
        for point in range(1, points + 1):
            begun = time.process_time()
            trainer.advance(steps * point // points - steps * (point - 1) // points)
            whole += time.process_time() - begun
            metric[steps * point // points] = round(trainer.measure()[1], 4)
            print(
                workload, seed, steps * point // points, metric[steps * point // points], f"{whole:.1f} s", flush=True
            )
        parts = {"whole": whole, **seconds, "loss": whole - sum(seconds.values())}
        lost = loses(session.model, problem.game)
    row = {"workload": workload, "lr": lr, "seed": seed, "steps": steps, "best_moves": metric}
    return row | {"seconds": {name: round(value, 2) for name, value in parts.items()}, "loses": lost}


@torch.no_grad()
def loses(model: torch.nn.Module, game: ConnectFour) -> dict[str, bool]:
    """Whether a perfect player beats the network, which plays first: alone, and with so many simulations a move."""

    def judge(positions: Positions) -> Any:
        scores = model(torch.from_numpy(game.planes(positions)))
        result = scores[:, -3:].softmax(dim=1)
        return scores[:, :-3].softmax(dim=1).numpy(), (result[:, 0] - result[:, 2]).numpy()

    def searching(positions: Positions, count: int) -> Any:
        return TreeSearch(game, judge, count).visits(positions).argmax(axis=1)

    solved = solution(game)
    alone = solved.beats(lambda positions: judge(positions)[0].argmax(axis=1))
    searched = {f"{count} simulations": solved.beats(partial(searching, count=count)) for count in SIMULATIONS}
    return {"alone": alone, **searched}


def main() -> None:
    """Train, print, and keep the rows."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.selfplay", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--steps", type=int, default=12_000, help="of self-play (12000)")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each workload (2)")
    parser.add_argument("--lr", type=float, default=4e-3, help="the learning rate of self-play (0.004)")
    parser.add_argument("--lr-board", type=float, default=6e-3, help="that of board (0.006)")
    parser.add_argument("--workload", default="selfplay", help="self-play with other settings")
    chosen = parser.parse_args()
    rows = []
    for seed in range(1, chosen.seeds + 1):
        for workload, lr, steps in (("board", chosen.lr_board, None), (chosen.workload, chosen.lr, chosen.steps)):
            rows.append(trained(workload, lr, steps, seed))
            print(rows[-1], flush=True)
            keep(rows)


def keep(rows: list[Row]) -> None:
    """Write the runs so far, with the machine."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
    kept = {
        "date": datetime.now(UTC).date().isoformat(), "processor": processor or platform.machine(),
        "python": platform.python_version(), "versions": versions(), "runs": rows,
    }  # fmt: skip
    write(FILE, f"{json.dumps(kept, indent=1)}\n")


if __name__ == "__main__":
    main()
