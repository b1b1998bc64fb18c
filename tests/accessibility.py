"""What pages are measured by: axe-core's rules, and the size of what is tapped."""

from importlib.resources import files
from typing import Any

import pytest

LEAST_TARGET = 24
"""Pixels (CSS) of a target's side: WCAG 2.2, 2.5.8."""

LEAST_CONTRAST = 3.0
"""Of what is not text: WCAG 2.1, 1.4.11."""

SMALL = """() => {
  const visible = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const inside = (root) => [...root.querySelectorAll("*")].flatMap((element) =>
    [element, ...(element.shadowRoot ? inside(element.shadowRoot) : [])]);
  return inside(document).filter(visible)
    .filter((element) => element.matches("button, input, select, summary, a[href], [role=button]"))
    .map((element) => element.closest("label") ?? element)
    .map((element) => [element.outerHTML.slice(0, 90), element.getBoundingClientRect()])
    .filter(([, { width, height }]) => width > 1 && Math.min(width, height) < LEAST - 0.01)
    .map(([text, { width, height }]) => `${text}: ${width} x ${height}`); }""".replace("LEAST", str(LEAST_TARGET))


def violations(page: Any) -> list[str]:
    """What axe finds serious or critical on a page, a line each; skips where axe is not installed."""
    package = pytest.importorskip("axe_playwright_python", reason="needs axe-core, of axe-playwright-python")
    page.evaluate(files(package).joinpath("axe.min.js").read_text(encoding="utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    # `preload` would fetch style sheets once more, which a browser refuses to pages that are files
    found = page.evaluate("tags => axe.run(document, { runOnly: tags, preload: false })", tags)["violations"]
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in serious for node in rule["nodes"]]


def small_targets(page: Any) -> list[str]:
    """What can be tapped on a page and is smaller than `LEAST_TARGET`; the label of a box counts with it."""
    found: list[str] = page.evaluate(SMALL)
    return found


def blend(paper: str, ink: str, share: float) -> str:
    """A colour between two, as the pages mix them."""
    pairs = [(int(paper[i : i + 2], 16), int(ink[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)
