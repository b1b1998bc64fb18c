"""The page of the lecture: one file that needs no network and no server."""

import json
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

from ..base.checks import check_language
from ..playground.build import build_facts
from ..web import Page, check_page_file, script_of
from .cards import cards_as_data
from .network import images_as_data
from .rare_words import SIZES
from .stations import stations_as_data
from .uses import Results, uses_as_data

__all__ = ["build_lecture", "open_lecture", "save_lecture"]

TITLES = {"en": "Optimization in deep learning", "zh": "深度学习中的优化算法"}


def lecture_as_data(study: str | Path | None = None) -> dict[str, Any]:
    """What the page's part takes, as `parts/lecture.js` says."""
    results = Results.read(study) if study is not None else Results.published()
    return {
        "stations": stations_as_data(),
        "uses": uses_as_data(results),
        "cards": cards_as_data(results),
        "own": study is not None,
        "digits": images_as_data(),
        "texts": SIZES,
    }


def build_lecture(lang: str | None = None, study: str | Path | None = None) -> Page:
    """The page, the same for the same version and language.

    Each station has a question, a guess, a figure that answers, a sentence, a formula with the figure's numbers, and an
    exercise that checks itself, in English and Chinese. Every number in its words is computed here.

    Args:
        lang: `"en"`, `"zh"`, or None to follow the reader's browser; it can be switched at any place of the page.
        study: the folder or the packed file of a finished study of several workloads, such as the set `applications`:
            the page says which optimizer got there first on each, and by how much. None for the published study.

    Raises:
        InvalidValue: another language, or there is no such study.
    """
    if lang is not None:
        check_language(lang)
    data = json.dumps(lecture_as_data(study), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    body = '<div data-steepest="lecture" data-state="lecture" data-alone></div>'
    script = script_of(build_facts(), {"lecture": data})
    return Page.of(body, script, title=TITLES.get(lang or "", TITLES["en"]), lang=lang)


def save_lecture(file: str | Path, lang: str | None = None, study: str | Path | None = None) -> Path:
    """Write the lecture into a file of its own.

    Args:
        file: such as `"lecture.html"`.
        lang, study: as in `build_lecture`.

    Returns:
        The file.

    Raises:
        InvalidValue: another language, or the file is no page or cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_lecture(f"{folder}/lecture.html", lang="zh").name
    'lecture.html'
    """
    check_page_file(file)
    return build_lecture(lang, study).save(file)


def open_lecture(lang: str | None = None, study: str | Path | None = None) -> tuple[Path, bool]:
    """Write a temporary file and open it; the file, and whether a browser took it."""
    page = build_lecture(lang, study)  # before a folder is made, as the language may be none
    file = page.save(Path(tempfile.mkdtemp(prefix="steepest-")) / "steepest-lecture.html")
    try:
        return file, webbrowser.open(file.as_uri())
    except webbrowser.Error:
        return file, False
