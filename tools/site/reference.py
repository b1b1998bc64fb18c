"""Pages of the public names, by the part of the package that a name is defined in, so that a new name has its place."""

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from tools.site.docstrings import restructured
from tools.site.tables import listed
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
    """All pages by path, with one that lists them."""
    pages = {}
    optimizers = {rule.__name__ for rule in (*RULES.values(), *WRAPPERS.values())}
    optimizers |= {named.spec.partition(":")[2] for named in OPTIMIZERS.values()}
    names = [name for name in dir(steepest) if name not in optimizers and not name.startswith("_")]
    left = dict.fromkeys(names)
    titles = {key: say(f"ref_{key}", lang) for key in ("watch", "compare", "diagnose", "use", "write", "data", "more")}
    for key, title in titles.items():
        parts = PAGES.get(key, ())
        chosen = [name for name in left if key == "more" or _part(name) in parts]
        for name in chosen:
            del left[name]
        lines = [f"# {title}", "", *([f":::{{note}}\n{say('only_english', lang)}\n:::\n"] if lang == "zh" else [])]
        lines += _public(chosen)
        for module in BESIDE.get(key, ()):
            lines += _module(module)
        pages[f"reference/{key}"] = "\n".join(lines)
    pages["reference/index"] = "\n".join(
        [f"# {say('reference', lang)}", "", say("reference_about", lang), "", listed(titles, hidden=False)]
    )
    return pages


def _part(name: str) -> str:
    """The part of the package that a public name is in."""
    return steepest._HOMES.get(name, "optim").partition(".")[0]


def _public(names: list[str]) -> Iterator[str]:
    for name in names:
        thing = getattr(steepest, name)
        if not isinstance(thing, ModuleType):
            yield _documented(f"steepest.{name}", thing)


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
