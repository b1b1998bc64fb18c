"""The tour in a browser."""

import pytest

from .driving import lr_slider, until

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser").expect


# --- the tour ---------------------------------------------------------------------------------------------------------


def test_every_stop_of_the_tour_opens(open_page):
    page = open_page()
    stops = page.evaluate("Steepest.tour.map(({ title, sentence }) => ({ title, sentence }))")
    assert len(stops) >= 15  # rows 2 to 16 of the lecture
    page.click("#tour-open")
    for stop in stops:
        expect(page.locator("#tour h2")).to_have_text(stop["title"]["en"])
        expect(page.locator("#tour p")).to_have_text(stop["sentence"]["en"])
        page.wait_for_selector("#story .told")
        page.keyboard.press("PageDown")  # as a presenter's remote control does
    page.click("#language")
    expect(page.locator("#tour p")).to_have_text(stops[-1]["sentence"]["zh"])
    page.locator("#tour .close").click()
    expect(page.locator("#tour")).to_be_hidden()


def test_the_tour_keeps_the_readers_state_starts_at_step_0_and_can_be_linked(open_page):
    link = "on=himmelblau&rule=adam(lr=0.2)&steps=40&step=7"
    page = open_page(link)
    mine = until(page, "true")
    page.click("#tour-open")
    page.keyboard.press("PageDown")
    state = until(page, "state.tour === 'noise-escapes'")
    assert state["step"] == 0 and page.evaluate("location.hash") == "#tour=noise-escapes"
    expect(page.locator("#now")).to_have_text("0 / 100")
    lr_slider(page).focus()
    page.keyboard.press("ArrowRight")
    state = until(page, "state.rules[0].settings.lr > 0.05")  # what the reader changes there is in the link as well
    other = open_page(page.evaluate("location.hash.slice(1)"))
    assert until(other, "true") == state
    expect(other.locator("#tour h2")).to_have_text("Noise kicks it out")
    page.locator("#tour .close").click()
    assert until(page, "!state.tour") == mine
    other.locator("#tour .close").click()  # of one who came by a link, the stop is all there is
    assert until(other, "!state.tour")["landscape"] == "two_minima"
