"""Execution of one job, a run or a measurement of step times, in the calling process."""

import gc
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import astuple, replace
from functools import cache
from pathlib import Path

import torch

from ... import rules, workloads
from ...base.guards import exits_raised
from ...base.modules import importing, last_words
from ...base.spec import parse
from ...base.status import Status
from ...diagnose import Diagnosis
from ...diagnose.beside import Beside, BesideMany, BesidePlain, first_look
from ...findings.catalogue import Finding
from ...rules import External, Rule
from ...training import Run, StepTimes, pictures, step_parts, step_times, train
from ...training.forecast import one_thread
from ...training.memory import is_out_of_memory, largest_batch
from ...training.population import Member, train_many
from ...training.repeating import first_difference
from ...training.sizes import population_size
from ...workloads import Problem
from ...workloads.seeding import seeded
from ..devices import CPU, check_here, described
from ..jobs import BEGUN, LOADING, READING, Ending, Entry, Job, columns_of
from ..shots import Shot, content_of

__all__ = ["do"]

MOST_DIAGNOSES = 5
"""Findings of the doctor that are stored of a run: the worst."""


def do(job: Job, tell: Callable[[bytes], None] = lambda line: None) -> Ending:
    """Do a job and return its ending; one that raises any exception but KeyboardInterrupt has failed.

    The user's files can import the modules beside them all the while, also when a function of theirs is called.

    Args:
        job: what to do.
        tell: called with `READING`, `LOADING` and `BEGUN` when that begins.
    """
    device, lacks_memory = job.entries[0].device, False
    with one_thread(), importing(*_folders(job)), exits_raised():
        try:
            with _on(device), seeded(0, device):
                ending = _work_of(job)(job, tell)
        except (Exception, SystemExit) as error:  # what a user's model or rule raises ends this run only
            words = last_words(error, *_files(job.entries[0]), named=True)
            lacks_memory = is_out_of_memory(error)
            ending = Ending(job.id, columns_of(Finding("run_raised", {"words": words})))
        # not before the error is gone, whose traceback keeps alive what filled the memory
        if lacks_memory and len(job.ids) < 2:  # of a population each run is tried by itself
            with _on(device):
                ending = Ending(job.id, columns_of(_out_of_memory(job.entries[0], words)))
    return ending if device == CPU else replace(ending, result={**ending.result, "device": described(device)})


@contextmanager
def _on(device: str) -> Iterator[None]:
    """A context in which this device is the one that torch means by its kind alone, as in `tensor.cuda()`.

    cuDNN neither chooses its kernels by trying them out, which depends on what else the device does, nor those that
    add in any order. Memory that the run has given back is left to the other processes on the device.
    """
    if device == CPU:
        yield
        return
    check_here([device])
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read once, when the process begins to use CUDA
    module = torch.get_device_module(device)
    with (
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=True),
        module.device(device) if hasattr(module, "device") else nullcontext(),
    ):
        yield
    gc.collect()
    if hasattr(module, "empty_cache"):
        module.empty_cache()


def _work_of(job: Job) -> Callable[[Job, Callable[[bytes], None]], Ending]:
    if job.sizing:
        return _size
    if job.timing:
        return _time
    if job.pictures:
        return _show
    return _run_many if job.ids else _run


def _files(entry: Entry) -> list[str]:
    """The user's files that a run goes through, whose line numbers its error message shall name."""
    rule = parse(entry.rule).file
    return [entry.workload, *([rule] if rule else [])]


def _folders(job: Job) -> list[Path]:
    files = [Path(file) for entry in job.entries for file in reversed(_files(entry))]
    return [file.parent for file in files if file.is_file()]  # imports look into the last one first: the workload's


