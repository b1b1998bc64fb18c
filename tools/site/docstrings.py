r"""Docstrings as they are written here, for autodoc: Google's sections, Markdown's code and links, formulas in dollars.

Napoleon reads the sections. It takes what stands before a colon for a type, which is nowhere written here, and Sphinx
takes two names for a type and a name: such colons and commas are other characters until both have read the text.

>>> restructured(["The rate $\\eta$ of `Adam`s."])
['The rate :math:`\\eta` of ``Adam``\\ s.']
"""

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["restructured", "setup"]

CODE = re.compile(r"(?<![`:])`([^`]+)`(?!`)")
INLINE = re.compile(r"\$([^$]+)\$")
LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)]+)\)")
OWN_SECTION = re.compile(
    r"((?!Args:|Attributes:|Returns:|Raises:|Yields:|Note:|Example:)\S[^\n]*:)\n((?:    [^\n]*\n?)+)"
)
"""Entries below a line that is no heading of Google's style, such as the class facts of `Rule`: they become a list."""

STAR = re.compile(r"(\*[A-Za-z][^*\n]*\*)|([*|])")  # emphasis, or a sign
STRONG = re.compile(r"(?<![\w*])\*\*(?=[\w`$])([^*]+)(?<=[\w`$.])\*\*(?!\w)")
PIECE = re.compile(r"(`[^`]+`|\$[^$]+\$)")

SINGLE_COLON = re.compile(r"(?<!:):(?!:)")
RETURNED = re.compile(r"(?m)^( *(?:Returns|Yields):\n)(.*)$")
NAMES = re.compile(r"(?m)^ +\w+(?:, \w+)+(?=: )")
COLON, COMMA = "\ue000", "\ue001"
"""What stands for a colon in the first line of a description, and for a comma and a blank between names."""


def restructured(lines: Iterable[str]) -> list[str]:
    """The same docstring in reStructuredText; examples stay as they are."""
    text = "\n".join(lines)
    parts, shown = [], False
    for paragraph in re.split(r"(\n\s*\n)", text):
        if paragraph.strip():
            shown = paragraph.lstrip().startswith(">>>")
        parts.append(paragraph if shown else _paragraph(paragraph))
    return "".join(parts).split("\n")


def _paragraph(text: str) -> str:
    if own := OWN_SECTION.fullmatch(text):
        entries = re.sub(r"(?m)^ {5,}", "  ", own[2])  # what goes on, goes on below its entry
        text = f"{own[1]}\n\n{re.sub(r'(?m)^    (?=[^ ])', '- ', entries)}"
    pieces = text.split("$$")
    if len(pieces) % 2 == 0:
        return text
    indent = re.match(r"\n?( *)", text)[1]  # type: ignore[index]
    made = _listed(_inline(pieces[0]))
    for formula, after in zip(pieces[1::2], pieces[2::2], strict=True):
        indent = re.search(r"(?:^|\n)( *)[^\n]*$", made)[1] or indent if made.strip() else indent  # type: ignore[index]
        made = made.rstrip(" \n")
        body = " ".join(formula.split())
        made += ("\n\n" if made else "") + f"{indent}.. math:: {body}\n\n"
        if after.strip(" \n,.;"):
            made += indent + _inline(after.lstrip(" \n,.;"))
    return made


def _inline(text: str) -> str:
    made = []
    for piece in PIECE.split(STRONG.sub(_strong, text)):
        if piece.startswith("$") and piece.endswith("$") and len(piece) > 2:
            made.append(_role(f":math:`{' '.join(piece[1:-1].split())}`"))
        elif piece.startswith("`") and piece.endswith("`") and len(piece) > 2:
            made.append(_role(f"``{' '.join(piece[1:-1].split())}``"))
        else:
            made.append(LINK.sub(r"`\1 <\2>`__", STAR.sub(lambda match: match[1] or f"\\{match[2]}", piece)))
    text = "".join(made)
    # a role ends before a blank or punctuation only, and begins after one
    text = re.sub(f"{END}(?=[A-Za-z0-9])", r"\\ ", text).replace(END, "")
    return re.sub(f"(?<=[A-Za-z0-9]){BEGIN}", r"\\ ", text).replace(BEGIN, "").replace(BOLD, "**")


BEGIN, END, BOLD = "\x01", "\x02", "\x03"
"""Where a role begins and ends, until it is known what stands beside it; the mark of what is bold."""


def _strong(match: re.Match[str]) -> str:
    """Bold words; code and formulas among them are not, since reStructuredText has none within another."""
    parts = PIECE.split(match[1])
    parts[::2] = [re.sub(r"(?s)\S(.*\S)?", rf"{BEGIN}{BOLD}\g<0>{BOLD}{END}", part) for part in parts[::2]]
    return "".join(parts)


def _role(text: str) -> str:
    return f"{BEGIN}{text}{END}"


def _listed(text: str) -> str:
    """A blank line before a list that follows a line."""
    return re.sub(r"(?m)^( *)(?!- )(\S.*)\n(?=\1- )", r"\1\2\n\n", text)


def _prepare(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    made = restructured(lines)
    if what in ("attribute", "property", "data") and made:
        made[0] = SINGLE_COLON.sub(COLON, made[0])
    text = RETURNED.sub(lambda match: match[1] + SINGLE_COLON.sub(COLON, match[2]), "\n".join(made))
    lines[:] = NAMES.sub(lambda match: match[0].replace(", ", COMMA), text).split("\n")


def _restore(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [line.replace(COLON, ":") for line in lines]


def _finish(app: Any, doctree: Any) -> None:
    """Names with commas between them; the dash between a name and its description, which Sphinx writes as hyphens."""
    from docutils import nodes

    for text in list(doctree.findall(nodes.Text)):
        made = " – " if text == " -- " else text.replace(COMMA, ", ")
        if made != text:
            text.parent.replace(text, nodes.Text(made))


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry; the first before napoleon, which reads what it writes, the second after it."""
    app.connect("autodoc-process-docstring", _prepare, priority=400)
    app.connect("autodoc-process-docstring", _restore, priority=600)
    app.connect("doctree-read", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
