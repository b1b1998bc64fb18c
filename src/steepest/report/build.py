"""Write a study's folder: tables, figures, and the page `report.html`, each file whole or not at all."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..base.errors import InvalidValue
from ..figures.comparison import draw_curves, draw_profiles
from ..figures.search import budgets, draw_budget, draw_learning_rates
from ..figures.style import save, write
from ..study import Comparison
from .exports import check_formats, export
from .page import render
from .places import file_names
from .svg import boxes_for_missing_letters

__all__ = ["draw_all", "write_report"]


def write_report(
    study: Comparison | str | Path, folder: str | Path | None = None, formats: Sequence[str] = ("csv",)
) -> list[Path]:
    """Write what there is to see of a study into a folder: `report.html`, `figures/`, and tables for other programs.

    Args:
        study: what `compare` returned, or the folder or file of a study, which need not be finished.
        folder: where to; default: the study's own folder.
        formats: of the tables: "csv" and "parquet" have every run, every measurement and one row a contestant, "md" is
            the verdict and the table as Markdown, "tensorboard" has the curves of the winners as event files.

    Returns:
        What was written beside the figures, the page first.

    Raises:
        InvalidValue: there is no study, the folder cannot be written, or a format is unknown or needs a library that is
            not installed; then nothing is written.

    >>> import tempfile
    >>> from steepest import compare
    >>> result = compare("digits", ["sgd(lr=0.5)"], seeds=2, steps=20, target=0.5, jobs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_report(result, folder, ["md"])]
    ['report.html', 'report.md']
    """
    check_formats(formats)
    comparison = study if isinstance(study, Comparison) else Comparison.read(study)
    home = _home(study, folder)
    _make(home)
    figures = draw_all(comparison)
    _save(comparison, figures, home / "figures")
    text = render(comparison, figures)
    tables = export(comparison, home, formats)
    write(home / "report.html", text.encode())
    return [home / "report.html", *tables]


def _home(study: Comparison | str | Path, folder: str | Path | None) -> Path:
    if folder is not None:
        return Path(folder).expanduser()
    if isinstance(study, Comparison):
        raise InvalidValue("folder: say where to write the report")
    path = Path(study).expanduser()
    return path.parent if path.suffix == ".sqlite" else path


def _make(folder: Path) -> None:
    """Make a folder, or see that it can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InvalidValue(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None


# --- figures ----------------------------------------------------------------------------------------------------------


def draw_all(study: Comparison) -> Mapping[str, Mapping[str, Figure]]:
    """By workload, its figures; those over all workloads under "". A figure with nothing in it is left out."""
    found = {name: _figures(each) for name, each in study.by_workload().items()}
    return found if study.profiles is None else {"": {"profiles": draw_profiles(study)}} | found


def _figures(comparison: Comparison) -> dict[str, Figure]:
    runs, curves = comparison.runs, comparison.curves
    reported = curves["run"].isin(runs.loc[runs["phase"] == "report", "id"])
    several = bool((runs["trial"] > 0).any())
    draw = {
        "curves": bool((reported & np.isfinite(curves["loss"])).any()),
        "learning_rates": several,
        "budget": several and bool(budgets(comparison).notna().any(axis=None)),
    }
    makers = {"curves": draw_curves, "learning_rates": draw_learning_rates, "budget": draw_budget}
    return {name: make(comparison) for name, make in makers.items() if draw[name]}


def _save(study: Comparison, figures: Mapping[str, Mapping[str, Figure]], folder: Path) -> None:
    """As SVG and PNG; of several workloads, those of each in a folder of its own."""
    names = study.plan.short_names
    places = {"": ""} | (file_names(names.values()) if len(names) > 1 else dict.fromkeys(names.values(), ""))
    for workload, own in figures.items():
        home = folder / places[names.get(workload, "")]
        _make(home)
        with boxes_for_missing_letters():
            for name, figure in own.items():
                save(figure, home / f"{name}.svg")
                save(figure, home / f"{name}.png")