def _run(job: Job, tell: Callable[[bytes], None]) -> Ending:
    (entry,) = job.entries
    problem = _problem(workloads.find(entry.workload, try_out=False), entry.target)
    tell(READING)
    _begin(problem, entry.device)
    tell(LOADING)
    look = _first_look(problem, _rule_of(entry), entry.batch_size, entry.device)
    differs = _difference(problem, entry) if job.checks else None
    tell(BEGUN)
    rule = rules.find(entry.rule, **entry.settings)
    how = entry.steps, entry.batch_size, entry.schedule, entry.device, entry.until
    beside = BesidePlain(look.record) if look.is_plain else Beside()
    run = train(problem, rule, entry.seed, *how, observer=beside)
    summary = _summary(run, problem, _explained(beside.findings, problem, entry))
    return Ending(job.id, summary, [list(astuple(point)) for point in run.curve], differs=differs)


def _run_many(job: Job, tell: Callable[[bytes], None]) -> Ending:
    """A population; where anything raises, none of its runs has an ending."""
    first = job.entries[0]
    problem = _problem(workloads.find(first.workload, try_out=False), first.target)
    tell(READING)
    _begin(problem, first.device)
    tell(LOADING)
    looks = [_first_look(problem, _rule_of(entry), entry.batch_size, entry.device).record for entry in job.entries]
    differs = {
        id: _difference(problem, entry) for id, entry in zip(job.ids, job.entries, strict=True) if id in job.checks
    }
    tell(BEGUN)
    members = [Member(rules.find(entry.rule, **entry.settings), entry.seed, entry.schedule) for entry in job.entries]
    beside = BesideMany(looks)
    how = first.steps, first.batch_size, first.device
    runs = train_many(problem, members, *how, until=first.until, observer=beside)
    parts = [
        Ending(
            id, _summary(run, problem, _explained(beside.findings(place), problem, entry)),
            [list(astuple(point)) for point in run.curve], differs=differs.get(id),
        )
        for place, (id, entry, run) in enumerate(zip(job.ids, job.entries, runs, strict=True))
    ]  # fmt: skip
    return Ending(job.id, parts=parts)


def _show(job: Job, tell: Callable[[bytes], None]) -> Ending:
    """A run that is done again for its pictures."""
    (entry,) = job.entries
    problem = _problem(workloads.find(entry.workload, try_out=False), entry.target)
    tell(READING)
    _begin(problem, entry.device)
    tell(LOADING)
    _warm_up(problem, _rule_of(entry), entry.batch_size, entry.device)
    tell(BEGUN)
    rule = rules.find(entry.rule, **entry.settings)
    how = entry.steps, entry.batch_size, entry.schedule, entry.device
    made = pictures(problem, rule, entry.seed, job.pictures, *how)
    shots = [Shot(one.step, one.metric, *content_of(one.picture)) for one in made]
    return Ending(job.id, {"status": Status.FINISHED}, pictures=[shot.to_plain() for shot in shots])


def _size(job: Job, tell: Callable[[bytes], None]) -> Ending:
    """How many runs of each entry's kind train as one."""
    first = job.entries[0]
    problem = _problem(workloads.find(first.workload, try_out=False), first.target)
    tell(READING)
    _begin(problem, first.device)
    tell(LOADING)
    return Ending(job.id, sizes=[_size_of(problem, entry, job.sizing) for entry in job.entries])


def _size_of(problem: Problem, entry: Entry, choice: str) -> int:
    try:
        return population_size(problem, _rule_of(entry), entry.batch_size, choice, entry.device, entry.steps)
    except (Exception, SystemExit):  # the runs themselves will tell
        return 0


def _difference(problem: Problem, entry: Entry) -> str | None:
    rule = rules.find(entry.rule, **entry.settings)
    try:
        return first_difference(problem, rule, entry.seed, entry.steps, entry.batch_size, entry.schedule, entry.device)
    except (Exception, SystemExit):  # the run itself will tell
        return None


def _time(job: Job, tell: Callable[[bytes], None]) -> Ending:
    first = job.entries[0]
    problem = _problem(workloads.find(first.workload, try_out=False), first.target)
    tell(READING)
    _begin(problem, first.device)
    tell(LOADING)
    contestants = [
        (rules.find(entry.rule, **entry.settings), entry.batch_size, entry.schedule) for entry in job.entries
    ]
    times = step_times(problem, contestants, device=first.device)
    parts = _parts(problem, contestants, times, first.device)
    return Ending(job.id, {"status": Status.FINISHED}, seconds=times.seconds, clock=times.clock, step_parts=parts)


