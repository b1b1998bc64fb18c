"""Read a typed formula into a tree, by the table in `grammar.py`. Nothing is ever evaluated as code.

What may be read in two ways is read so: `-x^2` is `-(x^2)`, `2^3^2` is `2^(3^2)`, `a/2x` is `(a/2)*x` (where no sign
stands, a `*` is meant), `sin 2x` is `sin(2*x)`, `sin^2 x` is `(sin x)^2`, `log` is the natural logarithm.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, NoReturn

from ..base.errors import InvalidValue, did_you_mean
from ..base.translation import in_chinese
from .grammar import GRAMMAR

__all__ = ["FormulaError", "Node", "is_name", "parse"]

FUNCTIONS, ALIASES, CONSTANTS = GRAMMAR["functions"], GRAMMAR["aliases"], GRAMMAR["constants"]
COORDINATES, INFIX, PREFIX = GRAMMAR["coordinates"], GRAMMAR["infix"], GRAMMAR["prefix"]
DEEPEST, CLOSING = GRAMMAR["deepest"], {"(": ")", "|": "|"}
NAMES = sorted([*FUNCTIONS, *ALIASES, *CONSTANTS, *COORDINATES], key=lambda name: (-len(name), name))
PIECE = re.compile("|".join(name + "(?!e)" * (ALIASES.get(name, name) in FUNCTIONS) for name in NAMES))
CALLED = [*FUNCTIONS, *(name for name, known in ALIASES.items() if known in FUNCTIONS and re.fullmatch("[a-z]+", name))]
"""The functions that an error message offers: also `ln`, `max` and others that stand for another name."""
TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in GRAMMAR["tokens"].items()))


class FormulaError(InvalidValue):
    """A text that is no formula.

    Attributes:
        code: names the message in `GRAMMAR["messages"]`.
        column: the place in the text, without the space around it, in characters from 0.
    """

    code = ""
    column = 0
    chinese = ""

    @classmethod
    def at(cls, text: str, code: str, column: int = 0, **words: Any) -> "FormulaError":
        """The error with a message of the grammar, the text and a mark under the column."""
        line = "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.splitlines()))
        # a full-width character takes two cells of a terminal, as does the space that stands below it
        indent = "".join("\u3000" if unicodedata.east_asian_width(letter) in "FW" else " " for letter in line[:column])
        marked = "" if code == "long" else f"\n    {line}\n    {indent}^"
        english, chinese = GRAMMAR["messages"][code]
        error = cls(f"formula: {english.format(**words)}{marked}")
        translated = {name: in_chinese(word) if isinstance(word, str) else word for name, word in words.items()}
        error.chinese = f"公式：{chinese.format(**translated)}{marked}"
        error.code, error.column = code, column
        return error

    def text(self, lang: str = "en") -> str:
        """The message in English, or with "zh" in Chinese."""
        return self.chinese if lang == "zh" else str(self)


@dataclass(frozen=True)
class Node:
    """A number (`value`), a coordinate (`value` is its index), or an operation; `text` is how a number is written."""

    operation: str
    parts: tuple["Node", ...]
    start: int
    end: int
    value: float = 0
    text: str = ""
    depth: int = 0
    constant: bool = False


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


def parse(text: str) -> Node:
    """The tree of a formula, of a text without space around it.

    Raises:
        FormulaError: the text is no formula.
    """
    return _Parser(text).whole()


def is_name(word: str) -> bool:
    """Whether a word is a coordinate or a product of names of which one is a coordinate, such as `xy`."""
    return any(name in COORDINATES for name in split("".join(map(normal, word))))


def split(word: str) -> list[str]:
    """The known names that a word consists of; none if there is another."""
    names = [word] if word in NAMES else PIECE.findall(word)
    return names if "".join(names) == word else []


def normal(letter: str) -> str:
    """The character that stands for this one in the grammar."""
    if letter in GRAMMAR["superscripts"]:
        return letter
    same = unicodedata.normalize("NFKC", letter)
    same = same if len(same) == 1 else letter
    return str(GRAMMAR["letters"].get(same, same))


class _Parser:
    """Precedence climbing (Pratt 1973): `expression` reads what binds at least as tightly as it is told."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.open: list[Token] = []
        self.tokens: list[Token] = []

    def whole(self) -> Node:
        if not self.text:
            self.fail("empty")
        if len(self.text) > GRAMMAR["longest"]:
            self.fail("long", limit=GRAMMAR["longest"])
        if line := re.search(GRAMMAR["lines"], self.text):
            self.fail("line", line.start())
        self.tokens = self.tokenize()
        for token in self.tokens:
            if token.text == "=":  # before anything else is said of `f(x) = x^2`, where f is no name
                self.fail("equals", token.start)
        try:
            tree = self.expression(0, 0)
        except RecursionError:  # called from deep within a user's own recursion
            self.fail("deep", limit=DEEPEST)
        if self.token.kind != "end":
            self.unexpected(self.token)
        return self.make("whole", [tree], 0).parts[0]

    def tokenize(self) -> list[Token]:
        tokens = []
        for match in TOKEN.finditer("".join(map(normal, self.text))):
            kind, start = str(match.lastgroup), match.start()
            for piece in (split(match[0]) or [match[0]]) if kind == "name" else [match[0]]:
                tokens.append(Token(kind, ALIASES.get(piece, piece), start, start := start + len(piece)))
        tokens = [token for token in tokens if token.kind != "space"]
        return [*tokens, Token("end", "", len(self.text), len(self.text))]

    # --- tokens and messages

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def shown(self, start: int, end: int) -> str:
        """The beginning of a piece of the text, quoted."""
        text = self.text[start:end]
        return f"'{text if len(text) <= 40 else f'{text[:39]}…'}'"

    def fail(self, code: str, column: int = 0, **words: Any) -> NoReturn:
        raise FormulaError.at(self.text, code, column, **words)

    def unexpected(self, token: Token) -> NoReturn:
        """A token that cannot stand where it does."""
        opened = self.open[-1] if self.open else None
        shown = self.shown(token.start, token.end)
        if opened and token.text in ("", ")"):
            self.fail("bar" if opened.text == "|" else "unclosed", opened.start, shown=f"'{opened.text}'")
        code = {"": "missing", ")": "unopened", ",": "comma", "==": "where"}.get(
            token.text, "round" if token.text in "[]{}【】" else "foreign"
        )
        self.fail(code, token.start, shown=shown)

    def make(self, operation: str, parts: list[Node], start: int) -> Node:
        """A node of the text from `start` to the last token read."""
        for i, part in enumerate(parts):
            is_comparison, may_be = part.operation in GRAMMAR["comparisons"], operation == "where" and i == 0
            if is_comparison != may_be:
                self.fail("comparison" if is_comparison else "where", part.start)
        depth, constant = 1 + max(part.depth for part in parts), all(part.constant for part in parts)
        if depth > DEEPEST + (operation == "whole"):
            self.fail("deep", start, limit=DEEPEST)
        return Node(operation, tuple(parts), start, self.tokens[self.place - 1].end, depth=depth, constant=constant)

    def number(self, token: Token, value: float, text: str) -> Node:
        return Node("number", (), token.start, token.end, value, text, constant=True)

    # --- the grammar

    def expression(self, least: int, depth: int) -> Node:
        """What binds at least as tightly as `least`; where no sign stands, a product is meant."""
        token = self.token
        if depth > DEEPEST:
            self.fail("deep", token.start, limit=DEEPEST)
        left = self.prefix(self.take(), depth)
        while True:
            after = self.token
            if after.kind == "superscript":
                left = self.make("pow", [left, self.exponent(self.take())], token.start)
                continue
            if after.kind == "number":
                self.fail("beside", after.start, shown=self.shown(after.start, after.end))
            implied = self.begins_factor(after)
            operation, at_left, at_right = INFIX["*"] if implied else INFIX.get(after.text, ("", -1, 0))
            if at_left < least:
                return left
            self.place += not implied
            left = self.make(operation, [left, self.expression(at_right, depth + 1)], token.start)

    def begins_factor(self, token: Token) -> bool:
        """Whether a factor without a sign begins; a bar closes what a bar opened."""
        closes = token.text == "|" and bool(self.open) and self.open[-1].text == "|"
        return token.kind == "name" or token.text in ("(", "√", "∛") or (token.text == "|" and not closes)

    def prefix(self, token: Token, depth: int) -> Node:
        """A factor without its powers, or a sign with what it belongs to."""
        if token.kind == "number":
            plain = token.text.replace("_", "").lower()
            return self.number(token, int(plain, 0) if plain[:2] in ("0x", "0o", "0b") else float(plain), plain)
        if token.kind == "name":
            return self.name(token, depth)
        if token.text in PREFIX:
            operation, at_right = PREFIX[token.text]
            operand = self.expression(at_right, depth + 1)
            return operand if operation == "pos" else self.make(operation, [operand], token.start)
        if token.text in CLOSING:
            inside = self.enclosed(token, depth)[0]
            return inside if token.text == "(" else self.make("absolute", [inside], token.start)
        in_bars = bool(self.open) and self.open[-1].text == "|"
        if token.text in INFIX or token.text == "," or (token.text in ("", ")") and not in_bars):
            self.fail("missing", token.start)
        self.unexpected(token)

    def name(self, token: Token, depth: int) -> Node:
        if token.text in CONSTANTS:
            return self.number(token, CONSTANTS[token.text], token.text)
        if token.text in COORDINATES:
            return Node("coordinate", (), token.start, token.end, COORDINATES[token.text], token.text)
        if token.text in FUNCTIONS:
            return self.function(token, depth)
        is_call, shown = self.token.text == "(", self.shown(token.start, token.end)
        known = CALLED if is_call else ["x", "y", "x1", "x2", *CONSTANTS, *CALLED]
        hint = did_you_mean(token.text, known)
        self.fail("function" if is_call else "name", token.start, shown=shown, hint=hint)

    def function(self, token: Token, depth: int) -> Node:
        """A function with its argument, and a power between the two: sin^2(x)."""
        (operation, count), power = FUNCTIONS[token.text], None
        name = self.text[token.start : token.end]
        if self.token.kind == "superscript":
            power = self.exponent(self.take())
        elif self.token.text in ("^", "**"):
            self.take()
            power = self.prefix(self.take(), depth + 1) if self.token.kind == "number" else Node("sub", (), 0, 0)
        if power and not power.value > 0:
            self.fail("inverse", token.start, shown=name)
        is_call = self.token.text == "("
        parts = self.enclosed(self.take(), depth + 1, call=True) if is_call else [self.bare(token, name, depth + 1)]
        if len(parts) != count:
            self.fail("arguments", token.start, shown=name, count=count, s="s" * (count > 1), given=len(parts))
        called = self.make(operation, parts, token.start)
        return called if power is None else self.make("pow", [called, power], token.start)

    def bare(self, function: Token, name: str, depth: int) -> Node:
        """An argument without brackets: a product without signs, up to another function or a bracket."""
        token = self.token
        if not (self.begins_factor(token) or token.kind == "number" or token.text in PREFIX):
            self.fail("bare", function.start, shown=name)
        at_right = PREFIX["-"][1]
        argument = self.expression(at_right, depth)
        while self.begins_factor(self.token) and self.token.text not in FUNCTIONS:
            if self.token.text in ("(", "|"):
                self.fail("bracket", self.token.start, shown=name)
            argument = self.make("mul", [argument, self.expression(at_right, depth)], token.start)
        return argument

    def enclosed(self, opened: Token, depth: int, call: bool = False) -> list[Node]:
        """What stands between a bracket, or bar, and its partner; in a call any number of arguments."""
        if len(self.open) >= GRAMMAR["brackets"]:
            self.fail("brackets", opened.start, limit=GRAMMAR["brackets"])
        self.open.append(opened)
        parts = [] if call and self.token.text == ")" else [self.expression(0, depth)]
        while call and self.token.text == ",":
            self.take()
            parts.append(self.expression(0, depth))
        if self.token.text != CLOSING[opened.text]:
            self.unexpected(self.token)
        self.take()
        self.open.pop()
        return parts

    def exponent(self, token: Token) -> Node:
        """A number that is written as a superscript."""
        digits = "".join(GRAMMAR["superscripts"][letter] for letter in token.text)
        if not re.fullmatch("[+-]?[0-9]+", digits):
            self.fail("foreign", token.start, shown=self.shown(token.start, token.end))
        return self.number(token, float(digits), digits)
