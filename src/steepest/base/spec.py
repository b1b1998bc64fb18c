"""The one way to write "this, with these settings" as text: `adam(lr=0.1, betas=(0.9, 0.98))`.

Rules, landscapes and schedules on the command line are all written so. Arguments are numbers, booleans, strings and
tuples of them; nothing is evaluated.
"""

import ast
import re
from dataclasses import dataclass
from typing import Any

from .errors import InvalidValue

__all__ = ["MODULE", "Spec", "parse", "split", "value"]

MODULE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?=\s*[A-Za-z_])")
"""The name of a module before a colon, and behind it the name of something in it."""


SPEC = re.compile(r"(.*\.py(:\s*[A-Za-z_]|$)|[A-Za-z_][\w.]*\s*(:\s*[A-Za-z_]\w*\s*)?(\(|$))")
"""What a spec begins with, and neither a value nor `name=value` does."""

NAMES_OF_VALUES = ("True", "False", "None")


@dataclass(frozen=True)
class Spec:
    """A name with its settings, and the user's file that defines it, or the installed module, if one does.

    Of something around something else, `lookahead(adamw(lr=0.1), k=6)`, `inner` is the spec inside, as text; file and
    module are that one's, and the settings are those of both, first those inside.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    file: str | None = None
    module: str | None = None
    inner: str | None = None

    @property
    def path(self) -> str:
        """The names alone, in small letters: `lookahead(adamw)`."""
        return f"{self.name}({parse(self.inner).path})".lower() if self.inner else self.name.lower()

    @property
    def innermost(self) -> "Spec":
        """The spec that is around nothing."""
        return parse(self.inner).innermost if self.inner else self


def parse(text: str, *, nested: bool = True) -> Spec:
    """Read one spec: `name`, `name(setting=value)`, either behind `file.py:` or `module:`, or `name(spec, ...)`.

    Args:
        nested: whether it may be one around another.

    >>> parse("adam(lr=0.1, betas=(0.9, 0.98))")
    Spec(name='adam', args=(), kwargs=(('lr', 0.1), ('betas', (0.9, 0.98))), file=None, module=None, inner=None)
    >>> parse("mine.py:MyRule").file, parse("torch.optim:Rprop").module
    ('mine.py', 'torch.optim')
    >>> parse("lookahead(adamw(lr=0.1), k=6)")
    Spec(name='lookahead', args=(), kwargs=(('lr', 0.1), ('k', 6)), file=None, module=None, inner='adamw(lr=0.1)')
    """
    if nested and (around := _around(text.strip())):
        name, inner, others = around
        inside, outside = parse(inner), parse(f"{name}({others})")
        kwargs = (*inside.kwargs, *outside.kwargs)
        return Spec(name, outside.args, kwargs, inside.file, inside.module, inner)
    stem, _, text = text.strip().rpartition(".py:")
    file, module = (f"{stem}.py" if stem else None), None
    if not stem and (dotted := MODULE.match(text)):
        module, text = dotted[1], text[dotted.end() :]
    if "(" not in text:
        return Spec(text.strip(), file=file, module=module)
    try:
        call = ast.parse(text, mode="eval").body
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            raise ValueError
        args = tuple(ast.literal_eval(argument) for argument in call.args)
        kwargs = tuple((str(keyword.arg), ast.literal_eval(keyword.value)) for keyword in call.keywords)
        if len({keyword.arg for keyword in call.keywords} - {None}) < len(kwargs):  # one twice, or **more
            raise ValueError
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise InvalidValue(f"cannot read {text!r}; write it as name(setting=value, ...), texts in quotes") from None
    return Spec(call.func.id, args, kwargs, file, module)


def _around(text: str) -> tuple[str, str, str] | None:
    """Name, spec inside, and the other arguments, of a spec whose first argument is a spec."""
    name, bracket, rest = text.partition("(")
    if not (bracket and name.strip().isidentifier() and rest.endswith(")") and _closes_at_end(rest)):
        return None
    first, *others = split(rest[:-1]) or [""]
    return (name.strip(), first, ", ".join(others)) if SPEC.match(first) and first not in NAMES_OF_VALUES else None


def _closes_at_end(rest: str) -> bool:
    """Whether the bracket that was opened before this text is the one that its last character closes."""
    depth = 1
    for place, character in enumerate(rest):
        depth += (character in "([") - (character in ")]")
        if depth == 0:
            return place == len(rest) - 1
    return False


def split(text: str) -> list[str]:
    """Split a list at the commas that are not inside parentheses.

    >>> split("sgd, adam(lr=0.1, eps=1e-6)")
    ['sgd', 'adam(lr=0.1, eps=1e-6)']
    """
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def value(text: str) -> Any:
    """A setting's value as typed on the command line: a number, a boolean or a tuple.

    >>> value("0.9"), value("true"), value("0.9,0.98")
    (0.9, True, (0.9, 0.98))
    """
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if text.strip().lower() in words:
        return words[text.strip().lower()]
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise InvalidValue(
            f"cannot read the value {text!r}; write a number, true, false, or numbers with commas"
        ) from None
