"""Pages of the public names, by the part of the package that a name is defined in, so that a new name has its place."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from types import ModuleType

from tools.site.docstrings import restructured
from tools.site.tables import listed, table
from tools.site.words import say

import steepest
from steepest.rules import OPTIMIZERS, RULES, WRAPPERS

__all__ = ["reference_pages"]

PAGES = {
    "watch": ("paths", "playground", "program"),
    "compare": ("verbs", "study", "report", "statistics"),
    "diagnose": ("diagnose",),
    "use": ("optim", "hf"),
    "write": ("rules",),
    "more": (),
}
"""Pages, and the parts of the package whose public names they hold; what fits none stands in the last."""

BESIDE = {
    "compare": ("steepest.statistics",),
    "use": ("steepest.hf",),
    "write": (
        "steepest.rules.base", "steepest.rules.wrapper", "steepest.ops", "steepest.schedules", "steepest.landscapes",
        "steepest.workloads", "steepest.workloads.problem", "steepest.testing",
    ),
    "data": ("steepest.datasets",),
}  # fmt: skip
"""Modules beside `steepest` itself that people import from; each with the names in its `__all__`."""


def reference_pages(lang: str) -> dict[str, str]:
    """All pages by path, with one that lists them and the names on each."""
    pages = {}
    optimizers = {rule.__name__ for rule in (*RULES.values(), *WRAPPERS.values())}
    optimizers |= {named.spec.partition(":")[2] for named in OPTIMIZERS.values()}
    names = [name for name in dir(steepest) if name not in optimizers and not name.startswith("_")]
    left = dict.fromkeys(names)
    titles = {key: say(f"ref_{key}", lang) for key in ("watch", "compare", "diagnose", "use", "write", "data", "more")}
    note = [f":::{{note}}\n{say('only_english', lang)}\n:::\n"] if lang == "zh" else []
    index = [f"# {say('reference', lang)}", "", say("reference_about", lang), "", listed(titles)]
    for key, title in titles.items():
        parts = PAGES.get(key, ())
        chosen = [name for name in left if key == "more" or _part(name) in parts]
        for name in chosen:
            del left[name]
        lines = [f"# {title}", "", *note, *_public(chosen)]
        for module in BESIDE.get(key, ()):
            lines += _module(module)
        pages[f"reference/{key}"] = "\n".join(lines)
        rows = [*_named(chosen), *(_of_module(module, key) for module in BESIDE.get(key, ()))]
        index += [f"## [{title}]({key}.md)", table(("", ""), rows, "facts")]
    pages["reference/index"] = "\n".join(index)
    return pages


def _named(names: list[str]) -> Iterator[tuple[str, str]]:
    """Each name, as a link to its description, and the first line of that."""
    for name in names:
        thing = getattr(steepest, name)
        if not isinstance(thing, ModuleType):
            yield f"{{py:obj}}`{name} <{_full(name, thing)}>`", _first_line(_docstring(name, thing))


def _of_module(name: str, page: str) -> tuple[str, str]:
    return f"[`{name}`]({page}.md#{name.replace('.', '')})", _first_line(import_module(name).__doc__ or "")


def _first_line(docstring: str) -> str:
    """The first line of a docstring in Markdown, of which only code differs: it is no link's text, nor a list."""
    return docstring.strip().partition("\n")[0].replace("*", "\\*")


def _part(name: str) -> str:
    """The part of the package that a public name is in."""
    return steepest._HOMES.get(name, "optim").partition(".")[0]


def _full(name: str, thing: object) -> str:
    """Where Sphinx reads the description of a name: of data, which has none itself, in the module that defines it."""
    return f"steepest.{name}" if callable(thing) else f"steepest.{steepest._HOMES[name]}.{name}"


def _docstring(name: str, thing: object) -> str:
    """Of data, what stands below its definition."""
    if callable(thing):
        return thing.__doc__ or ""
    module = import_module(f"steepest.{steepest._HOMES[name]}")
    for defined, below in pairwise(ast.parse(inspect.getsource(module)).body):
        match defined, below:
            case ast.Assign(targets=[ast.Name(id=own)]), ast.Expr(ast.Constant(str(text))) if own == name:
                return text
    return ""


def _public(names: list[str]) -> Iterator[str]:
    for name in names:
        thing = getattr(steepest, name)
        if not isinstance(thing, ModuleType):
            yield _documented(_full(name, thing), thing)


def _module(name: str) -> Iterator[str]:
    """Functions and classes of a module's `__all__`, but for those that are names of steepest itself."""
    module = import_module(name)
    public = [getattr(steepest, own) for own in dir(steepest)]
    yield f"## {name}\n"
    if module.__doc__:
        yield f"```{{eval-rst}}\n{chr(10).join(restructured([module.__doc__.partition(chr(10))[0]]))}\n```\n"
    for own in module.__all__:
        thing = getattr(module, own)
        if callable(thing) and thing.__doc__ and not any(thing is one for one in public):
            yield _documented(f"{name}.{own}", thing)


def _documented(name: str, thing: object) -> str:
    if isinstance(thing, type):
        return f"```{{eval-rst}}\n.. autoclass:: {name}\n   :members:\n```\n"
    kind = "autofunction" if callable(thing) else "autodata"
    more = "" if callable(thing) else "\n   :no-value:"
    return f"```{{eval-rst}}\n.. {kind}:: {name}{more}\n```\n"
