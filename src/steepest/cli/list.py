"""`steepest list`: the names of everything there is, a line each."""

from collections.abc import Callable
from typing import Any

from ..base.text import plain_line
from . import terminal
from .language import say, translate
from .options import Lang
from .terminal import Sentence

__all__ = ["command"]


def command(lang: Lang = "") -> None:
    """List the rules, their wrappers, landscapes, schedules, workloads and sets of these, a line each."""
    from .. import landscapes, rules, schedules, workloads

    sections = {
        "Rules": {name: rule.summary(lang) for name, rule in rules.RULES.items()}
        | {name: say(named.summary) for name, named in rules.OPTIMIZERS.items()},
        "Wrappers of rules": {f"{name}(adamw)": wrapper.summary(lang) for name, wrapper in rules.WRAPPERS.items()},
        "Landscapes": {name: say(landscape.about) for name, landscape in landscapes.LANDSCAPES.items()}
        | {name: _first_line(family) for name, family in landscapes.FAMILIES.items()},
        "Schedules": {name: _first_line(schedule) for name, schedule in schedules.SCHEDULES.items()},
        "Workloads": _workloads(lang),
        "Sets of workloads": {
            name: f"{say(one.about)} ({', '.join(one.workloads)})" for name, one in workloads.SETS.items()
        },
    }
    console = terminal.Console()
    for title, entries in sections.items():
        table = terminal.table("name", "what it is", title=translate(title))
        table.show_header = False
        for name, line in entries.items():
            table.add_row(f"[cyan]{name}[/cyan]", Sentence(plain_line(line)))
        console.print(table, "")


def _workloads(lang: str) -> dict[str, str]:
    """Summaries, without plugins whose files cannot be read."""
    from .. import workloads

    summaries = {}
    for name in [*workloads.WORKLOADS, *workloads.PLUGINS.plugins]:
        try:
            summaries[name] = workloads.summary(name, lang)
        except Exception as error:
            if name in workloads.WORKLOADS:
                raise
            workloads.PLUGINS.leave_out(name, error)
    return summaries


def _first_line(function: Callable[..., Any]) -> str:
    return translate(plain_line((function.__doc__ or "").strip().partition("\n")[0]))
