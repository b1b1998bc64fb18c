"""Which rule here is which class of another library: `steepest show --like timm.lamb`, and docs/equivalents.md.

The facts are in `equivalents.toml`; the arguments that a rule takes under the names of others are in its own `foreign`.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..base.errors import UnknownName, did_you_mean
from ..base.numbers import general
from ..base.text import Text
from ..rules import find as find_rule
from .showing import Page, Table

__all__ = ["Equivalent", "document", "equivalents", "like", "page_of", "versions"]

FACTS = Path(__file__).with_name("equivalents.toml")
WORDS = {
    "here": Text("here", "这里写"),
    "there": Text("settings there for the same steps", "对方取此设置时步相同"),
    "apart": Text("apart after 100 steps", "100 步后相差"),
    "differs": Text("what differs", "差别"),
    "defaults": Text("apart at its defaults", "对方取默认值时相差"),
    "version": Text("measured with", "测量所用版本"),
    "argument": Text("argument {}", "参数 {}"),
    "share": Text("{} of the way", "路程的 {}"),
    "nothing": Text("nothing", "无"),
    "without": Text("no effect here; leave it out", "在这里没有作用；可不写"),
}


@dataclass(frozen=True)
class Equivalent:
    """One class of another library, and the rule here.

    Attributes:
        there: the class, as it is imported.
        here: the spec of the rule.
        apart: how far both are apart after 100 steps, as a share of the way.
        settings: of the class, at which that is so, as they are written in a call.
        single: whether that was measured in float32, since the class or its library computes in it.
        differs: what differs, at the defaults or always.
        defaults: how far they are apart at the defaults of the class, where `settings` are needed.
    """

    there: str
    here: str
    apart: float
    settings: str = ""
    single: bool = False
    differs: Text | None = None
    defaults: float | None = None

    @property
    def library(self) -> str:
        return self.there.partition(".")[0]

    @property
    def name(self) -> str:
        """As it is asked for: library and class, in small letters."""
        return f"{self.library}.{self.there.rpartition('.')[2]}".lower()


@cache
def equivalents() -> tuple[Equivalent, ...]:
    """All classes, library by library."""
    rows = tomllib.loads(FACTS.read_text(encoding="utf-8"))["class"]
    return tuple(Equivalent(**row | ({"differs": Text(**row["differs"])} if "differs" in row else {})) for row in rows)


def versions() -> dict[str, str]:
    """Of the libraries that were compared."""
    known: dict[str, str] = tomllib.loads(FACTS.read_text(encoding="utf-8"))["versions"]
    return known


def like(name: str) -> Equivalent:
    """The entry of a class, such as `timm.lamb` or `torch.optim.AdamW`.

    Raises:
        UnknownName: there is none of this name; the message has the nearest.

    >>> like("timm.lamb").here
    'lamb'
    >>> like("schedulefree.AdamWScheduleFree").apart < 1e-12
    True
    """
    wanted = name.strip().lower().replace("pytorch-optimizer", "pytorch_optimizer").replace("kron-torch", "kron_torch")
    for entry in equivalents():
        if wanted in (entry.name, entry.there.lower()):
            return entry
    known = [entry.name for entry in equivalents()]
    library = [each for each in known if each.partition(".")[0] == wanted.partition(".")[0]]
    raise UnknownName(f"--like: unknown class {name!r}; {did_you_mean(wanted, known, library or known)}")


def page_of(name: str, lang: str = "en") -> Page:
    """What `steepest show --like` prints."""
    entry = like(name)
    word = {key: getattr(text, lang) for key, text in WORDS.items()}
    rows = [(word["here"], entry.here)]
    if entry.settings:
        rows.append((word["there"], entry.settings))
    rows.append((word["apart"], word["share"].format(_size(entry.apart))))
    if entry.differs is not None:
        rows.append((word["differs"], getattr(entry.differs, lang)))
    if entry.defaults is not None:
        rows.append((word["defaults"], word["share"].format(_size(entry.defaults))))
    rows.append((word["version"], f"{entry.library} {versions()[entry.library]}"))
    arguments = [(word["argument"].format(name), what) for name, what in _arguments(entry.here, lang)]
    return Page(f"{entry.there} = steepest {entry.here}", [], Table(("", ""), rows), Table(("", ""), arguments))


def _size(share: float) -> str:
    return "0" if share == 0 else general(share, 2)


def _arguments(spec: str, lang: str = "en") -> Iterable[tuple[str, str]]:
    """Arguments of other implementations of a rule, and what they are here."""
    for name, argument in sorted(type(find_rule(spec)).foreign_arguments().items()):
        if argument.name is not None:
            yield name, argument.name
        elif argument.same is None:
            yield name, getattr(WORDS["without"], lang)
        else:
            taken = ", ".join(map(repr, argument.same))
            yield name, f"{taken}; {argument.instead}" if taken else argument.instead


def document() -> str:
    """docs/equivalents.md."""
    lines = [
        "# Which optimizer of another library is which of ours",
        "",
        "Made from `src/steepest/program/equivalents.toml` by `python tools/equivalents.py`;",
        "`steepest show --like timm.lamb` prints one line of it, with the arguments.",
        "",
        "Both optimizers made 100 steps from the same point of a slope with the same noise, in float64 (or float32,",
        "where that is said).",
        '"Apart" is the largest distance of a coordinate after any step, as a share of the largest way:',
        "1e-15 is rounding, 0.01 a hundredth of the way. Settings that are not named are the defaults of the class,",
        "but for the learning rate.",
    ]
    for library, version in versions().items():
        lines += ["", f"## {library} {version}", "", "| there | at these settings | here | apart | what differs |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for entry in equivalents():
            if entry.library == library:
                apart = _size(entry.apart) + (" (float32)" if entry.single else "")
                differs = entry.differs.en if entry.differs else ""
                if entry.defaults is not None:
                    differs += f": {_size(entry.defaults)} at the defaults"
                settings = f"`{entry.settings}`" if entry.settings else ""
                lines.append(f"| `{entry.there}` | {settings} | `{entry.here}` | {apart} | {differs} |")
    lines += ["", "## Arguments of others that our rules take, or answer", "", "| rule | argument there | here |"]
    lines.append("| --- | --- | --- |")
    for spec in sorted({entry.here.partition("(")[0] for entry in equivalents()}):
        lines += [f"| `{spec}` | `{name}` | {what} |" for name, what in _arguments(spec)]
    return "\n".join(lines) + "\n"
