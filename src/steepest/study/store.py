"""The store of a study: one SQLite file with the plan, every run and every curve; it is also the queue of runs.

`file.py` opens it, `queue.py` hands its runs to processes; here are the plan's trials, the winners and the tables.
"""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..base.decode import decode, parse_json
from ..base.errors import SteepestError
from ..base.status import Status
from ..base.text import visible
from ..findings.catalogue import Finding
from ..statistics import ahead
from . import tables
from .environment import environment
from .jobs import columns_of
from .opening import connect, is_blank
from .plan import Contestant, Plan
from .queue import Queue
from .reading import REPEATS, SIZES
from .schema import SCHEMA_VERSION, create_tables
from .shots import Shot

__all__ = ["Extended", "Store"]


class Extended(SteepestError):
    """Another process has extended the study in the meantime."""


class Store(Queue):
    """An open connection to a study's file. Use `create`, `open` or `read`, which check it, not the constructor.

    Attributes:
        recording: while this process makes pictures for the report, the seconds that they may take; else 0.
    """

    recording: float = 0.0

    @classmethod
    def create(cls, file: Path, plan: Plan, facts: Mapping[str, str]) -> "Store":
        """A new study with all its trials waiting; if the file holds a study already, that one is opened.

        Args:
            file: the SQLite file.
            plan: of the study.
            facts: further texts to store, by key.
        """
        store = cls(file, connect(file))
        with store._transaction():  # two processes may create the study at once: the second finds it made
            if is_blank(store._connection):
                create_tables(store._connection)
                basics = {"schema": str(SCHEMA_VERSION), "plan": plan.to_json(), "first_plan": plan.to_json()}
                store._set({**basics, **environment(), **facts})
                store._add_trials(plan)
        store._keep_log()  # not before: so that a copy without the log has its tables
        return store

    def extend(self, before: Plan, after: Plan, facts: Mapping[str, str]) -> None:
        """Replace the plan by a longer one, whose additional trials are queued.

        Args:
            before: the plan that `after` was made from.
            after: the new plan.
            facts: texts to store with it, by key.

        Raises:
            SteepestError: the stored plan is not `before` any more.
        """
        with self._transaction():
            if self.plan != before:
                raise Extended(f"{self.file}: another process has just extended this study; look again")
            self._set({"plan": after.to_json(), **facts})
            self._add_trials(after)
            if after.contestants != before.contestants:  # step times compare only if measured side by side: repeat all
                self._connection.execute("update runs set state = 'waiting', session = null where phase = 'timing'")

    def _add_trials(self, plan: Plan) -> None:
        """Queue every trial that is not there yet, and the measurement of step times on each workload.

        First trial 0 of every contestant, then trial 1, ...: an unfinished study has searched equally for all.
        """
        most = max(len(contestant.trials) for contestant in plan.contestants)
        first_pause = [next(iter(plan.pauses_of(contestant)), None) for contestant in plan.contestants]
        rows = [
            (index, "search", trial, seed, first_pause[index])
            for trial in range(most)
            for index, contestant in enumerate(plan.contestants)
            if trial < len(contestant.trials)
            for seed in (plan.seeds_of(trial) if plan.finalists is None else plan.seeds_of(trial)[:1])
        ]
        rows += [(plan.indices_on(goal.name)[0], "timing", 0, 0, None) for goal in plan.workloads]
        self._add(rows)

    # --- provenance ---------------------------------------------------------------------------------------------------

    def repeats(self) -> dict[str, dict[str, str]]:
        """By workload and label, what differed when a run's first steps were done twice; empty: nothing."""
        row = self._connection.execute("select value from study where key = 'repeats'").fetchone()
        found: dict[str, dict[str, str]] = decode(REPEATS, parse_json(row[0] if row else "{}", "repeats"), "repeats")
        return found

    def note_repeat(self, contestant: int, differs: str) -> None:
        """Store what differed when the first steps of a contestant's run were done twice."""
        about = self.plan.contestants[contestant]
        with self._transaction():
            known = self.repeats()
            known.setdefault(about.workload, {})[about.label] = differs
            self._set({"repeats": json.dumps(known)})

    def devices(self) -> list[str]:
        """The devices that finished runs were done on, the most used one first."""
        rows = self._connection.execute(
            "select device from runs where state = 'done' and phase != 'timing' group by device order by count(*) desc"
        )
        return [visible(str(device)) for (device,) in rows]

    def population_choice(self) -> str:
        """Whether runs train as one: "auto", "on" or "off", as in every study that does not say."""
        row = self._connection.execute("select value from study where key = 'population'").fetchone()
        return str(row[0]) if row else "off"

    def population_sizes(self) -> dict[str, dict[str, int]]:
        """By workload and label, how many runs train as one, as far as it is chosen; 0: each by itself."""
        row = self._connection.execute("select value from study where key = 'population_sizes'").fetchone()
        sizes = decode(SIZES, parse_json(row[0] if row else "{}", "population_sizes"), "population_sizes")
        return {workload: dict(own) for workload, own in sizes.items()}

    def note_population_sizes(self, workload: str, sizes: Mapping[str, int]) -> None:
        """Store the sizes of populations of a workload, by label; those that another process has chosen stay."""
        with self._transaction():
            known = self.population_sizes()
            known[workload] = {**sizes, **known.get(workload, {})}
            self._set({"population_sizes": json.dumps(known), "population_attempts": "0"})

    def begin_population_attempt(self) -> int:
        """Count that sizes of populations are about to be measured; how often that began and nothing came of it."""
        with self._transaction():
            row = self._connection.execute("select value from study where key = 'population_attempts'").fetchone()
            before = int(row[0]) if row and str(row[0]).isdecimal() else 0
            self._set({"population_attempts": str(before + 1)})
        return before

    def versions(self) -> dict[str, list[str]]:
        """The libraries of which finished runs had several versions, and these, in the order of their sessions."""
        rows = self._connection.execute(
            "select versions from sessions where id in (select session from runs where state = 'done') order by id"
        )
        found: dict[str, list[str]] = {}
        for (text,) in rows:
            for name, number in decode(Mapping[str, str], parse_json(text, "versions"), "versions").items():
                if number not in found.setdefault(name, []):
                    found[name].append(number)
        return {name: versions for name, versions in found.items() if len(versions) > 1}

    # --- rungs --------------------------------------------------------------------------------------------------------

    def pass_rung(self, contestant: int) -> bool:
        """Let the best paused trials of each search of a contestant go on, and stop the others, if all have paused.

        Asked twice, also by two processes, it does the same.

        Returns:
            Whether any trial of the contestant is waiting or running now.
        """
        plan = self.plan
        for pause, count in plan.pauses_of(plan.contestants[contestant]).items():
            with self._transaction():
                if not self.is_ready_to_choose(contestant):
                    return True
                for search in range(plan.searches):
                    self._pass(plan, contestant, search, pause, count)
        return not self.is_ready_to_choose(contestant)

    def _pass(self, plan: Plan, contestant: int, search: int, pause: int, count: int) -> None:
        """Judge the trials of one search at a rung: those that paused there, and those stopped there among fewer."""
        about = plan.contestants[contestant]
        own = (contestant, plan.seeds_of(search)[0])
        trials = "from runs where contestant = ? and phase = 'search' and seed = ? and pause = ?"
        paused = self._connection.execute(
            f"select id, trial, state, last_step {trials} and (state = 'paused' or (state = 'done' and status = ?))",
            (*own, pause, Status.STOPPED),
        ).fetchall()
        if all(row["state"] == "done" for row in paused):
            return
        order = ahead(self._curves_of(*own), pause, self._target_of(about), self._higher_is_better(about))
        later = next((step for step in plan.pauses_of(about) if step > pause), None)
        for row in paused:
            place = order.index(row["trial"]) if row["trial"] in order else len(order)  # its curve is missing
            if place < count:
                self._queue_again(row["id"], later)
            elif row["state"] == "paused":
                numbers = {"step": row["last_step"], "steps": about.steps, "ahead": place}
                self._connection.execute(
                    "update runs set state = 'done', status = :status, message = :message, finding = :finding"
                    " where id = :id",
                    columns_of(Finding("stopped_early", numbers)) | {"id": row["id"]},
                )

    def _curves_of(self, contestant: int, seed: int) -> pd.DataFrame:
        rows = self._connection.execute(
            "select trial, step, metric from runs join curves on run = id"
            " where contestant = ? and phase = 'search' and seed = ? order by trial, step",
            (contestant, seed),
        ).fetchall()
        return pd.DataFrame(map(tuple, rows), columns=["trial", "step", "metric"]).astype({"metric": float})

    def _target_of(self, contestant: Contestant) -> float:
        return next(goal.target for goal in self.plan.workloads if goal.name == contestant.workload)

    def _higher_is_better(self, contestant: Contestant) -> bool:
        return bool(json.loads(self.facts()["workloads"])[contestant.workload]["higher_is_better"])

    # --- winners ------------------------------------------------------------------------------------------------------

    def ready_to_choose(self) -> list[int]:
        """Contestants without an open trial that have no winners among their trials yet, or lack report runs."""
        plan = self.plan
        still_open = self._count_by_contestant("phase = 'search' and state in ('waiting', 'running')")
        reported = self._count_by_contestant("phase = 'report' and state != 'former'")
        among = dict(self._connection.execute("select contestant, among from winners").fetchall())
        return [
            index
            for index, contestant in enumerate(plan.contestants)
            if index not in still_open
            and (among.get(index) != plan.planned_trials(contestant) or reported.get(index, 0) < plan.seeds)
        ]

    def is_ready_to_choose(self, contestant: int) -> bool:
        """Whether no trial of one contestant is open; asked after every trial, so it looks at those of one only."""
        row = self._connection.execute(
            "select 1 from runs where contestant = ? and phase = 'search' and state in ('waiting', 'running') limit 1",
            (contestant,),
        ).fetchone()
        return row is None

    def _count_by_contestant(self, condition: str) -> dict[int, int]:
        return dict(
            self._connection.execute(f"select contestant, count(*) from runs where {condition} group by contestant")
        )

    def set_finalists(self, contestant: int, trials: Iterable[int]) -> bool:
        """Queue these trials of a contestant on all seeds of their searches; whether any of those runs is to be done.

        Runs of former finalists on these seeds become `former`. In a study of an older version, whose trials all run on
        all seeds, there is nothing to do.
        """
        plan = self.plan
        if plan.finalists is None:
            return False
        wanted = [(trial, seed) for trial in trials for seed in plan.seeds_of(trial)[1:]]
        with self._transaction():
            firsts = [plan.seeds_of(search)[0] for search in range(plan.searches)]
            self._connection.execute(
                "update runs set state = 'former' where contestant = ? and phase = 'search'"
                f" and seed not in ({', '.join('?' * len(firsts))})",
                (contestant, *firsts),
            )
            self._add_again(contestant, "search", wanted)
        return not self.is_ready_to_choose(contestant)

    def winners_of(self, contestant: int) -> list[int] | None:
        """The winners of a contestant's searches; None until they are chosen among all trials that there are."""
        trials = len(self.plan.contestants[contestant].trials)
        rows = self._connection.execute(
            "select trial from winners where contestant = ? and among = ? and trial between 0 and ? order by search",
            (contestant, trials, trials - 1),
        ).fetchall()
        return [int(trial) for (trial,) in rows] or None

    def winners(self) -> dict[int, int]:
        """The chosen trial of each contestant's first search, both by index.

        Raises:
            SteepestError: a contestant has none, or one that is not planned, as in a file that is damaged.
        """
        found = dict(self._connection.execute("select contestant, trial from winners where search = 0").fetchall())
        for index, contestant in enumerate(self.plan.contestants):
            if found.get(index) not in range(len(contestant.trials)):
                raise SteepestError(
                    f"{self.file}: is damaged: the winner of {contestant.label!r} is not one of its trials"
                )
        return found

    def set_winners(self, contestant: int, trials: Sequence[int]) -> None:
        """Queue the winners of a contestant's searches, in turns, on the report seeds; other reports become `former`.

        Args:
            contestant: index in the plan.
            trials: the winner of each search.
        """
        plan = self.plan
        among = len(plan.contestants[contestant].trials)
        with self._transaction():
            self._connection.execute("delete from winners where contestant = ?", (contestant,))
            self._connection.executemany(
                "insert into winners (contestant, search, trial, among) values (?, ?, ?, ?)",
                [(contestant, search, trial, among) for search, trial in enumerate(trials)],
            )
            self._connection.execute(
                "update runs set state = 'former' where contestant = ? and phase = 'report'", (contestant,)
            )
            wanted = [(trials[plan.reported_search(seed) % len(trials)], seed) for seed in plan.report_numbers]
            self._add_again(contestant, "report", wanted)

    def _add_again(self, contestant: int, phase: str, runs: Sequence[tuple[int, int]]) -> None:
        """Queue runs, each a trial and a seed; those that were done or begun before are as they were."""
        self._add((contestant, phase, trial, seed, None) for trial, seed in runs)
        self._connection.executemany(
            "update runs set state = case when status is not null then 'done'"
            " when session is not null then 'running' else 'waiting' end"
            " where contestant = ? and phase = ? and trial = ? and seed = ? and state = 'former'",
            [(contestant, phase, trial, seed) for trial, seed in runs],
        )

    # --- pictures -----------------------------------------------------------------------------------------------------

    def set_pictures(self, contestant: int, trial: int, seed: int, shots: Iterable[Shot]) -> None:
        """Store the pictures of a run, in place of those of the contestant that there are."""
        with self._transaction():
            self._connection.execute("delete from pictures where contestant = ?", (contestant,))
            self._connection.executemany(
                "insert into pictures (contestant, step, trial, seed, metric, kind, content)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                [
                    (contestant, shot.step, trial, seed, shot.metric if math.isfinite(shot.metric) else None,
                     shot.kind, shot.content)
                    for shot in shots
                ],
            )  # fmt: skip

    def keep_pictures(self, contestants: Collection[int]) -> None:
        """Remove the pictures of all other contestants: of former bests, which the report does not show."""
        with self._transaction():
            self._connection.execute(
                f"delete from pictures where contestant not in ({', '.join('?' * len(contestants))})", [*contestants]
            )

    def pictures(self) -> pd.DataFrame:
        """All pictures, one a row; see `steepest.study.tables`."""
        with self._readable():
            return tables.pictures(self._connection, self.plan)

    # --- tables -------------------------------------------------------------------------------------------------------

    def runs(self) -> pd.DataFrame:
        """All finished runs, one a row; see `steepest.study.tables`."""
        with self._readable():
            return tables.runs(self._connection, self.plan)

    def searched(self, contestant: int) -> pd.DataFrame:
        """The finished trials of one contestant, as in `runs`."""
        with self._readable():
            return tables.runs(self._connection, self.plan, "and contestant = ? and phase = 'search'", (contestant,))

    def curves(self) -> pd.DataFrame:
        """All curves, one measurement a row."""
        with self._readable():
            return tables.curves(self._connection)

    def timings(self) -> pd.DataFrame:
        """The separately measured step times, one round a row; see `steepest.study.tables`."""
        with self._readable():
            return tables.timings(self._connection, self.plan)

    def standings(self) -> list[dict[str, Any]]:
        """The best trial of each contestant so far; see `steepest.study.tables`."""
        return tables.standings(self._connection, self.plan)
