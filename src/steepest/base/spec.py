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


@dataclass(frozen=True)
class Spec:
    """A name with its settings, and the user's file that defines it, or the installed module, if one does."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    file: str | None = None
    module: str | None = None


def parse(text: str) -> Spec:
    """Read one spec: `name`, `name(setting=value)`, or either behind `file.py:` or `module:`.

    >>> parse("adam(lr=0.1, betas=(0.9, 0.98))")
    Spec(name='adam', args=(), kwargs=(('lr', 0.1), ('betas', (0.9, 0.98))), file=None, module=None)
    >>> parse("mine.py:MyRule").file, parse("torch.optim:Rprop").module
    ('mine.py', 'torch.optim')
    """
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
