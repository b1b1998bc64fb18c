"""The style of every figure: light and dark themes, the language of words, Matplotlib's settings, and saving.

Figures are `matplotlib.figure.Figure` objects made inside `with house_style():`, without pyplot: no window opens, and
the user's settings are untouched. The colour and mark of each rule are in `looks`.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
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

from ..base.checks import check_language
from ..base.errors import InvalidValue
from ..base.files import write
from ..base.text import Text
from .words import CHINESE

__all__ = [
    "DARK", "FORMATS", "GREY", "GRID", "INK", "LIGHT", "Theme", "check_figure_file", "clean",
    "house_style", "in_language", "language", "name_of", "new_figure", "save", "theme", "title_text", "translate",
    "whole_steps",
]  # fmt: skip

FORMATS = (".png", ".svg", ".pdf")

# --- light and dark ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Theme:
    """The colours of everything but the rules.

    Args:
        paper: the background.
        ink: text, and marks that must be seen.
        grey: axes and minor text.
        grid: lines behind curves.
        contour: contour lines.
        height: the values on contour lines.
        shades: of the landscape, from deep to high, in contrast to the colour of every path.
        star: the global minima.
        dark: whether the paper is dark.
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
    """The theme of the enclosing `house_style`."""
    return _THEME.get()


def language() -> str:
    """The language of the enclosing `house_style`, "en" or "zh"."""
    return _LANGUAGE.get()


def translate(words: str, *values: object) -> str:
    """English words of a figure in the language of the enclosing `house_style`, with the braces filled in.

    Raises:
        KeyError: the language is Chinese, and the words are not in `words.CHINESE`.

    >>> with house_style():
    ...     translate("step {} of {}", 3, 100)
    'step 3 of 100'
    """
    return (CHINESE[words] if _LANGUAGE.get() == "zh" else words).format(*values)


def title_text(title: str | Text) -> str:
    """A title in the language of the enclosing `house_style`, if it has both."""
    return title if isinstance(title, str) else str(getattr(title, language()))


def name_of(name: str) -> str:
    """A name that may be a user's own, such as that of a metric: in Chinese where it is ours, and else as it is."""
    return CHINESE.get(name, name) if _LANGUAGE.get() == "zh" else name


# --- what figures and axes look like ----------------------------------------------------------------------------------


@contextmanager
def house_style(lang: str | None = None, dark: bool = False) -> Iterator[None]:
    """A context in which Matplotlib draws in our style; afterwards its settings are restored.

    Where no installed font has Chinese characters, the words are in English instead, with a warning.

    Args:
        lang: language of the words, `"en"` or `"zh"`; None: that of the enclosing `in_language`, or else English.
        dark: light ink on dark paper.

    Raises:
        InvalidValue: an unknown language.
    """
    colours = DARK if dark else LIGHT
    before = _THEME.set(colours)
    try:
        with in_language(_drawable_language(lang or language())), matplotlib.rc_context():
            matplotlib.rcdefaults()  # a user's own style file must not show
            matplotlib.rcParams.update(_settings(colours))
            yield
    finally:
        _THEME.reset(before)


@contextmanager
def in_language(lang: str) -> Iterator[None]:
    """A context in which `translate` uses this language, whatever fonts are installed: for pages of a browser; and in
    which figures are drawn in it that are told no other.
    """
    before = _LANGUAGE.set(lang)
    try:
        yield
    finally:
        _LANGUAGE.reset(before)


def _drawable_language(lang: str) -> str:
    """The language in which words can be drawn with the fonts installed."""
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
    """One installed font with Chinese characters, in a list that is empty if there is none."""
    candidates = ("Noto Sans CJK SC", "Noto Sans SC", "Noto Sans CJK JP", "PingFang SC", "Microsoft YaHei", "SimHei")
    if not set(candidates) & set(font_manager.get_font_names()):
        for file in font_manager.findSystemFonts():  # Matplotlib's list is older than a font installed since
            if re.match(r"NotoSans(CJK|SC)-(Regular|Bold)|PingFang|msyh\.|simhei", Path(file).name):
                font_manager.fontManager.addfont(file)
    installed = set(font_manager.get_font_names())
    return [name for name in candidates if name in installed][:1]


def new_figure(width: float = 10.0, height: float = 5.0) -> Figure:
    """An empty figure of a size in inches, with constrained layout. Use it inside `house_style()`."""
    return Figure(figsize=(width, height), layout="constrained")


def clean(axes: Axes, x: str, y: str, title: str = "") -> Axes:
    """Label the axes, with a title in grey at the upper left; returns the axes."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, loc="left", color=theme().grey, fontsize=9)
    return axes


def whole_steps(axes: Axes) -> None:
    """Set the ticks of a step axis to round whole numbers."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


# --- files ------------------------------------------------------------------------------------------------------------


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, SVG or PDF, by the file's ending; atomically, and the same figure as the same bytes.

    Returns:
        The path, with `~` expanded.

    Raises:
        InvalidValue: another ending, or the file cannot be written.
    """
    path = Path(path).expanduser()
    check_figure_file(path)
    write(path, _render(figure, path.suffix.lower()[1:]))
    return path


def check_figure_file(path: Path) -> None:
    """Raise `InvalidValue` unless the ending is one of `FORMATS`."""
    if path.suffix.lower() not in FORMATS:
        raise InvalidValue(f"{path}: a figure is a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file")


def _render(figure: Figure, kind: str) -> bytes:
    # without a date, the same figure is the same file
    metadata: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format=kind, metadata=metadata[kind])
    return buffer.getvalue()
