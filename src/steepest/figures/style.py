"""The one style of every figure: which colour and mark belongs to which rule, what axes look like, how files are kept.

Figures are `matplotlib.figure.Figure` objects made inside `with house_style():`, so there is no pyplot, no choice of a
screen and nothing left changed. A rule's colour follows from its place in `steepest.rules.RULES` and is therefore the
same in every picture.
"""

import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import matplotlib
from matplotlib import colors, font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..errors import InvalidValue
from ..rules import RULES

__all__ = [
    "FORMATS", "GREY", "GRID", "INK", "Look", "clean", "colors_and_marks", "house_style", "new_figure", "save",
    "whole_steps",
]  # fmt: skip

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which the colour-blind tell apart, without the yellow that white paper swallows."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", "h", ">", "d")

Dash = Literal["solid"] | tuple[float, tuple[float, ...]]
DASHES: tuple[Dash, ...] = ("solid", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
TINTS = (("black", 0.0), ("black", 0.4), ("white", 0.35))
"""What a rule's colour is mixed with, and how much of it, for the same rule with other settings."""

INK, GREY, GRID = "#222222", "#777777", "#e6e6e6"

FORMATS = (".png", ".svg", ".pdf")

# --- which rule looks how ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """How a rule is drawn: colour as `#rrggbb`, Matplotlib's names of marker and dash."""

    colour: str
    marker: str
    dash: Dash


def colors_and_marks(name: str, variant: int = 0) -> Look:
    """The look of a rule, by its name; `variant` counts further settings of the same rule in one picture.

    >>> colors_and_marks("sgd")
    Look(colour='#0072b2', marker='o', dash='solid')
    >>> colors_and_marks("sgd", 1)
    Look(colour='#00446b', marker='v', dash=(0, (4, 1.5)))
    """
    place = _place(name)
    rounds = place // len(PALETTE)  # rules of one colour differ in mark and dash
    return Look(
        colour=_mix(PALETTE[place % len(PALETTE)], *TINTS[variant % len(TINTS)]),
        marker=MARKERS[(place + 4 * variant) % len(MARKERS)],
        dash=DASHES[(variant + rounds) % len(DASHES)],
    )


def _place(name: str) -> int:
    """The rule's place among all; one of a user's own has a place behind them that only depends on its name."""
    known = list(RULES)
    return known.index(name.lower()) if name.lower() in known else len(known) + zlib.crc32(name.encode()) % 84


def _mix(colour: str, other: str, share: float) -> str:
    pairs = zip(colors.to_rgb(colour), colors.to_rgb(other), strict=True)
    red, green, blue = ((1 - share) * ours + share * theirs for ours, theirs in pairs)
    return colors.to_hex((red, green, blue))


# --- what figures and axes look like ----------------------------------------------------------------------------------


@contextmanager
def house_style() -> Iterator[None]:
    """While it lasts, Matplotlib draws in our style; afterwards its settings are what they were."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own style file must not show
        matplotlib.rcParams.update(_settings())
        yield


@cache
def _settings() -> Any:
    return {
        "font.family": ["DejaVu Sans", *_chinese_fonts()],
        "font.size": 10,
        "axes.titlesize": 10,
        "axes.labelsize": 10,
        "axes.edgecolor": GREY,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.formatter.useoffset": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.7,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 1.6,
        "lines.solid_joinstyle": "round",
        "text.color": INK,
        "figure.dpi": 150,
        "savefig.dpi": 150,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
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
    axes.set_title(title, loc="left", color=GREY, fontsize=9)
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
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise InvalidValue(f"{path}: a figure is a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file")
    _write(path, _render(figure, kind[1:]))
    return path


def _render(figure: Figure, kind: str) -> bytes:
    dates: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    drawn = io.BytesIO()
    with house_style():
        figure.savefig(drawn, format=kind, metadata=dates[kind])
    return drawn.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Through a file beside it, so that a full disk or an interrupt leaves the old file or none."""
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
