"""Writing the report of a study: its figures, tables, and the page `report.html`, each file atomically."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..base.checks import check_language
from ..base.errors import InvalidValue
from ..base.files import make_folder, write
from ..base.language import default_language
from ..figures.comparison import draw_curves, draw_profiles
from ..figures.panels import draw_settings, panels
from ..figures.search import budgets, draw_budget, draw_learning_rates
from ..figures.style import save
from ..study import Comparison
from ..study.packing import is_packed
from ..study.results import study_file
from .exports import check_formats, export
from .filenames import file_names
from .page import render
from .svg import boxes_for_missing_letters

__all__ = ["draw_all", "write_report"]


def write_report(
    study: Comparison | str | Path,
    folder: str | Path | None = None,
    formats: Sequence[str] = ("csv",),
    refresh: int | None = None,
    lang: str | None = None,
) -> list[Path]:
    """Write the report of a study into a folder: `report.html`, `figures/`, and tables for other programs.

    Args:
        study: the result of `compare`, or the folder or file of a study, which need not be finished.
        folder: to write to. Default: the study's own folder.
        formats: of the tables: "csv" and "parquet" have every run, every measurement and all else that the verdict is
            computed from, "md" is the verdict as Markdown, "tensorboard" has the curves of the winners as event files;
            both have the numbers behind the verdict as JSON. "tensorboard", "jsonl" and "mlflow" have the settings and
            results of each run as experiment trackers store them.
        refresh: seconds after which the page loads itself anew, while the study runs. Default: it does not.
        lang: language of the figures that are saved as files, "en" or "zh"; the page has both. Default: that of
            STEEPEST_LANG, or else of the locale.

    Returns:
        The files (or folders) that were written, without the figures, the page first.

    Raises:
        InvalidValue: there is no study, the folder cannot be written, the language is unknown, or a format is unknown
            or needs a library that is not installed; then nothing is written.

    >>> import tempfile
    >>> from steepest import compare
    >>> result = compare("digits", ["sgd(lr=0.5)"], seeds=2, steps=20, target=0.5, jobs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_report(result, folder, ["md"])]
    ['report.html', 'report.md']
    """
    check_formats(formats)
    files_lang = default_language(os.environ) if lang is None else lang
    check_language(files_lang)
    comparison = study if isinstance(study, Comparison) else Comparison.read(study)
    home = _folder_of(study, folder)
    make_folder(home, "choose another folder with --out")
    figures = draw_all(comparison, "en")
    _save(comparison, figures if files_lang == "en" else draw_all(comparison, files_lang), home / "figures")
    text = render(comparison, figures, refresh)
    tables = export(comparison, home, formats)
    write(home / "report.html", text.encode())  # last: a page that is there is complete
    return [home / "report.html", *tables]


def _folder_of(study: Comparison | str | Path, folder: str | Path | None) -> Path:
    if folder is not None:
        return Path(folder).expanduser()
    if isinstance(study, Comparison):
        raise InvalidValue("folder: say where to write the report")
    return Path(study).expanduser().parent if is_packed(study) else study_file(study).parent


# --- figures ----------------------------------------------------------------------------------------------------------


def draw_all(study: Comparison, lang: str | None = None) -> Mapping[str, Mapping[str, Figure]]:
    """The figures of a study, by workload and name; those over all workloads under "". Empty figures are left out."""
    figures = {name: _figures(comparison, lang) for name, comparison in study.by_workload().items()}
    return figures if study.profiles is None else {"": {"profiles": draw_profiles(study, lang)}} | figures


def _figures(comparison: Comparison, lang: str | None) -> dict[str, Figure]:
    runs, curves = comparison.runs, comparison.curves
    reported = curves["run"].isin(runs.loc[runs["phase"] == "report", "id"])
    several = bool((runs["trial"] > 0).any())
    draw = {
        "curves": bool((reported & np.isfinite(curves["loss"])).any()),
        "learning_rates": several,
        "settings": several and bool(panels(comparison)),
        "budget": several and bool(budgets(comparison).notna().any(axis=None)),
    }
    makers = {
        "curves": draw_curves, "learning_rates": draw_learning_rates, "settings": draw_settings, "budget": draw_budget,
    }  # fmt: skip
    return {name: make(comparison, lang) for name, make in makers.items() if draw[name]}


def _save(study: Comparison, figures: Mapping[str, Mapping[str, Figure]], folder: Path) -> None:
    """Save the figures as SVG and PNG; of several workloads, each has a folder of its own."""
    names = study.plan.short_names
    folders = {"": ""} | (file_names(names.values()) if len(names) > 1 else dict.fromkeys(names.values(), ""))
    for workload, by_name in figures.items():
        home = folder / folders[names.get(workload, "")]
        make_folder(home, "choose another folder with --out")
        with boxes_for_missing_letters():
            for name, figure in by_name.items():
                save(figure, home / f"{name}.svg")
                save(figure, home / f"{name}.png")