def _parts(
    problem: Problem, contestants: list[tuple[Rule, int, str]], times: StepTimes, device: str
) -> list[list[list[float | None]]]:
    """The parts of a step, without NaN, which is no JSON; none where they cannot be measured."""
    try:
        made = step_parts(problem, contestants, times, device=device)
    except (Exception, SystemExit):  # the times of whole steps are there
        return []
    return [[[None if math.isnan(part) else part for part in parts] for parts in rounds] for rounds in made]


@cache
def _problem(problem: Problem, target: float) -> Problem:
    return problem.replace(target=target)


@cache
def _begin(problem: Problem, device: str) -> None:
    """Make data and a model, which is thrown away: a loop in them must not pass for slow loading."""
    with seeded(0, device):
        problem.begin(0, device)


def _rule_of(entry: Entry) -> Rule:
    """The contestant's rule, whatever the trial; at the trial's settings where it has no defaults."""
    rule = rules.find(entry.rule)
    return rules.find(entry.rule, **entry.settings) if isinstance(rule, External) and rule.missing else rule


@cache
def _warm_up(problem: Problem, rule: Rule, batch_size: int, device: str) -> None:
    """One step that is thrown away: what a process loads and compiles for the first must not count as training."""
    train(problem, rule, 0, 1, batch_size, "constant", device)


_first_look = cache(first_look)  # it loads and compiles what the runs need, too


def _explained(found: list[Diagnosis], problem: Problem, entry: Entry) -> list[Diagnosis]:
    """Findings with the cause of a loss that is not finite: only a doctor that sees every step up to it knows that."""
    place = next((place for place, each in enumerate(found) if each.numbers.get("cause") == "unknown"), None)
    if place is None:
        return found
    beside, until = Beside(), int(found[place].first_step) + 1
    how = entry.steps, entry.batch_size, entry.schedule, entry.device, until
    train(problem, rules.find(entry.rule, **entry.settings), entry.seed, *how, observer=beside)
    known = beside.record.proved.get(found[place].code)
    return [*found[:place], Diagnosis(found[place].code, known), *found[place + 1 :]] if known else found


def _out_of_memory(entry: Entry, words: str) -> Finding:
    """The finding of a run whose device has too little memory, with the largest batch that fits, if one does."""
    problem = _problem(workloads.find(entry.workload, try_out=False), entry.target)
    size = entry.batch_size or problem.batch_size or 0
    fits = _largest_batch(problem, _rule_of(entry), size, entry.seed, entry.device) if size > 1 else 0
    kind = "smaller" if fits else "none" if size else "unknown"
    return Finding("out_of_memory", {"device": entry.device, "batch": size, "fits": fits, "kind": kind, "words": words})


@cache  # once in a process: it is the same for the next trial
def _largest_batch(problem: Problem, rule: Rule, size: int, seed: int, device: str) -> int:
    return largest_batch(problem, rule, size, seed, device)


def _summary(run: Run, problem: Problem, diagnoses: Sequence[Diagnosis]) -> dict[str, object]:
    first, last = run.curve[0], run.curve[-1]
    best = max if problem.higher_is_better else min
    metrics = [point.metric for point in run.curve if math.isfinite(point.metric)]
    return {
        **columns_of(run.outcome),
        "diagnoses": f"[{', '.join(finding.to_json() for finding in diagnoses[:MOST_DIAGNOSES])}]",
        "last_step": last.step,
        "steps_to_target": run.steps_to_target,
        "seconds_a_step": run.seconds_a_step,
        "initial_loss": first.loss,
        "final_loss": last.loss,
        "best_loss": min((point.loss for point in run.curve if math.isfinite(point.loss)), default=math.nan),
        "final_metric": last.metric,
        "best_metric": best(metrics, default=math.nan),
        "fingerprint": run.fingerprint,
    }
