"""What a comparison came to, on the terminal: a table and a verdict for each workload, and all of them together."""

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..base import numbers
from ..base.text import Text
from . import terminal
from .language import say, translate
from .terminal import Sentence

if TYPE_CHECKING:
    from ..study import Comparison

__all__ = ["print_comparison", "settings_line"]


def settings_line(settings: Mapping[str, Any]) -> str:
    """The searched settings, the learning rate first and without its name."""
    others = [f"{name}={numbers.setting(value)}" for name, value in settings.items() if name != "lr"]
    return ", ".join([*([numbers.setting(settings["lr"])] if "lr" in settings else []), *others])


def print_comparison(comparison: "Comparison", folder: Path) -> None:
    """The table of each workload, its verdict, and where everything is."""
    from ..report.failures import all_failed, none_worked
    from ..report.provenance import provenance_sentences
    from ..report.sentences import profile_sentence

    console = terminal.Console(markup=False, highlight=False)  # what users write may hold brackets
    for part in comparison.by_workload().values():
        _print_workload(console, part)
    _print_places(console, comparison)
    if (profile := profile_sentence(comparison)) is not None:
        console.print(Sentence(say(profile)), "")
    for remark in provenance_sentences(comparison):
        console.print(Sentence(say(remark), style="yellow"), "")
    console.print(translate("report: {}", folder / "report.html"), soft_wrap=True)
    if any(none_worked(part) or all_failed(part) for part in comparison.by_workload().values()):
        raise typer.Exit(1)


def _print_workload(console: terminal.Console, comparison: "Comparison") -> None:
    from ..report import failures, searching, sentences, verdict

    about = Text(str(comparison.workload["about"]), str(comparison.workload["about_zh"]))
    console.print(Sentence(say(about), style="bold"))
    target = say(sentences.target_sentence(comparison))
    console.print(Sentence(translate("{}; ± is the 95 % interval of the mean", target)), "")
    metric = textwrap.fill(translate("final {}", say(sentences.metric_text(comparison))), 18)
    head = (
        "optimizer", ">learning\nrate", ">steps to\ntarget", ">seconds\nto target", ">reached", f">{metric}",
        ">broken\ntrials",
    )  # fmt: skip
    rows = []
    for label, row in comparison.table.iterrows():
        margin = f" ± {numbers.number((row['high'] - row['low']) / 2, 2)}" if math.isfinite(row["low"]) else ""
        settings = settings_line(comparison.chosen[str(label)]) + " *" * bool(row["edge"])
        rows.append((
            str(label), settings, numbers.steps(row["steps_to_target"], translate("missed")),
            numbers.number(row["seconds_to_target"]), f"{row['reached']:.0%}",
            f"{numbers.number(row['final_metric'], 4)}{margin}", f"{row['broken']:.0%}",
        ))  # fmt: skip
    terminal.print_rows(console, head, rows)
    console.print(Sentence(say(verdict.verdict_sentence(comparison))))
    remarks = (
        sentences.data_sentence, sentences.partner_sentence, sentences.external_sentence, sentences.stopped_sentence,
    )  # fmt: skip
    for remark in (sentence(comparison) for sentence in remarks):
        if remark is not None:
            console.print(Sentence(say(remark)))
    for warning in (
        *failures.failed_sentences(comparison),
        *failures.diagnosed_sentences(comparison),
        *searching.search_warnings(comparison),
        *sentences.edge_warnings(comparison),
        *map(sentences.aside_sentence, comparison.set_aside),
    ):
        console.print(Sentence(say(warning), style="yellow"))
    console.print()


def _print_places(console: terminal.Console, comparison: "Comparison") -> None:
    """Who is first on each of several workloads, once all runs are done."""
    from ..report.overview import first_names, lead, places

    rows = [
        (place.workload, say(first_names(place)), place.behind or numbers.NOTHING, lead(place))
        for place in places(comparison)
    ]
    if rows:
        terminal.print_rows(console, ("workload", "first", "behind", ">times as much\n(95 % interval)"), rows)
