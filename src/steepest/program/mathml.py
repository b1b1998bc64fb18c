r"""LaTeX of equations as MathML for a page, with the pieces marked that stand for a number.

>>> print(mathml(r"\frac{x}{2}"))
<math><mfrac><mi>x</mi><mn>2</mn></mfrac></math>
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from .plain import SYMBOLS

__all__ = ["mathml"]

FUNCTIONS = ("max", "min", "exp", "log", "sign", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan")
SIGNS = {"-": "−", r"\cdot": "⋅"}  # a minus, and the dot of a product, where a terminal shows others
OPERATORS = ("∇", "∂", "∏", "∑")
TIMES, APPLY = "<mo>&#x2062;</mo>", "<mo>&#x2061;</mo>"
LEFT = '<mtd style="text-align: left">'  # browsers do not know MathML's own columnalign
COMMAND = re.compile(r"\\(?:[A-Za-z]+|.)|[0-9]*\.?[0-9]+|.")


@dataclass(frozen=True)
class _Item:
    """One thing in a row: its kind, the text of a letter or sign, MathML, and the name of a marked piece."""

    kind: str
    text: str
    content: str
    name: str = ""

    def mathml(self, bracketed: bool = False) -> str:
        """MathML; `bracketed` tells the page that a negative number would need brackets here."""
        if not self.name:
            return self.content
        mark = ' data-b=""' if bracketed else ""
        return f'<mstyle data-v="{escape(self.name)}"{mark}>{self.content}</mstyle>'


def mathml(latex: str, names: Mapping[str, str] | None = None) -> str:
    """MathML of what `latex` prints.

    Args:
        latex: an equation.
        names: names of pieces such as `m_{t-1}`; a piece becomes an element `mstyle` with its name as `data-v`, with
            `data-b` where a negative number in its place needs brackets.
    """
    body = _row(_Reader(latex, names or {}).row(lambda command: False))
    return f"<math>{body}</math>"


class _Reader:
    """Reads LaTeX from left to right."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self.text, self.names = text, names
        self.place = 0
        # the longest first; a command does not end within a longer one, as \eta does not in \etab
        self.pieces = [
            (re.compile(re.escape(piece) + (r"(?![A-Za-z])" if re.search(r"^\\.*[A-Za-z]$", piece) else "")), name)
            for piece, name in sorted(names.items(), key=lambda pair: -len(pair[0]))
        ]

    def peek(self) -> str:
        match = COMMAND.match(self.text, self.place)
        return match[0] if match else ""

    def take(self) -> str:
        token = self.peek()
        self.place += len(token)
        return token

    def row(self, ends: Callable[[str], bool]) -> list[_Item]:
        items = []
        while (token := self.peek()) and not ends(token):
            if token == " ":
                self.take()
            else:
                items.append(self.scripted())
        return items

    def scripted(self) -> _Item:
        base = self.item()
        while self.peek() in ("^", "_"):
            tag = "msup" if self.take() == "^" else "msub"
            base = _Item("scripted", "", f"<{tag}>{base.mathml(tag == 'msup')}{self.argument()}</{tag}>")
        return base

    def argument(self) -> str:
        """One element."""
        while self.peek() == " ":
            self.take()
        if self.peek() != "{":
            return self.item().mathml()
        self.take()
        items = self.row(lambda token: token == "}")
        self.take()
        return _group(items)

    def item(self) -> _Item:
        for pattern, name in self.pieces:
            if match := pattern.match(self.text, self.place):
                self.place = match.end()
                return _Item("symbol", "", _row(_Reader(match[0], {}).row(lambda command: False)), name)
        token = self.take()
        name = token.removeprefix("\\")
        match token:
            case r"\frac":
                return _Item("fraction", "", f"<mfrac>{self.argument()}{self.argument()}</mfrac>")
            case r"\sqrt":
                return _Item("root", "", f"<msqrt>{self.argument()}</msqrt>")
            case r"\bar" | r"\hat":
                mark = "¯" if name == "bar" else "^"
                return _Item("accent", "", f'<mover accent="true">{self.argument()}<mo>{mark}</mo></mover>')
            case r"\begin":
                return self.cases()
            case r"\text" | r"\operatorname" | r"\mathrm":
                return self.words(token)
            case r"\left" | "(" | "|":
                return self.fence(token)
        if token[0].isdigit() or token[0] == ".":
            return _Item("number", token, f"<mn>{token}</mn>")
        if name in FUNCTIONS:
            return _Item("function", name, f"<mi>{name}</mi>{APPLY}")
        shown = SIGNS.get(token) or SYMBOLS.get(token, token)
        if shown.isalpha() or shown in OPERATORS:
            return _Item("letter", shown, f"<mi>{shown}</mi>")
        return _Item("sign", shown, f"<mo>{escape(shown)}</mo>")

    def fence(self, token: str) -> _Item:
        opened = self.take() if token == r"\left" else token
        closed = ")" if opened == "(" else opened
        items = self.row(lambda command: command == (r"\right" if token == r"\left" else closed))
        if self.take() == r"\right":
            self.take()
        return _Item("fence", opened, _fenced(_row(items), opened, closed))

    def words(self, token: str) -> _Item:
        end = self.text.index("}", self.place)
        text, self.place = self.text[self.place + 1 : end].replace(r"\_", "_"), end + 1
        if text in FUNCTIONS:
            return _Item("function", text, f"<mi>{text}</mi>{APPLY}")
        if token == r"\text":
            return _Item("words", text, f"<mtext>{re.sub('^| $', chr(0xA0), text)}</mtext>")
        return _Item("letter", text, f"<mi>{text}</mi>")

    def cases(self) -> _Item:
        self.place = self.text.index("}", self.place) + 1
        rows, token = "", ""
        while token != r"\end":
            then = _group(self.row(lambda command: command == "&"))
            self.take()
            when = _group(self.row(lambda command: command in (r"\\", r"\end")))
            token = self.take()
            rows += f"<mtr>{LEFT}{then}</mtd>{LEFT}{when}</mtd></mtr>"
        self.place = self.text.index("}", self.place) + 1
        table = f'<mo fence="true">{{</mo><mtable>{rows}</mtable>'
        return _Item("cases", "", f"<mrow>{table}</mrow>")


def _fenced(inside: str, opened: str, closed: str) -> str:
    """Between brackets of one height, except around a fraction: without a font for mathematics others are too tall."""
    kind = 'fence="true"' if "<mfrac>" in inside or "<mtable" in inside else 'fence="true" stretchy="false"'
    return f"<mrow><mo {kind}>{opened}</mo>{inside}<mo {kind}>{closed}</mo></mrow>"


def _row(items: list[_Item]) -> str:
    """The items in a row, with a sign between factors that is not seen."""
    text = ""
    for i, item in enumerate(items):
        before = items[i - 1] if i else None
        if before and _is_factor(before, True) and _is_factor(item, False):
            text += APPLY if item.kind == "fence" and before.kind == "letter" else TIMES
        text += item.mathml(bracketed=before is not None and before.text != "=")
    return text


def _group(items: list[_Item]) -> str:
    """One element for a row, as fractions and powers need it."""
    return items[0].mathml() if len(items) == 1 else f"<mrow>{_row(items)}</mrow>"


def _is_factor(item: _Item, left: bool) -> bool:
    """Whether an item is taken as a factor of a product, at the left or the right of a gap."""
    if left:
        return item.kind not in ("sign", "function", "words") and item.text not in OPERATORS
    return item.kind not in ("sign", "words")
