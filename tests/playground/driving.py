"""What tests do on a playground in a browser, and ask of it."""

import json
import time
from importlib.resources import files
from pathlib import Path

from steepest.playground import build_facts
from steepest.web import read_bundle

SIX = "&".join(f"rule={rule}" for rule in ("sgd(lr=0.002)", "momentum(lr=0.0005)", "nesterov(lr=0.0005)",
                                           "rmsprop(lr=0.01)", "adam(lr=0.05)", "adagrad(lr=0.3)"))  # fmt: skip
PATIENCE = 30
"""Seconds for what takes two on a machine that is not busy, such as a map."""

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TOP = "#stage canvas:last-of-type"
CORE = f"() => {{ {read_bundle()}; Steepest.core.useFacts({build_facts()}); window.Steepest = Steepest.core; }}"
"""Gives tests the core, a second copy of it: the page itself has nothing global."""

ROOT = "document.querySelector('[data-steepest] > div').shadowRoot"
"""Where the playground's elements are, for scripts; selectors of the browser's driver look into it by themselves."""

PARTS = files("steepest.web") / "parts"


def is_elsewhere(url: str) -> bool:
    return not url.startswith(("file:", "blob:", "data:"))


def until(page, condition: str):
    """Wait until a condition on the link's `state` holds, and return the state."""
    deadline = time.monotonic() + PATIENCE
    while True:
        state = page.evaluate("() => Steepest.link.decode(location.hash.slice(1)).state")
        if state and page.evaluate(f"(state) => Boolean({condition})", state):
            return state
        assert time.monotonic() < deadline, f"never: {condition}; the link says {json.dumps(state)}"
        page.wait_for_timeout(60)


def middle(page, selector: str = TOP) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, start: tuple[float, float], by: tuple[float, float], steps: int = 8) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + by[0], start[1] + by[1], steps=steps)
    page.mouse.up()


def story(page) -> str:
    return page.locator("#story").inner_text()


def lr_slider(page, rule: int = 0):
    return page.locator("#rules .rule").nth(rule).locator("input[type=range]").first


def saved(page, kind: str, folder: Path) -> Path:
    page.click("#save-open")
    with page.expect_download() as download:
        page.click(f"[data-save={kind}]")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path
