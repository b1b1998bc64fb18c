"""What pages need of the browser's code: one script, packed, that a page unpacks when a live part comes into view."""

import base64
import json
import zlib
from pathlib import Path

from steepest.base.errors import InvalidValue
from steepest.figures.player_page import paths_in_javascript
from steepest.landscapes import find
from steepest.lecture.build import build_lecture
from steepest.paths.rates import proposed_rate
from steepest.paths.tracing import trace
from steepest.playground.build import build_facts, build_page
from steepest.program.record import why_not_recorded
from steepest.rules import RULES
from steepest.web import script_of

__all__ = ["write_live"]

LANDSCAPE, STEPS = "ravine", 60


def write_live(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the script, the playground and the lecture into a folder.

    Returns:
        Of each rule that can walk on a landscape, by name: the part that shows it, `playground` or `paths`, and its
        state: a rule that the page can compute is played with, the path of another one is computed here.
    """
    states, paths = {}, {}
    for name, rule in RULES.items():
        try:
            rate = proposed_rate(rule(), find(LANDSCAPE))
        except InvalidValue:  # for matrices only
            continue
        if why_not_recorded(rule()) is None:
            states[name] = ("playground", f"on={LANDSCAPE}&rule={name}(lr={rate:g})&steps={STEPS}")
        else:
            states[name] = ("paths", name)
            paths[name] = paths_in_javascript([trace(name, LANDSCAPE, lr=rate, steps=STEPS)])
    packed = base64.b64encode(zlib.compress(script_of(build_facts(), paths).encode(), level=9)).decode()
    (folder / "parts.js").write_text(f"window.steepestParts = {json.dumps(packed)};\n", encoding="utf-8")
    build_page().save(folder / "playground.html")
    build_lecture().save(folder / "lecture-page.html")
    return states
