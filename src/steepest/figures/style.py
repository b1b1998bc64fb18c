"""The one style of every figure: colours of paper and ink, languages, what axes look like, how files are kept.

Figures are `matplotlib.figure.Figure` objects made inside `with house_style():`, so there is no pyplot, no choice of a
screen and nothing left changed. Which colour and mark a rule has stands in `looks`.
"""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..base.errors import InvalidValue
from .looks import DASHES, MARKERS, PALETTE, Look, colors_and_marks
from .words import CHINESE

__all__ = [
    "DARK", "DASHES", "FORMATS", "GREY", "GRID", "INK", "LIGHT", "MARKERS", "PALETTE", "Look", "Theme",
    "check_figure_file", "check_language", "clean", "colors_and_marks", "house_style", "new_figure", "save", "say",
    "speaking", "spoken", "theme", "whole_steps", "write",
]  # fmt: skip

FORMATS = (".png", ".svg", ".pdf")

# --- light and dark ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Theme:
    """The colours of everything but the rules.

    Args:
        paper: behind everything.
        ink: words, and marks that must be seen.
        grey: axes and lesser words.
        grid: lines behind curves.
        contour, height: contour lines, and the values on them.
        shades: of the landscape, from deep to high: light enough for every path's colour to stand out.
        star: the global minima.
    """

    paper: str
    ink: str
    grey: str
    grid: str
    contour: str
    height: str
    shades: tuple[str, str, str]
    star: str
    dark: bool = False

    @property
    def ramp(self) -> LinearSegmentedColormap:
        """The shades as a colour map."""
        return LinearSegmentedColormap.from_list("shades", self.shades)


LIGHT = Theme(
    paper="#ffffff", ink="#222222", grey="#777777", grid="#e6e6e6", contour="#a3adb6", height="#5d6770",
    shades=("#bfccd8", "#e6ecf1", "#ffffff"), star="#f0e442",
)  # fmt: skip
DARK = Theme(
    paper="#15191d", ink="#eceff1", grey="#98a2ab", grid="#2b3137", contour="#5b6874", height="#aeb9c3",
    shades=("#364657", "#222b34", "#15191d"), star="#f0e442", dark=True,
)  # fmt: skip

INK, GREY, GRID = LIGHT.ink, LIGHT.grey, LIGHT.grid

_THEME = ContextVar("theme", default=LIGHT)
_LANGUAGE = ContextVar("language", default="en")


def theme() -> Theme:
    """The colours of the figure that is being made."""
    return _THEME.get()


def spoken() -> str:
    """The language of the figure that is being made."""
    return _LANGUAGE.get()


def say(words: str, *values: object) -> str:
    """Words of a figure in the language of the one that is being made, braces filled in.

    >>> with house_style():
    ...     say("step {} of {}", 3, 100)
    'step 3 of 100'
    """
    return (CHINESE[words] if _LANGUAGE.get() == "zh" else words).format(*values)


# --- what figures and axes look like ----------------------------------------------------------------------------------


@contextmanager
def house_style(lang: str = "en", dark: bool = False) -> Iterator[None]:
    """While it lasts, Matplotlib draws in our style; afterwards its settings are what they were.

    Where no installed font has Chinese characters, Chinese words are in English instead, with a warning.

    Raises:
        InvalidValue: a language that is not spoken.
    """
    colours = DARK if dark else LIGHT
    before = _THEME.set(colours)
    try:
        with speaking(_drawable_language(lang)), matplotlib.rc_context():
            matplotlib.rcdefaults()  # a user's own style file must not show
            matplotlib.rcParams.update(_settings(colours))
            yield
    finally:
        _THEME.reset(before)


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """While it lasts, `say` speaks this language, whatever fonts are installed: for pages, which browsers draw."""
    before = _LANGUAGE.set(lang)
    try:
        yield
    finally:
        _LANGUAGE.reset(before)


def check_language(lang: str) -> None:
    """Raise `InvalidValue` unless it is a language that is spoken."""
    if lang not in ("en", "zh"):
        raise InvalidValue(f"lang: must be en or zh, got {lang!r}")


def _drawable_language(lang: str) -> str:
    """The language in which words are drawn."""
    check_language(lang)
    if lang == "zh" and not _chinese_fonts():
        message = "no font with Chinese characters is installed (Noto Sans CJK is one): the labels are in English"
        warnings.warn(message, stacklevel=4)
        return "en"
    return lang


@cache
def _settings(colours: Theme) -> Any:
    return {
        "font.family": ["DejaVu Sans", *_chinese_fonts()],
        "font.size": 10,
        "axes.titlesize": 10,
        "axes.labelsize": 10,
        "axes.facecolor": colours.paper,
        "axes.edgecolor": colours.grey,
        "axes.labelcolor": colours.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.formatter.useoffset": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": colours.grid,
        "grid.linewidth": 0.7,
        **{f"axes3d.{axis}axis.panecolor": (*to_rgb(colours.grid), 0.5) for axis in "xyz"},
        "xtick.color": colours.grey,
        "ytick.color": colours.grey,
        "xtick.labelcolor": colours.ink,
        "ytick.labelcolor": colours.ink,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 1.6,
        "lines.solid_joinstyle": "round",
        "text.color": colours.ink,
        "figure.dpi": 150,
        "savefig.dpi": "figure",
        "figure.facecolor": colours.paper,
        "savefig.facecolor": "auto",  # the figure's own: a dark one is saved as it was made
        "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
        "svg.hashsalt": "steepest",  # the same figure is the same file, byte for byte
    }


def _chinese_fonts() -> list[str]:
    """One installed font with Chinese characters, if there is one."""
    known = ("Noto Sans CJK SC", "Noto Sans SC", "Noto Sans CJK JP", "PingFang SC", "Microsoft YaHei", "SimHei")
    installed = set(font_manager.get_font_names())
    return [name for name in known if name in installed][:1]


def new_figure(width: float = 10.0, height: float = 5.0) -> Figure:
    """An empty figure, in inches, that arranges its axes without overlaps. Use it inside `house_style()`."""
    return Figure(figsize=(width, height), layout="constrained")


def clean(axes: Axes, x: str, y: str, title: str = "") -> Axes:
    """Label the axes and, quietly above them, say what they show."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, loc="left", color=theme().grey, fontsize=9)
    return axes


def whole_steps(axes: Axes) -> None:
    """Ticks of a step axis: whole numbers, round ones."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


# --- files ------------------------------------------------------------------------------------------------------------


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, SVG or PDF, as the file's ending says, wholly or not at all.

    Raises:
        InvalidValue: another ending, or the file cannot be written.
    """
    path = Path(path).expanduser()
    check_figure_file(path)
    write(path, _render(figure, path.suffix.lower()[1:]))
    return path


def check_figure_file(path: Path) -> None:
    """Raise `InvalidValue` unless the ending is one of a figure."""
    if path.suffix.lower() not in FORMATS:
        raise InvalidValue(f"{path}: a figure is a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file")


def _render(figure: Figure, kind: str) -> bytes:
    dates: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    drawn = io.BytesIO()
    with house_style():
        figure.savefig(drawn, format=kind, metadata=dates[kind])
    return drawn.getvalue()


def write(path: Path, content: bytes) -> None:
    """Write a file through one beside it, so that a full disk or an interrupt leaves the old file or none.

    Raises:
        InvalidValue: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        raise InvalidValue(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    finally:
        _remove(draft)


def _remove(draft: Path) -> None:
    with suppress(OSError):  # it was never there: the folder is no folder
        draft.unlink(missing_ok=True)
