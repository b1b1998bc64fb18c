"""The errors that a user can cause, each with a message that names the thing, the place and the remedy.

Everything raised on purpose derives from `SteepestError`, so the command line prints any of them as one line. Each is
also the built-in error that Python's own libraries raise in the same situation, so existing handlers keep working.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from .translation import in_chinese


class SteepestError(Exception):
    """An error that the user can correct; its text says how."""

    def text(self, lang: str = "en") -> str:
        """The message in English, or with "zh" in Chinese, as far as `messages_zh.toml` has it."""
        return in_chinese(str(self)) if lang == "zh" else str(self)


class InvalidValue(SteepestError, ValueError):
    """A value outside what is allowed."""


class UnknownSetting(SteepestError, TypeError):
    """A keyword that does not exist."""


class UnknownName(InvalidValue):
    """A rule, landscape, workload or schedule that does not exist."""


def one_line(error: BaseException) -> str:
    """The kind of an error, which anybody may have raised, and the first line of its text.

    >>> one_line(KeyError("loss")), one_line(ValueError())
    ("KeyError: 'loss'", 'ValueError')
    """
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # an error of a user's own class, whose text fails
        lines = []
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


MOST_LISTED = 30
"""Names that a message lists, at most."""


def did_you_mean(name: str, known: Iterable[str], listed: Iterable[str] | None = None) -> str:
    """The end of an error message about an unknown name: the most similar of the `known` names, or a list of them.

    Args:
        name: the unknown one.
        known: what there is.
        listed: those to list where none is similar; default: all.

    >>> did_you_mean("adm", ["sgd", "adam"])
    "did you mean 'adam'?"
    >>> did_you_mean("newton", ["sgd", "adam"])
    'known: adam, sgd'
    """
    known = sorted(known)
    in_small = {own.lower(): own for own in reversed(known)}
    nearest = [in_small[own] for own in get_close_matches(name.lower(), in_small, n=1)]
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    shown = known if listed is None else sorted(listed)
    if not shown:
        return "there are none"
    if len(shown) > MOST_LISTED:
        return f"known: {', '.join(shown[:MOST_LISTED])} and {len(shown) - MOST_LISTED} others"
    return f"known: {', '.join(shown)}"
