"""The public verbs that tie everything together: plan, run and show in one call."""

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from . import workloads
from .comparison import LECTURE_FIVE, Comparison, Plan, Store, carry_out, make_plan
from .comparison.results import STUDY_FILE
from .errors import InvalidValue

__all__ = ["Progress", "compare", "default_folder", "plan_comparison", "run_comparison"]

Progress = Callable[[Store], None]


def compare(
    workload: str = "digits",
    optimizers: str | Sequence[str] = LECTURE_FIVE,
    *,
    trials: int = 16,
    seeds: int = 10,
    steps: int | None = None,
    target: float | None = None,
    batch_size: int | str | Sequence[int | str] | None = None,
    jobs: int | None = None,
    out: str | Path | None = None,
    on_progress: Progress | None = None,
) -> Comparison:
    """Find out which optimizer, at which learning rate, gets a workload to its target first.

    Every optimizer gets the same number of trials, quasi-random over its declared range of learning rates, on one seed;
    its best trial runs again on fresh seeds, the same ones for every optimizer. Only those are reported.

    Args:
        workload: a name (`steepest list`) or the path of your own file.
        optimizers: rules by name or spec, such as `"adam(betas=(0.9, 0.98))"`; a path to a `.py` file means every rule
            in it. A rule with a given `lr` is not searched.
        trials: learning rates tried for each optimizer.
        seeds: fresh seeds on which each winner is reported.
        steps: updates in each run; default: the workload's.
        target: value of the metric to reach; default: the workload's.
        batch_size: examples a step; several make every optimizer compete with each; `"all"` is the whole set.
        jobs: processes to use, 1 for none but this one; default: one a core.
        out: folder for the study, tables, figures and report; a study there goes on where it stopped. None writes
            nothing.
        on_progress: called with the store a few times a second.

    Returns:
        A `Comparison`: `.table`, `.verdict`, `.runs`, `.curves`.

    Raises:
        InvalidValue: anything that does not exist or is out of range, before anything is run or written.

    >>> result = compare("digits", ["sgd(lr=0.5)", "adam(lr=0.01)"], seeds=2, steps=20, target=0.5, jobs=1)
    >>> sorted(result.table.index), len(result.runs)
    (['Adam lr=0.01', 'SGD lr=0.5'], 6)
    """
    plan = plan_comparison(
        workload, optimizers, trials=trials, seeds=seeds, steps=steps, target=target, batch_size=batch_size
    )
    return run_comparison(plan, jobs=jobs, out=out, on_progress=on_progress)


def plan_comparison(
    workload: str,
    optimizers: str | Sequence[str],
    *,
    trials: int,
    seeds: int,
    steps: int | None = None,
    target: float | None = None,
    batch_size: int | str | Sequence[int | str] | None = None,
) -> Plan:
    """What `compare` would do with these arguments; tries the workload out, runs nothing, writes nothing."""
    names = [optimizers] if isinstance(optimizers, str) else list(optimizers)
    sizes = [batch_size] if isinstance(batch_size, int | str) else batch_size
    chosen = workloads.find(workload)
    return make_plan(chosen, names, trials=trials, seeds=seeds, steps=steps, target=target, batch_sizes=sizes)


def run_comparison(
    plan: Plan, *, jobs: int | None = None, out: str | Path | None = None, on_progress: Progress | None = None
) -> Comparison:
    """Carry a plan out and show it in the folder `out`, or nowhere if that is None; see `compare`."""
    count = _jobs(jobs)
    if out is None:
        with tempfile.TemporaryDirectory(prefix="steepest-") as folder:
            return _carry_out(Path(folder), plan, count, on_progress)
    from .report import write_report

    home = Path(out).expanduser()
    _prepare_folder(home, plan)
    comparison = _carry_out(home, plan, count, on_progress)
    write_report(comparison, home)
    return comparison


def default_folder(plan: Plan) -> Path:
    """`steepest-WORKLOAD` here, or with a number behind it where that folder holds another comparison."""
    first = Path(f"steepest-{Path(plan.workload).stem}")
    folder, number = first, 1
    while not _fits(folder, plan):
        number += 1
        folder = Path(f"{first}-{number}")
    return folder


def _fits(folder: Path, plan: Plan) -> bool:
    """Whether the folder holds no study, or this one."""
    if not (folder / STUDY_FILE).is_file():
        return True
    store = Store.open(folder / STUDY_FILE)
    try:
        return store.plan == plan
    finally:
        store.close()


def _prepare_folder(folder: Path, plan: Plan) -> None:
    """Make the folder for a study, or see that the study in it is this one."""
    if not _fits(folder, plan):
        raise InvalidValue(f"{folder}: holds another comparison; choose another folder with --out, or delete it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InvalidValue(
            f"{folder}: cannot be written ({error.strerror}); choose another folder with --out"
        ) from None


def _carry_out(folder: Path, plan: Plan, jobs: int, on_progress: Progress | None) -> Comparison:
    file = folder / STUDY_FILE
    store = Store.open(file) if file.is_file() else Store.create(file, plan, _workload_facts(plan))
    try:
        carry_out(store, jobs, (lambda: on_progress(store)) if on_progress else (lambda: None))
    finally:
        store.close()
    return Comparison.read(folder)


def _workload_facts(plan: Plan) -> dict[str, str]:
    """What tables and pages say about the workload, so that they need not load it."""
    workload = workloads.find(plan.workload)
    names = ("name", "about", "about_zh", "metric_name", "higher_is_better")
    facts = {"workload": json.dumps({name: getattr(workload, name) for name in names})}
    sizes = sorted({contestant.batch_size for contestant in plan.contestants})
    if len(sizes) > 1:
        from .training import gradient_noise

        facts["gradient_noise"] = json.dumps({size: gradient_noise(workload, size) for size in sizes})
    return facts


def _jobs(jobs: int | None) -> int:
    if jobs is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise InvalidValue(f"jobs: must be a whole number from 1, got {jobs!r}")
    return jobs
