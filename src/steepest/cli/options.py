"""Options that several commands share, and the parsers of option values: settings, points, ranges, windows."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

import typer

from ..base import spec
from ..base.errors import InvalidValue
from . import language

if TYPE_CHECKING:
    from ..rules import Rule

__all__ = [
    "Dark", "Formula", "Lang", "On", "Rate", "Schedule", "Settings", "Start", "Steps", "check_no_empty", "is_given",
    "needs", "numbers", "on_landscape", "rules_of", "setting", "settings", "span", "spans", "window", "with_rates",
]  # fmt: skip

On = Annotated[str, typer.Option(help="A landscape, or a formula such as '0.1*x**2 + 2*y**2'.")]
Formula = Annotated[
    str | None, typer.Option("--f", help="A formula of your own instead, such as 'x*cos(pi*x)' or '2x² + |y|'.")
]
Start = Annotated[str | None, typer.Option(help="First point, such as -1.2,1.")]
Rate = Annotated[
    float | None,
    typer.Option(help="Learning rate of the rules not given their own; default: one that suits the landscape."),
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


def settings(texts: list[str] | None, lr: float | None, rules: Sequence[str] = ()) -> dict[str, object]:
    """The hyperparameters for all rules: those of --set, and the learning rate.

    Raises:
        InvalidValue: one is there twice, or all of the `rules` have their own.
    """
    values: dict[str, object] = {}
    given = [*map(setting, texts or []), *([] if lr is None else [("lr", lr)])]
    for name, value in given:
        if name in values:
            also = " (--lr is one)" if name == "lr" and lr is not None else ""
            raise InvalidValue(f"{name} is given twice{also}; leave out one")
        values[name] = value
    own = [dict(spec.parse(rule).kwargs) for rule in rules]
    for name in values:
        if own and all(name in settings for settings in own):
            option = "--lr" if name == "lr" and lr is not None else f"--set {name}"
            raise InvalidValue(f"{option} has no effect: each rule has its own {name}; leave out one")
    return values


def rules_of(texts: Sequence[str]) -> list[str]:
    """The rules as they are typed: in arguments of their own, or with commas between.

    >>> rules_of(["sgd,adam(betas=(0.9,0.98))", "lion"])
    ['sgd', 'adam(betas=(0.9,0.98))', 'lion']
    """
    rules = [rule for text in texts for rule in spec.split(text)]
    if texts and not rules:
        raise InvalidValue("optimizers: name at least one")
    return rules


def with_rates(
    texts: Sequence[str], settings: Mapping[str, object], where: str, start: Sequence[float] | None = None
) -> "tuple[list[Rule], bool]":
    """The rules, those without a learning rate of their own at one that suits the landscape; and if there are any."""
    from .. import landscapes
    from ..paths.maps.common import choose
    from ..paths.rates import proposed_rate
    from ..rules import find

    landscape, rules, proposed = landscapes.find(where), choose(texts, settings), False
    for index, (text, rule) in enumerate(zip(texts, rules, strict=True)):
        if rule.rate_matters and "lr" not in settings and "lr" not in dict(spec.parse(text).kwargs):
            rules[index] = find(rule, lr=proposed_rate(rule, landscape, start))
            proposed = True
    return rules, proposed


# --- options together -------------------------------------------------------------------------------------------------


def is_given(context: typer.Context, name: str) -> bool:
    """Whether the user typed an option, named as its parameter."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def needs(context: typer.Context, name: str, holds: bool, what: str) -> None:
    """Raise `InvalidValue` where an option is given, named as its parameter, whose condition does not hold."""
    if is_given(context, name) and not holds:
        raise InvalidValue(f"--{name.replace('_', '-')} has no effect without {what}; leave it out, or add that")


def on_landscape(context: typer.Context, on: str, f: str | None) -> str:
    """The landscape, from --on or from --f; both together contradict each other."""
    if f is not None and is_given(context, "on"):
        raise InvalidValue("--on, --f: both say on what to run; leave out one")
    return on if f is None else f


SAID_ELSEWHERE = ("--f", "--lang")


def check_no_empty(arguments: Sequence[str]) -> None:
    """Raise `InvalidValue` where an argument is empty, as of a variable that is not set."""
    for before, argument in pairwise(["", *arguments]):
        option, equals, value = argument.partition("=")
        if argument == "--":
            return
        if not argument.strip() and before not in SAID_ELSEWHERE:
            name = before if before.startswith("--") and "=" not in before else "an argument"
            raise InvalidValue(f"{name}: is empty; give a value, or leave it out")
        if option.startswith("--") and option not in SAID_ELSEWHERE and equals and not value.strip():
            raise InvalidValue(f"{option}: is empty; give a value, or leave it out")


# --- values -----------------------------------------------------------------------------------------------------------


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


def spans(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """The hyperparameters of a sweep with their ranges, each there once."""
    ranges: dict[str, tuple[float, float]] = {}
    for name, ends in map(span, texts):
        if name in ranges:
            raise InvalidValue(f"--over {name} is there twice; name another hyperparameter")
        ranges[name] = ends
    return ranges


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
