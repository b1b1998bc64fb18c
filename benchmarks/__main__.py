"""python -m benchmarks [--short] [--write]: measure everything side by side; `--write` keeps it in RESULTS.md."""

import argparse
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from . import accelerator, others, overhead, parts, populations, steps, studies, trajectories

RESULTS = Path(__file__).parent / "RESULTS.md"

VERDICTS = Path(__file__).parent.parent / "docs" / "verdicts.md"


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([_text(row[column]) for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def sections(short: bool) -> Iterable[tuple[str, str]]:
    """Title and text of each measurement; each is done when it is asked for."""
    networks = ["mlp", "resnet18"] if short else ["mlp", "resnet18", "gpt2"]
    rules = ["sgd", "rmsprop", "adam"] if short else steps.elementwise_rules()
    rounds = 5 if short else 15
    yield "One step", f"{steps.COLUMNS}\n\n{table(steps.measure(networks, rules, rounds))}"
    yield "One step, channels last", table(others.channels_last(rounds))
    yield accelerator.TITLE, accelerator.section()
    count, length = (20_000, 200) if short else (100_000, 1_000)
    yield "Trajectories, Adam on Rosenbrock", table(trajectories.measure(count, length, rounds))
    yield "Sparse gradients", table(others.sparse(rounds))
    yield "Temporaries", table(others.memory())
    yield "A study, against Optuna", table(studies.measure(*((1, 4, 4) if short else (5, 16, 10))))
    if not short:
        yield "A study of 520 runs, against Optuna", table(studies.measure(3, 94, 10))
    yield "Populations", table(populations.measure(1 if short else 5))
    yield "Where the time of a study goes", f"{table(parts.measure(rounds))}\n\n{table(parts.loading(3))}"
    yield "A session, against the same loop by hand", table(overhead.measure(rounds))
    yield "Import", table(others.import_time(3 if short else 7))


def keep(name: str, text: str) -> None:
    """Put a table with the line about the machine into docs/verdicts.md, between the marks of its name."""
    page = VERDICTS.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    VERDICTS.write_text(f"{before}{begin}{text}\n\n{machine()}\n{end}{after}", encoding="utf-8")


def keep_section(title: str, text: str) -> None:
    """Put a section into RESULTS.md, in the place of the one with this title, or behind the last."""
    head, *parts = RESULTS.read_text(encoding="utf-8").rstrip().split("\n\n## ")
    titles = [part.partition("\n")[0] for part in parts]
    place = titles.index(title) if title in titles else len(parts)
    parts[place : place + 1] = [f"{title}\n{text}"]
    RESULTS.write_text("\n\n## ".join([head, *parts]) + "\n", encoding="utf-8")


def machine() -> str:
    """The line about date, processor and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    versions = ", ".join(f"{name} {version(name)}" for name in ("steepest", "torch", "numba", "numpy", "optuna"))
    when = datetime.now(UTC).date().isoformat()
    return f"{when}; {model}, {torch.get_num_threads()} threads; Python {platform.python_version()}, {versions}."


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer rules, networks and rounds: a minute")
    parser.add_argument("--write", action="store_true", help="keep the results in benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    how = "Times are the best of interleaved turns, ratios medians of the turns side by side."
    parts = [f"# Results\n\nPrinted by `python -m benchmarks`. {how} {machine()}"]
    print(parts[0])
    for title, text in sections(arguments.short):
        parts.append(f"## {title}\n{text}")
        print(f"\n{parts[-1]}", flush=True)
    if arguments.write:
        titles = [part.partition("\n")[0] for part in parts]
        own = ["## " + part for part in RESULTS.read_text(encoding="utf-8").rstrip().split("\n\n## ")[1:]]
        parts += [part for part in own if part.partition("\n")[0] not in titles]  # of benchmarks with a command each
        RESULTS.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
