"""python -m benchmarks.studies [rounds [trials]]: a whole study against the same runs done by Optuna with torch.optim.

Both sides do the same runs: workload (the digits network), optimizers, learning rates, seeds, number of steps and grid
of measurements. Both have one process a core and one thread a process, and are timed from the start of their first
process to the end of their last, in turns; the best turn of each counts.

The rival is written for speed, as an experienced Optuna user would: batches are taken by index (a DataLoader takes
longer than the network), data are made before the processes fork, and trials are queued in a journal file, which Optuna
recommends for several processes on one machine. It gets the list of runs. Choosing the winners of the search, storing
every curve and measuring step times count in our time only.

Final losses of both sides are compared run by run. Float32 rounds differently in two programs, and a learning rate so
large that training is chaotic enlarges that without bound; so the first measurement of every run must agree as well.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import perf_counter
from typing import Any

__all__ = ["measure"]

CLOSE = 1e-3
"""Relative difference of losses that counts as equal in float32."""

Row = dict[str, Any]
Data = tuple[Any, ...]


def measure(rounds: int = 3, trials: int = 16, seeds: int = 10) -> list[Row]:
    """Seconds of both sides, their ratio, and the relative differences of their losses, as rows of a table.

    Our side does the study twice in each turn: as it comes, which trains such small networks as populations, and run by
    run.
    """
    with tempfile.TemporaryDirectory() as folder:
        ours, single, theirs = (str(Path(folder) / f"{side}.json") for side in ("ours", "single", "theirs"))
        study = str(trials), str(seeds)
        times = [
            (
                _seconds("steepest", ours, *study, "auto"),
                _seconds("steepest", single, *study, "off"),
                _seconds("optuna", ours, theirs),
            )
            for _ in range(rounds)
        ]
        runs = [json.loads(Path(file).read_text()) for file in (ours, single, theirs)]
    apart = _differences(runs[0], runs[2])
    first, final = zip(*apart, strict=True)
    assert max(first) < CLOSE, f"after the first steps losses differ by {max(first):.1e}: these are not the same runs"
    equal = sum(difference < CLOSE for difference in final)
    assert equal >= 0.8 * len(final), f"only {equal} of {len(final)} final losses are equal"
    best, alone, rival = (min(wall for wall, _ in seconds) for seconds in zip(*times, strict=True))
    of_all = f"of {len(final)}"
    return [
        {"what": f"steepest, {len(final)} runs", "value": f"{best:.2f} s"},
        {"what": "steepest, run by run", "value": f"{alone:.2f} s"},
        {"what": "Optuna with torch.optim, the same runs", "value": f"{rival:.2f} s"},
        {"what": "ratio, steepest / Optuna", "value": _ratio(times, 0, 0)},
        {"what": "ratio, steepest run by run / Optuna", "value": _ratio(times, 1, 0)},
        {"what": "ratio of processor seconds, steepest / Optuna", "value": _ratio(times, 0, 1)},
        {"what": f"final losses equal to {CLOSE:g}", "value": f"{equal} {of_all}"},
        {"what": "the same of populations and run by run", "value": f"{_equal(runs[0], runs[1])} {of_all}"},
        {"what": "largest relative difference at the first measurement", "value": f"{max(first):.1e}"},
        {"what": "median relative difference in the end", "value": f"{sorted(final)[len(final) // 2]:.1e}"},
        {"what": "largest relative difference in the end", "value": f"{max(final):.1e}"},
    ]


def _ratio(times: list[tuple[tuple[float, float], ...]], side: int, clock: int) -> str:
    """The median over the turns of a side's seconds by a clock relative to the rival's, and the range."""
    ratios = sorted(seconds[side][clock] / seconds[-1][clock] for seconds in times)
    return f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def _equal(ours: list[Row], theirs: list[Row]) -> int:
    """Number of runs whose final losses are equal; the winners, which are reported, must be the same for this."""
    keys = [{(run["rule"], run["lr"], run["seed"]) for run in side} for side in (ours, theirs)]
    assert keys[0] == keys[1], "populations chose other winners than run by run"
    return sum(final < CLOSE for _, final in _differences(ours, theirs))


def _seconds(*arguments: str) -> tuple[float, float]:
    """By the wall's clock, and of processors, of all its processes: what else runs on the machine counts less there."""
    started, before = perf_counter(), _processor_seconds()
    subprocess.run([sys.executable, "-m", "benchmarks.studies", *arguments], check=True)
    return perf_counter() - started, _processor_seconds() - before


def _processor_seconds() -> float:
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _differences(ours: list[Row], theirs: list[Row]) -> list[tuple[float, float]]:
    """Relative differences of the two losses of each run, at its first and at its last measurement."""
    by_key = {(run["rule"], run["lr"], run["seed"]): run for run in theirs}
    assert len(ours) == len(theirs) == len(by_key), "both sides must have done the same runs"
    pairs = [(run, by_key[run["rule"], run["lr"], run["seed"]]) for run in ours]
    return [(_difference(a["first"], b["first"]), _difference(a["final"], b["final"])) for a, b in pairs]


