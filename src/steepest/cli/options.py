"""Options that several commands share, and the parsers of option values: settings, points, ranges, windows."""

from typing import Annotated

import typer

from ..base import spec
from ..base.errors import InvalidValue
from . import language

__all__ = [
    "Dark", "Formula", "Lang", "On", "Rate", "Schedule", "Settings", "Start", "Steps", "numbers", "setting", "settings",
    "span", "window",
]  # fmt: skip

On = Annotated[str, typer.Option(help="A landscape, or a formula such as '0.1*x**2 + 2*y**2'.")]
Formula = Annotated[
    str | None, typer.Option("--f", help="A formula of your own instead, such as 'x*cos(pi*x)' or '2x² + |y|'.")
]
Start = Annotated[str | None, typer.Option(help="First point, such as -1.2,1.")]
Rate = Annotated[
    float | None, typer.Option(help="Learning rate of the rules not given their own; default: the rule's.")
]
Steps = Annotated[int, typer.Option(help="Number of updates.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Another hyperparameter, such as momentum=0.9; repeat for more.")
]
Schedule = Annotated[
    str | None,
    typer.Option(help="Learning rate over the steps: cosine, 'exponential(0.1)', inverse_sqrt, warmup_cosine."),
]
Lang = Annotated[
    str,
    typer.Option(
        "--lang", callback=language.choose, show_default=False,
        help="Language: en or zh; default: that of STEEPEST_LANG, or of the locale.",
    ),
]  # fmt: skip
"""Of every command, whose default is the empty text: commands get the language that holds."""

Dark = Annotated[bool, typer.Option("--dark", help="Light on dark paper.")]


def setting(text: str) -> tuple[str, object]:
    """A hyperparameter with its value.

    >>> setting("betas=0.9,0.99")
    ('betas', (0.9, 0.99))
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InvalidValue(f"--set {text!r}: write it as name=value, for example momentum=0.9")
    return name.strip(), spec.value(value)


def settings(texts: list[str] | None, lr: float | None) -> dict[str, object]:
    """The hyperparameters for all rules: those of --set, and the learning rate."""
    values = dict(setting(text) for text in texts or [])
    return values if lr is None else values | {"lr": lr}


def numbers(option: str, text: str) -> list[float]:
    """Numbers with commas between.

    >>> numbers("start", "-1.2,1")
    [-1.2, 1.0]
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidValue(f"--{option} {text!r}: write numbers with commas between, for example -1.2,1") from None


def span(text: str) -> tuple[str, tuple[float, float]]:
    """A hyperparameter with its range.

    >>> span("lr=1e-4:1")
    ('lr', (0.0001, 1.0))
    """
    name, equals, ends = text.partition("=")
    if not equals or not name.strip():
        raise InvalidValue(f"--over {text!r}: write it as name=low:high, for example lr=1e-4:1")
    return name.strip(), _interval("over", text, ends)


def window(text: str) -> list[tuple[float, float]]:
    """The ends of each coordinate.

    >>> window("-5:5,0:3")
    [(-5.0, 5.0), (0.0, 3.0)]
    """
    return [_interval("window", text, part) for part in text.split(",")]


def _interval(option: str, text: str, part: str) -> tuple[float, float]:
    example = "lr=1e-4:1" if option == "over" else "-5:5,-5:5"
    try:
        low, high = (float(end) for end in part.split(":"))
    except ValueError:
        raise InvalidValue(f"--{option} {text!r}: write low:high, for example {example}") from None
    return low, high
