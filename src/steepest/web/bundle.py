"""The bundle of the browser's code, and the script that a page runs: the bundle, started with the facts."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

__all__ = ["digest_of_sources", "read_bundle", "read_text", "script_of"]


@cache
def read_text(name: str) -> str:
    """A file of this folder."""
    return (files(__package__) / name).read_text(encoding="utf-8")


def read_bundle() -> str:
    """The bundle: a script that defines `Steepest`, with `core` (the functions without a page) and `start(facts)`."""
    return read_text("bundle.js")


def script_of(facts: str, states: Mapping[str, str] | None = None) -> str:
    """The script of a page and of its workers: nothing of it is global.

    Args:
        facts: a JavaScript expression, an object as `useFacts` in `core/facts.js` takes it.
        states: JavaScript expressions, states of parts, by the names that places in the page have for them.
    """
    data = ", ".join(f"{json.dumps(name)}: {state}" for name, state in (states or {}).items())
    return f"(() => {{\n{read_bundle()}\nSteepest.start({facts}, {{{data}}});\n}})();\n"


def digest_of_sources() -> str:
    """A digest of all modules, which the first line of a bundle holds."""
    folder = files(__package__)
    modules = ["index.js", *(f"{part}/{file.name}" for part in ("core", "parts") for file in (folder / part).iterdir())]
    texts = [f"{name}\n{(folder / name).read_text(encoding='utf-8')}" for name in sorted(modules)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
