"""A comparison for other programs: CSV, Parquet, Markdown, TensorBoard's event files."""

import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from ..base.errors import InvalidValue, did_you_mean
from ..figures.style import write
from ..study import Comparison
from .events import write_events
from .markdown import as_markdown

__all__ = ["FORMATS", "check_formats", "export", "table_of"]


def check_formats(formats: Sequence[str]) -> None:
    """See that the comparison can be written in these formats.

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


def _write_csv(study: Comparison, folder: Path) -> list[Path]:
    return _write_tables(study, folder, ".csv", lambda table: table.to_csv(index=False).encode())


def _write_parquet(study: Comparison, folder: Path) -> list[Path]:
    return _write_tables(study, folder, ".parquet", lambda table: table.to_parquet(index=False))


def _write_tables(study: Comparison, folder: Path, ending: str, convert: Callable[[pd.DataFrame], bytes]) -> list[Path]:
    """`runs`, `curves`, `table`: every run, every measurement, and one row a contestant."""
    tables = {"runs": study.runs, "curves": study.curves, "table": table_of(study)}
    for name, table in tables.items():
        write(folder / f"{name}{ending}", convert(table))
    return [folder / f"{name}{ending}" for name in tables]


def table_of(study: Comparison) -> pd.DataFrame:
    """One row a contestant on each workload: `Comparison.table`, and `settings`, the winner's as JSON."""
    tables = []
    for name, each in study.by_workload().items():
        table = each.table.reset_index()
        table.insert(0, "workload", name)
        settings = {label: json.dumps(chosen) for label, chosen in each.chosen.items()}
        table.insert(2, "settings", [settings.get(label, "") for label in table["label"]])
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _write_markdown(study: Comparison, folder: Path) -> list[Path]:
    """`report.md`: the verdict and the table of each workload, to be pasted where people talk."""
    path = folder / "report.md"
    write(path, as_markdown(study).encode())
    return [path]


FORMATS: dict[str, Callable[[Comparison, Path], list[Path]]] = {
    "csv": _write_csv, "parquet": _write_parquet, "md": _write_markdown, "tensorboard": write_events,
}  # fmt: skip
"""What `export` writes, by name."""

NEEDS = {"parquet": "pyarrow", "tensorboard": "tensorboard"}
"""Libraries that are not required otherwise: the extra of the same name installs them."""
