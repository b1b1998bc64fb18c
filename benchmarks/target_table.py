"""python -m benchmarks.target_table [--write]: the measured targets as a table; `--write` keeps it in the docs."""

import argparse
import json
from pathlib import Path
from typing import Any

from steepest import workloads

from .targets import summary_file

__all__ = ["PAGE", "page_with", "table"]

PAGE = Path(__file__).parent.parent / "docs" / "applications.md"

BEGIN, END = "<!-- targets -->\n", "<!-- end of targets -->"

COLUMNS = (
    "workload",
    "metric",
    "target",
    "better rule",
    "reached",
    "at",
    "ends at",
    "a tenth",
    "other rule",
    "seconds",
)


def table() -> str:
    """A line for each workload that has been measured, and a line about where that was."""
    found = {
        name: json.loads(file.read_text("utf-8"))
        for name in workloads.APPLICATIONS
        if (file := summary_file(name)).exists()
    }
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(_row(facts) for facts in found.values())]
    places = dict.fromkeys(_place(facts["measured"]) for facts in found.values())
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{' '.join(places)}"


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    bar, rules = facts["bar"], facts["rules"]
    (other,) = (rule for rule in rules if rule != bar["rule"])
    first, second = rules[bar["rule"]], rules[other]
    best, others = first["best"], second["best"]
    return (
        f"`{facts['workload']}`", facts["metric"], f"{facts['target']:g}", f"{bar['rule']} {bar['lr']:g}",
        f"{best['reached']} of {best['seeds']}", f"{bar['share_of_run']:.0%} of {facts['steps']:,} steps",
        f"{best['final'][1]:.3g}", f"{bar['a_tenth']}, {first['a_tenth']['final'][1]:.3g}",
        f"{other} {second['lr']:g}: {others['reached']} of {others['seeds']}, {others['final'][1]:.3g}",
        f"{facts['cost']['processor_seconds_a_run'][bar['rule']]:.0f}",
    )  # fmt: skip


def _place(measured: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in measured["versions"].items())
    return f"{measured['date']}; {measured['processor']}, one thread a run; Python {measured['python']}, {versions}."


def page_with(page: str) -> str:
    """The page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{table()}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.target_table", description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="keep the table in docs/applications.md")
    print(table())
    if parser.parse_args().write:
        PAGE.write_text(page_with(PAGE.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
