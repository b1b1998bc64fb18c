"""Exports of a comparison to other programs: CSV, Parquet, Markdown, and the files of experiment trackers."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from ..base.errors import InvalidValue, did_you_mean
from ..base.files import make_folder, write
from ..study import Comparison
from .cells import with_defused_texts
from .data import contestants_of, ratios_of, trials_of
from .events import write_events
from .markdown import as_markdown
from .pictures import picture_files
from .tracking import write_jsonl, write_mlflow

__all__ = ["FORMATS", "check_formats", "export", "table_of", "tables_of"]


def check_formats(formats: Sequence[str]) -> None:
    """Check that a comparison can be written in these formats.

    Raises:
        InvalidValue: one is unknown, or its library is not installed.
    """
    for name in formats:
        if name not in FORMATS:
            raise InvalidValue(f"format: unknown format {name!r}; {did_you_mean(name, FORMATS)}")
        library = NEEDS.get(name)
        if library and find_spec(library) is None:
            raise InvalidValue(f"format: {name} needs {library}; install it with  pip install 'steepest[{name}]'")


def export(study: Comparison, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write the comparison into a folder in these formats; see `FORMATS`.

    Returns:
        The files, or folders of files, that were written.

    Raises:
        InvalidValue: as `check_formats`; then nothing is written.
    """
    check_formats(formats)
    return [path for name in dict.fromkeys(formats) for path in FORMATS[name](study, folder)]


def _write_tables(convert: Callable[[pd.DataFrame], bytes], ending: str, study: Comparison, folder: Path) -> list[Path]:
    """Write every table of `tables_of` as a file of its own."""
    tables = tables_of(study)
    for name, table in tables.items():
        write(folder / f"{name}{ending}", convert(table))
    return [folder / f"{name}{ending}" for name in tables]


def tables_of(study: Comparison) -> dict[str, pd.DataFrame]:
    """All that the statements of a report are computed from, and what came of it, by name.

    - `runs`: every run; `curves`: every measurement of it.
    - `table`: one row a contestant, see `table_of`.
    - `contestants`: its rule, conditions, target and direction, and the ranges searched, see `steepest.report.data`.
    - `trials`: the settings of every trial that was planned, done or not.
    - `timings`: the seconds of a step in every round of their measurement.
    - `ratios`: of each contestant to the first, with intervals and p values, see `steepest.statistics.paired_ratios`.
    """
    return {
        "runs": study.runs, "curves": study.curves, "table": table_of(study), "contestants": contestants_of(study),
        "trials": trials_of(study), "timings": study.timings, "ratios": ratios_of(study),
    }  # fmt: skip


def table_of(study: Comparison) -> pd.DataFrame:
    """`Comparison.table` of all workloads, one row a contestant on each, with `workload` and the winner's `settings`.

    The settings are JSON; an empty text where there is no winner yet.
    """
    tables = []
    for name, comparison in study.by_workload().items():
        table = comparison.table.reset_index()
        table.insert(0, "workload", name)
        settings = {label: json.dumps(chosen) for label, chosen in comparison.chosen.items()}
        table.insert(2, "settings", [settings.get(label, "") for label in table["label"]])
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _write_markdown(study: Comparison, folder: Path) -> list[Path]:
    """Write `report.md` and the pictures that it refers to; see `markdown`."""
    path = folder / "report.md"
    if files := picture_files(study):
        make_folder(folder / "pictures")
        for name, content in files.values():
            write(folder / name, content)
    write(path, as_markdown(study).encode())
    return [path]


FORMATS: dict[str, Callable[[Comparison, Path], list[Path]]] = {
    "csv": partial(_write_tables, lambda table: with_defused_texts(table).to_csv(index=False).encode(), ".csv"),
    "parquet": partial(_write_tables, lambda table: table.to_parquet(index=False), ".parquet"),
    "md": _write_markdown,
    "tensorboard": write_events,
    "jsonl": write_jsonl,
    "mlflow": write_mlflow,
}
"""The functions that write each format, by its name."""

NEEDS = {"parquet": "pyarrow", "tensorboard": "tensorboard"}
"""Optional libraries, by format; the extra of the same name installs them."""
