r"""LaTeX as readable text for a terminal.

>>> plain(r"x_t = x_{t-1} - \frac{\eta}{1 - \beta_1^t} \frac{m_t}{\sqrt{\frac{v_t}{1 - \beta_2^t}} + \epsilon}")
'xₜ = xₜ₋₁ - η/(1 - β₁ᵗ) · mₜ/(√(vₜ/(1 - β₂ᵗ)) + ε)'
"""

import re
import unicodedata

__all__ = ["plain"]

GREEK = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi",
    "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
]  # fmt: skip
SYMBOLS = {
    **{rf"\{name}": letter for name, letter in zip(GREEK, "αβγδεζηθκλμνξπρστφχψω", strict=True)},
    r"\Delta": "Δ", r"\nabla": "∇", r"\partial": "∂", r"\sum": "∑", r"\prod": "∏", r"\infty": "∞", r"\top": "ᵀ",
    r"\cdot": "·", r"\le": "≤", r"\ge": "≥", r"\ne": "≠", r"\in": "∈", r"\leftarrow": "←", r"\lVert": "‖",
    r"\lfloor": "⌊", r"\rfloor": "⌋", r"\rVert": "‖", r"\langle": "⟨", r"\rangle": "⟩",
    r"\left": "", r"\right": "", r"\Big": "", r"\,": " ",
    r"\quad": "  ", r"\qquad": "   ", r"\{": "{", r"\}": "}", r"\_": "_", "&": " ", r"\\": "; ",
}  # fmt: skip
"""Commands without an argument."""

ACCENTS = {r"\hat": "\u0302", r"\bar": "\u0304", r"\tilde": "\u0303"}
OPENING = (r"\nabla", r"\partial", r"\sum", r"\prod", r"\lVert", r"\lfloor", r"\langle")
CLOSING = (r"\rVert", r"\rfloor", r"\rangle")
WORDS = (r"\text", r"\mathrm", r"\operatorname")
FRACTIONS = (r"\frac", r"\tfrac", r"\dfrac")

LOWERED = dict(zip("0123456789+-=()aehijklmnoprstuvxβγρφχ,", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ,", strict=True))
RAISED = dict(zip("0123456789+-=()abcdefghijklmnoprstuvwxyzTᵀβγδφχ", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᵀᵝᵞᵟᵠᵡ",
                  strict=True))  # fmt: skip

TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)


def plain(latex: str) -> str:
    """The LaTeX of a rule's or landscape's formula in Unicode; unsupported commands stay LaTeX."""
    text = re.sub(r" +", " ", _Text(latex).until("")).strip()
    return unicodedata.normalize("NFC", re.sub(r" ([,;)])", r"\1", text))


class _Text:
    """Reads LaTeX from left to right."""

    def __init__(self, latex: str) -> None:
        self.tokens: list[str] = TOKEN.findall(latex)
        self.place = 0

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.place += 1
        return token

    def until(self, end: str) -> str:
        """The text before a token, which is read too; a fraction before another factor is set off by a dot."""
        text, after_fraction = "", False
        while self.place < len(self.tokens) and self.peek() != end:
            token = self.take()
            if token.isspace():
                text += " " if text else ""
                continue
            part = self.item(token)
            if token in OPENING and self.peek().isspace():
                self.take()
            if token in CLOSING:
                text = text.rstrip()
            if after_fraction and part.strip() and token not in WORDS and (part[0].isalnum() or part[0] in "(√‖|"):
                text = f"{text.rstrip()} · "
            text += part
            after_fraction = token in FRACTIONS or (after_fraction and not part.strip())
        if end:
            self.take()
        return text.strip() if end else text

    def item(self, token: str) -> str:
        if token in FRACTIONS:
            return f"{_enclosed(self.argument())}/{_enclosed(self.argument(), product=True)}"
        if token == r"\sqrt":
            return f"√{_enclosed(self.argument(), product=True)}"
        if token in ("^", "_"):
            return _script(self.argument(), RAISED if token == "^" else LOWERED, token)
        if token in ACCENTS:
            letter = self.argument()
            return letter[:1] + ACCENTS[token] + letter[1:]
        if token in WORDS:
            return self.words()
        if token == "{":
            return self.until("}")
        if token == r"\begin":
            self.argument()
            return "{" + self.until(r"\end") + self.end_of_environment()
        return SYMBOLS.get(token, token[1:] if token.startswith("\\") and token[1:].isalpha() else token)

    def argument(self) -> str:
        while self.peek().isspace():
            self.take()
        return self.item(self.take()) if self.peek() else ""

    def words(self) -> str:
        """Text as it stands, spaces and all."""
        self.take()
        text = ""
        while self.peek() not in ("}", ""):
            text += self.take().removeprefix("\\")
        self.place += 1
        return text

    def end_of_environment(self) -> str:
        self.argument()
        return "}"


def _enclosed(text: str, product: bool = False) -> str:
    """In brackets, unless it is one thing, or a product where that is clear."""
    outside = _outside(text)
    several = product and outside.count("()") > 1
    broken = (" " in outside or "/" in outside) if product else re.search(r" [+-] |/|^-", outside)
    return f"({text})" if broken or several else text


def _outside(text: str) -> str:
    """The text with nothing in its brackets."""
    depth, outside = 0, ""
    for letter in text:
        depth -= letter in ")]}"
        outside += letter if depth == 0 else ""
        depth += letter in "([{"
    return outside


def _script(text: str, letters: dict[str, str], mark: str) -> str:
    bare = text.replace(" ", "") if mark == "_" or re.fullmatch(r"[\d\s+-]*", text) else text
    if bare and all(letter in letters for letter in bare):
        return "".join(letters[letter] for letter in bare)
    return f"{mark}{text}" if len(text) == 1 or (mark == "_" and text.isalpha()) else f"{mark}({text})"
