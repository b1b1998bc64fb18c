"""Learning rates that the playground proposes, and presses that are meant for something else than the start."""

import pytest

from .driving import CORE, ROOT, middle, until

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser").expect


def test_a_rate_set_by_hand_stays_and_proposals_are_undone(open_page):
    page = open_page()
    page.locator("#rules .rule").first.locator("input[type=text]").first.fill("0.123")
    page.click("#pick")
    page.fill("#gallery input", "banana")
    page.locator("#gallery .tile:visible").click()
    rates = "state.rules.map(({ settings }) => settings.lr)"
    state = until(page, f"state.landscape === 'rosenbrock' && {rates}[1] < 0.1")
    assert state["rules"][0]["settings"]["lr"] == 0.123
    expect(page.locator("#toast")).to_contain_text("What you set by hand stays: SGD.")
    page.get_by_role("button", name="Undo").click()
    until(page, f"{rates}.join() === '0.123,0.1,0.4' && state.landscape === 'rosenbrock'")
    page.click("#pick")
    page.fill("#gallery input", "himmelblau")
    page.locator("#gallery .tile:visible").click()
    page.get_by_role("button", name="Set these too").click()
    until(page, f"{rates}[0] < 0.1")
    assert page.locator("#story .told[data-status=diverged]").count() == 0
    page.reload()  # a link holds no hint of what was proposed, but proposals are known by their size
    page.evaluate(CORE)
    page.click("#pick")
    page.fill("#gallery input", "booth")
    page.locator("#gallery .tile:visible").click()
    expect(page.locator("#toast")).to_contain_text("set to suit Booth")


def test_a_typed_formula_gets_rates_that_suit_it(open_page):
    page = open_page()
    page.fill("#formula", "100*x**2 + y**2")
    state = until(page, "state.rules[0].settings.lr !== 0.4")
    assert state["rules"][0]["settings"]["lr"] <= 0.01
    expect(page.locator("#toast")).to_contain_text("set to suit 100*x**2 + y**2")
    page.wait_for_function(f"() => !{ROOT}.querySelector('#story .told[data-status=diverged]')")
    page.get_by_role("button", name="Undo").click()
    until(page, "state.rules[0].settings.lr === 0.4")
    page.fill("#formula", "90*x**2 + y**2")
    until(page, "state.landscape.formula === '90*x**2 + y**2'")
    page.wait_for_timeout(1000)
    assert until(page, "true")["rules"][0]["settings"]["lr"] == 0.4  # what was undone is the reader's own
    page.click("#rules .add")
    page.locator("#adding .choice", has=page.get_by_text("RMSProp", exact=True)).click()
    page.wait_for_selector("#story .told:nth-child(4):not([data-status=diverged])")


def test_neither_a_double_click_nor_a_pinch_moves_the_start(open_page):
    page = open_page("on=ravine&rule=sgd(lr=0.1)&window=-6:6,-3:3", has_touch=True)
    x, y = middle(page)
    page.mouse.dblclick(x, y)
    state = until(page, "!state.view.window")
    assert state["start"] == [-5, -2]
    page.mouse.click(x, y)
    start = until(page, "state.start[0] !== -5")["start"]  # one click does
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        points = [{"x": px, "y": py, "id": finger} for finger, (px, py) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x - 60, y + 40))
    touch("touchMove", (x - 66, y + 44))
    touch("touchStart", (x - 66, y + 44), (x + 60, y - 40))
    for far in (70, 90, 120):
        touch("touchMove", (x - far, y + 40), (x + far, y - 40))
    touch("touchEnd")
    assert until(page, "state.view.window")["start"] == start
