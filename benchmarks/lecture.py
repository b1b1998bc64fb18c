"""python -m benchmarks.lecture [--write]: the lecture's page in headless Chromium: its size, first paint, and frames.

Needs playwright and Debian's `chromium`. A frame's work is what the page's main thread computed while a hand dragged,
over the number of frames: processor time of that thread, as far as Chromium tells it, so that other programs on the
machine add little. How far frames are apart is time on the clock, and never below that of the screen's refresh.
"""

import argparse
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from steepest.lecture import build_lecture

from .__main__ import keep_section, machine, table

TITLE = "The lecture's page"

LOADS, MOVES, PATIENCE = 7, 60, 60_000
MOST_BYTES, MOST_PAINT, MOST_FRAME = 450_000, 400, 16

FIGURES = {
    "curve, start": ("local-minimum", "#stage canvas:last-of-type"),
    "contours, start": ("two-variables", "#stage canvas:last-of-type"),
    "surface, turned": ("saddle", "#stage canvas:last-of-type"),
    "chart, scrubbed": ("descent", "#chart canvas"),
    "noise, start": ("stochastic", "#stage canvas:last-of-type"),
    "three paths, slider": ("learning-rate", "#controls input[type=range]"),
    "pair on the map": ("best-pair", "#pairs canvas"),
    "pair, slider": ("best-pair", "#controls input[type=range]"),
    "batch of a network, slider": ("mini-batch", "#controls input[type=range]"),
    "slice, scrubbed": ("loss-slice", "#heights"),
}
"""What is dragged: a station, and the element under the hand."""

RECORD = """() => {
  window.frames_ = [];
  const note = (now) => { window.frames_.push(now); window.noting_ = requestAnimationFrame(note); };
  window.noting_ = requestAnimationFrame(note); }"""

STOP = "() => { cancelAnimationFrame(window.noting_); return window.frames_; }"


def paint(page: Page, session: CDPSession, file: str) -> tuple[float, float]:
    """Milliseconds from the start of loading to the first contents on the screen, and of work until they stand."""
    page.goto("about:blank")
    page.goto(file)
    page.wait_for_selector(".station h1")
    worked = work(session)
    page.wait_for_timeout(300)
    found: float = page.evaluate(
        "performance.getEntriesByType('paint').find(({ name }) => name === 'first-contentful-paint').startTime"
    )
    return found, worked


def work(session: CDPSession) -> float:
    """Milliseconds of work of the page's main thread so far."""
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * float(metrics["TaskDuration"])


def drag(page: Page, session: CDPSession, station: str, target: str) -> dict[str, Any]:
    """Drags an element for some moves, a move a frame; the work and the distance of frames, in milliseconds."""
    page.evaluate(f"location.hash = 'at={station}&phase=1'")
    page.wait_for_selector(f"[data-station={station}][data-phase='1']")
    place = page.locator(target).first
    place.scroll_into_view_if_needed()
    page.wait_for_timeout(8000 if station in ("mini-batch", "loss-slice") else 1500)  # trained, and compiled
    box = place.bounding_box()
    assert box is not None
    if "range" in target:
        share = float(place.input_value()) / 1000
        at, reach = (box["x"] + box["width"] * share, box["y"] + box["height"] / 2), min(0.3 * box["width"], 60)
    else:
        at, reach = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), min(0.2 * box["width"], 60)
    page.mouse.move(*at)
    page.mouse.down()
    for turn in range(2):  # the first turn compiles
        before = work(session)
        page.evaluate(RECORD)
        for i in range(MOVES):
            way = reach * (abs(((i / MOVES * 4) % 4) - 2) - 1)
            page.mouse.move(at[0] + way, at[1] + (0 if "range" in target else way / 3))
        frames = page.evaluate(STOP)
        if turn:
            used = work(session) - before
    page.mouse.up()
    page.wait_for_timeout(600)  # the link is written
    apart = sorted(b - a for a, b in pairwise(frames))
    return {
        "frames": len(frames), "work a frame, ms": used / len(frames), "work a move, ms": used / MOVES,
        "apart, median ms": median(apart),
        "apart, 95 % ms": apart[int(0.95 * (len(apart) - 1))],
    }  # fmt: skip


def section() -> str:
    """Size, first paint, and frames of each kind of figure, as tables; then whether each keeps its limit."""
    page_of = build_lecture(lang="en")
    size = len(page_of.html.encode())
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = page_of.save(Path(folder) / "lecture.html").as_uri()
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        paints, works = zip(*(paint(page, session, file) for _ in range(LOADS)), strict=True)
        for name, (station, target) in FIGURES.items():
            rows.append({"figure": name, "station": station} | drag(page, session, station, target))
            print(rows[-1], flush=True)
        version = browser.version
        browser.close()
    head = (
        f"Chromium {version}, headless, 1440 x 900. {machine()}\n\nSize: {size / 1000:.0f} kB "
        f"(at most {MOST_BYTES / 1000:.0f}). First contentful paint (at most {MOST_PAINT} ms), of {LOADS} loads: the "
        f"quickest {min(paints):.0f} ms, the median {median(paints):.0f} ms, which other programs on the machine "
        f"delay; work of the page's main thread until the first station is there: {median(works):.0f} ms, at most "
        f"{max(works):.0f} ms.\n\nWork a frame while something is dragged (at most {MOST_FRAME} ms): processor time of "
        f"the page's main thread. On a busy machine there are more frames than the {MOVES} moves: a move's share of "
        "all the work is then an upper bound of that of a frame with a move."
    )
    return f"{head}\n\n{table(rows)}"


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lecture", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    text = section()
    print(text)
    if arguments.write:
        keep_section(TITLE, text)


if __name__ == "__main__":
    main()
