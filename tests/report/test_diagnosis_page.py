"""The page of a watched training in a browser: what it shows to eyes, fingers, screen readers and paper.

Every page is watched: an error in its console, an uncaught exception or a request elsewhere fails the test.
"""

import math
import re

import pytest
import torch
from torch import nn

import steepest
from steepest.diagnose.curve import Curve
from steepest.diagnose.proof import Proof, Trial
from steepest.diagnose.record import LayerFacts, LossFacts, StepFacts, Tick
from steepest.diagnose.signs import settle
from steepest.findings.catalogue import DIAGNOSES

from ..accessibility import small_targets, violations

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser").expect

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True}
MOST_BYTES, LEAST_COLOURS = 300_000, 8
COLOURS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size; }"""
"""How many colours are on a canvas."""


def watched(steps=0, scale=1.0):
    """A small classifier whose gradients are never zeroed, or none of its steps; its inputs have this deviation."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    doctor = steepest.watch(model, optimizer, budget=1.0)
    for _ in range(steps):
        inputs = scale * torch.randn(32, 8)
        loss = nn.functional.cross_entropy(model(inputs), (inputs[:, 0] > 0).long())
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    doctor.close()
    return doctor


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A page with a finding, and what came of trying its advice."""
    doctor = watched(40)
    losses = [[1.0, 0.5, 0.2], [1.1, 0.6, 0.3]], [[1.0, 0.3, 0.05], [1.1, 0.2, 0.04]]
    trial = Trial(
        "start", 0, "recorded", *losses, [0.2, 0.3], [0.05, 0.04], [0.8, 0.9], 0.85, 0.5, 0.95, 0.95, "proved"
    )
    doctor.proofs.append(Proof("zero_grad", "proved", "zeroed", {}, (trial,)))
    return doctor.report(tmp_path_factory.mktemp("found") / "run.html")


@pytest.fixture(scope="module")
def huge(tmp_path_factory):
    """A page of a million steps of 200 layers with awkward names, some of which are not finite."""
    doctor = watched()
    record = doctor.record
    losses = [2.0 * math.exp(-step / 3e5) + 0.1 * math.sin(step) for step in range(1_000_000)]
    losses[600_000:600_050] = [40.0] * 50
    losses[700_000:700_500] = [math.nan] * 500
    record.losses = Curve(losses)
    settle(record)
    names = [f"blocks.{index}.<script>alert({index})</script>.{'mlp' * 12}.weight" for index in range(200)]
    for step in (0, 1, 2, 3, 5, 8, *range(100, 1_000_000, 5000)):
        layers = [
            LayerFacts(
                name,
                100,
                1.0,
                math.exp(-index / 20),
                math.nan if index == 9 else 0.0 if index == 3 else 1e-3,
                index / 400,
            )
            for index, name in enumerate(names)
        ]
        labels = {label: 1 + (step + label) % 5 for label in range(50)}
        loss = LossFacts("cross_entropy", losses[step], 1.0, labels)
        record.observe(Tick(step, 32, 1, [], loss, StepFacts(layers, raw=1e30, descent=0.1), math.sin(step), (0.1,)))
    record.prove("no_grad", step=3, name=names[70], count=1, of=200, kind="cut")
    record.prove("zero_grad", step=1)
    return doctor.report(tmp_path_factory.mktemp("huge") / "run.html")


@pytest.fixture
def open_page(browser):
    """Open a page; at the end nothing must have gone wrong in it."""
    contexts, wrong = [], []

    def open_(file, **options):
        contexts.append(
            browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options})
        )
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: request.url.startswith(("file:", "blob:")) or wrong.append(request.url))
        page.goto(file.as_uri())
        expect(page.locator("h1")).not_to_have_text("")
        page.wait_for_timeout(100)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


def is_wider_than_its_screen(page):
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


@pytest.mark.parametrize("lang", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("light", ["light", "dark"])
def test_axe_finds_nothing_serious(light, lang, found, open_page):
    page = open_page(found, color_scheme=light, locale=lang)
    assert violations(page) == [] and small_targets(page) == []


def test_a_finding_has_its_sentences_its_picture_and_what_was_tried(found, open_page):
    page = open_page(found)
    expect(page.locator("h1")).to_have_text("Gradients not zeroed, or too late.")
    finding = page.locator(".finding")
    expect(finding).to_have_attribute("data-code", "zero_grad")
    expect(finding).to_contain_text("at step")
    expect(finding).to_contain_text("PyTorch adds each new gradient to what is in .grad already")
    expect(finding).to_contain_text("What to do: Call optimizer.zero_grad() once")
    expect(finding).to_contain_text("Proved: with gradients zeroed before each step")
    assert "a gain of 85\u00a0% (" in finding.locator(".tried").inner_text()  # folded before the number
    assert finding.locator("h3").all_inner_texts() == ["Norm of the gradient", "Tried from the start"]
    for canvas in page.locator("canvas").all():
        assert canvas.evaluate(COLOURS) >= LEAST_COLOURS and canvas.get_attribute("aria-label")
    box = finding.locator("canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(finding.locator(".tip").first).to_contain_text("as the optimizer got it: ")
    (seen,) = page.locator(".looked .seen").all_inner_texts()
    assert seen.startswith("Gradients not zeroed, or too lateseen")


def test_how_often_a_finding_was_told_of_trainings_without_a_mistake(tmp_path, monkeypatch, open_page):
    monkeypatch.setitem(DIAGNOSES["findings"]["zero_grad"], "alarms", [1, 432])
    page = open_page(watched(10).report(tmp_path / "run.html"))
    expect(page.locator(".finding")).to_contain_text("Told in 1 of 432 trainings without a mistake.")
    expect(page.locator(".looked .seen")).to_contain_text("1 / 432")
    expect(page.get_by_text("Fractions are false alarms")).to_be_visible()


def test_chinese_sentences_end_and_go_on_with_chinese_punctuation(tmp_path, open_page):
    page = open_page(watched(10, scale=100.0).report(tmp_path / "run.html", "zh"))
    told = page.locator(".finding[data-code=input_scale] .hint").first.inner_text()
    assert told.startswith("首次出现于第 1 步。阈值：input_deviation 0.02 … 5，input_offset 4，input_columns 1000。"), (
        told
    )
    shown = page.locator("#told").inner_text()
    assert not re.findall(r"[\u4e00-\u9fff）][.,:;!?]|[。，：；？！] ", shown)


def test_language_and_light_are_switched_in_the_page(found, open_page):
    page = open_page(found)
    before = page.locator("canvas").first.get_attribute("aria-label")
    page.click("#language")
    expect(page.locator("h1")).to_have_text("梯度未清零，或清零的位置不对。")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.locator("canvas").first.get_attribute("aria-label") != before
    assert not page.locator(".finding").inner_text().isascii()
    page.click("#light")
    page.click("#light")
    assert page.evaluate("document.documentElement.dataset.light") == "dark"
    page.click("#language")
    expect(page.locator("h1")).to_have_text("Gradients not zeroed, or too late.")


def test_a_page_fits_a_phone(found, open_page):
    page = open_page(found, **PHONE)
    assert not is_wider_than_its_screen(page) and small_targets(page) == []
    text, picture = (page.locator(f".finding > {part}").first.bounding_box() for part in (".text", "figure"))
    assert picture["y"] >= text["y"] + text["height"]  # below one another


def test_on_paper_pictures_are_light(found, open_page):
    page = open_page(found, color_scheme="dark")
    paper = "canvas => canvas.getContext('2d').getImageData(canvas.width - 3, canvas.height - 3, 1, 1).data.join()"
    ink = "() => getComputedStyle(document.querySelector('[data-steepest] > div')).getPropertyValue('--paper').trim()"
    assert page.evaluate(ink) == "#15181c"
    page.emulate_media(media="print")
    page.wait_for_timeout(300)
    assert page.evaluate(ink) == "#ffffff" and page.locator("canvas").first.evaluate(paper) == "0,0,0,0"
    expect(page.locator(".colours").first).to_be_visible()
    assert len(page.pdf(format="A4")) > 10_000


def test_a_million_steps_of_many_layers_with_awkward_names(huge, open_page):
    assert huge.stat().st_size < MOST_BYTES
    page = open_page(huge)
    assert not is_wider_than_its_screen(page) and violations(page) == []
    expect(page.locator(".finding[data-code=no_grad]")).to_contain_text("blocks.70.<script>alert(70)</script>")
    for canvas in page.locator("canvas").all():
        assert canvas.evaluate(COLOURS) >= LEAST_COLOURS
    layers = page.locator(".drawing.map").first
    box = layers.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(layers.locator(".tip")).to_contain_text("…")
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(100)
    assert not is_wider_than_its_screen(page)


def test_a_training_without_findings_and_one_without_steps_have_pages(tmp_path, open_page):
    page = open_page(watched().report(tmp_path / "none.html"))
    expect(page.locator("h1")).to_have_text("Nothing was found.")
    assert page.locator("canvas").count() == 0 and page.locator(".looked .seen").count() == 0
    assert page.locator(".looked li").count() > 30 and violations(page) == []