def _difference(a: float | None, b: float | None) -> float:
    """Relative difference of two losses; None is a non-finite one, equal to another None."""
    if a is None or b is None:
        return 0.0 if a is b else math.inf
    return abs(a - b) / max(abs(a), abs(b))


# --- steepest ---------------------------------------------------------------------------------------------------------


def run_steepest(file: str, trials: str, seeds: str, population: str) -> None:
    """Our side: the study by the public call; its runs are written to a file for the other side."""
    import steepest

    options = {"searches": 1, "search_seeds": 1, "population": population}
    study = steepest.compare("digits", trials=int(trials), seeds=int(seeds), **options)
    curves = study.curves[study.curves["step"] > 0].groupby("run")["loss"]
    losses = {"first": curves.nth(0), "final": curves.nth(-1)}
    runs = study.runs.assign(**{name: series.to_numpy() for name, series in losses.items()})
    runs[["rule", "lr", "seed", "first", "final"]].to_json(file, orient="records", double_precision=15)


# --- Optuna -----------------------------------------------------------------------------------------------------------


def run_optuna(runs_file: str, results_file: str) -> None:
    """The other side: the same runs by Optuna, with trials in a journal file and as many processes as cores."""
    import multiprocessing

    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    runs, data, cores = json.loads(Path(runs_file).read_text()), _digits(), len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        journal = str(Path(folder) / "study.log")
        study = optuna.create_study(study_name="digits", storage=_storage(journal))
        for run in runs:
            study.enqueue_trial({name: run[name] for name in ("rule", "lr", "seed")})
        shares = [len(runs[core::cores]) for core in range(cores)]
        start = multiprocessing.get_context("fork").Process
        workers = [start(target=_work, args=(journal, share, data)) for share in shares]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        results = [trial.params | trial.user_attrs for trial in study.trials]
    Path(results_file).write_text(json.dumps(results))


def _digits() -> Data:
    """scikit-learn's images, with the same split as in our workload."""
    import numpy as np
    import torch
    from sklearn.datasets import load_digits

    shuffled = np.random.default_rng(0).permutation(np.column_stack(load_digits(return_X_y=True)))
    table = torch.tensor(shuffled[np.argsort(shuffled[:, -1], kind="stable")])
    images, digits, held_out = (table[:, :-1] / 16).float(), table[:, -1].long(), torch.arange(len(table)) % 5 == 0
    return images[~held_out], digits[~held_out], images[held_out], digits[held_out]


def _storage(journal: str) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(journal))


def _work(journal: str, trials: int, data: Data) -> None:
    import optuna
    import torch

    torch.set_num_threads(1)
    optuna.load_study(study_name="digits", storage=_storage(journal)).optimize(_objective(data), n_trials=trials)


def _objective(data: Data) -> Callable[[Any], float]:
    import torch

    optimizers: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "sgd": torch.optim.SGD,
        "momentum": lambda params, lr: torch.optim.SGD(params, lr=lr, momentum=0.9),
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adam": torch.optim.Adam,
    }

    def objective(trial: Any) -> float:
        make = optimizers[trial.suggest_categorical("rule", list(optimizers))]
        lr = trial.suggest_float("lr", 1e-6, 1e3, log=True)
        losses = _train(lambda params: make(params, lr=lr), trial.suggest_int("seed", 0, 10_000), data)
        first, final = (loss if math.isfinite(loss) else None for loss in (losses[0], losses[-1]))
        trial.set_user_attr("first", first)
        trial.set_user_attr("final", final)
        return math.inf if final is None else final

    return objective


def _train(make: Callable[..., Any], seed: int, data: Data, steps: int = 400, size: int = 64) -> list[float]:
    """The plain training loop of a tutorial, measured on our grid; it ends early when the loss is not finite."""
    import torch
    from torch import nn

    from steepest.training.grid import grid

    inputs, targets, held_out_inputs, held_out_targets = data
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = make(model.parameters())
    generator = torch.Generator().manual_seed(seed)
    losses: list[float] = []
    measured, step = set(grid(steps)), 0
    while True:
        order = torch.randperm(len(inputs), generator=generator)
        for chosen in order.split(size)[: len(inputs) // size]:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs[chosen]), targets[chosen])
            loss.backward()
            optimizer.step()
            step += 1
            if step in measured:
                losses.append(_measure(model, held_out_inputs, held_out_targets))
                if step == steps or not math.isfinite(losses[-1]):
                    return losses


def _measure(model: Any, inputs: Any, targets: Any) -> float:
    """Loss and accuracy on the held-out data."""
    import torch

    model.eval()
    with torch.no_grad():
        output = model(inputs)
        loss: float = torch.nn.functional.cross_entropy(output, targets).item()
        (output.argmax(dim=1) == targets).float().mean().item()
    model.train()
    return loss


def main() -> None:
    """Measure and print, or be one of the two sides."""
    side, *arguments = sys.argv[1:] or ["3"]
    if side.isdigit():
        for row in measure(int(side), *map(int, arguments)):
            print(f"{row['what']}: {row['value']}")
    else:
        {"steepest": run_steepest, "optuna": run_optuna}[side](*arguments)


if __name__ == "__main__":
    main()
