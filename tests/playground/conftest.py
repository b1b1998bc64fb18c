"""A playground in headless Chromium, opened from the disk and watched."""

from pathlib import Path

import pytest

from steepest.playground import build_page

from .driving import CORE, PATIENCE, is_elsewhere


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return build_page("en").save(tmp_path_factory.mktemp("page") / "playground.html")


@pytest.fixture
def open_page(browser, file):
    """Open the page, at a link if one is given; at the end nothing must have gone wrong in it."""
    contexts, wrong = [], []

    def open_(link: str = "", **options):
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 860}, "accept_downloads": True, **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if is_elsewhere(request.url) else None)
        page.goto(file.as_uri() + (f"#{link}" if link else ""))
        page.evaluate(CORE)
        page.wait_for_selector("#story .told")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
