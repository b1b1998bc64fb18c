"""`steepest list`: the names of everything there is, a line each."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape

from ..base.text import plain_line
from . import terminal

__all__ = ["command"]


def command() -> None:
    """List the rules, landscapes, schedules and workloads, a line each."""
    from .. import landscapes, rules, schedules

    sections = {
        "Rules": {name: rule.summary() for name, rule in rules.RULES.items()},
        "Landscapes": {name: landscape.about.en for name, landscape in landscapes.LANDSCAPES.items()}
        | {name: _first_line(family) for name, family in landscapes.FAMILIES.items()},
        "Schedules": {name: _first_line(schedule) for name, schedule in schedules.SCHEDULES.items()},
        "Workloads": _workloads(),
    }
    console = Console()
    for title, entries in sections.items():
        table = terminal.table("name", "what it is", title=title)
        table.show_header = False
        for name, line in entries.items():
            table.add_row(f"[cyan]{name}[/cyan]", escape(plain_line(line)))
        console.print(table, "")


def _workloads() -> dict[str, str]:
    """Summaries, without plugins whose files cannot be read."""
    from .. import workloads

    summaries = {}
    for name in [*workloads.WORKLOADS, *workloads.PLUGINS.plugins]:
        try:
            summaries[name] = workloads.summary(name)
        except Exception as error:
            if name in workloads.WORKLOADS:
                raise
            workloads.PLUGINS.leave_out(name, error)
    return summaries


def _first_line(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0]
