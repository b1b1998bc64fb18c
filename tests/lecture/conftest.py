"""The lecture in headless Chromium, opened from the disk and watched."""

import pytest

from steepest.lecture import build_lecture

PATIENCE = 30
"""Seconds for what takes one on a machine that is not busy."""


@pytest.fixture(scope="session")
def lecture_file(tmp_path_factory):
    return build_lecture().save(tmp_path_factory.mktemp("lecture") / "lecture.html")


@pytest.fixture
def open_lecture(browser, lecture_file):
    """Open the lecture at a link; at the end nothing must have gone wrong in it, and its console be empty."""
    contexts, wrong = [], []

    def open_(link: str = "", **options):
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 860}, "locale": "en-US", "reduced_motion": "reduce", **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "blob:", "data:")) else wrong.append(request.url),
        )
        page.goto(lecture_file.as_uri() + (f"#{link}" if link else ""))
        page.wait_for_selector(".station h1")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
