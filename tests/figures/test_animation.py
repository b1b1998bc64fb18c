"""Animations: what is shown when, what the files hold, and that an interrupt leaves nothing behind."""

import base64
import json
import re
import stat
import sys
import zlib
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image, features

from steepest import trace
from steepest.base.errors import InvalidValue
from steepest.base.text import Text
from steepest.figures import animations
from steepest.figures.animations import FIRST, LAST, animate
from steepest.figures.looks import colors_and_marks
from steepest.figures.path_data import frame_of, heights_of, tracks_of
from steepest.figures.player_page import page
from steepest.figures.scenes import Scene, at, clock, moves_of
from steepest.figures.style import LIGHT
from steepest.rules import Adam
from steepest.rules.base import Rule, hyperparameter

RATES = {"sgd": 0.002, "momentum": 0.001, "adagrad": 0.5, "rmsprop": 0.05, "adam": 0.1, "nesterov": 0.001}


@pytest.fixture(scope="module")
def six():
    """Six rules on a busy landscape."""
    return [trace(rule, "rastrigin", lr=lr, steps=100) for rule, lr in RATES.items()]


@pytest.fixture(scope="module")
def two():
    return [trace("sgd", "ravine", lr=lr, steps=12) for lr in (0.4, 0.6)]


def moves(*paths):
    frame = frame_of(paths)
    tracks = tracks_of(paths, frame)
    return moves_of(tracks, frame, heights_of(tracks, frame))


def frames_of(file):
    """Pictures of an animation with their durations."""
    with Image.open(file) as image:
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            yield np.asarray(image.convert("RGB")).astype(int), image.info["duration"]


# --- time -------------------------------------------------------------------------------------------------------------


def test_between_two_steps_the_point_is_on_the_line_between_them():
    points = np.array([[0.0, 0.0], [4.0, 2.0], [4.0, 6.0]])
    assert at(points, 0).tolist() == [[0, 0]]
    assert at(points, 0.25).tolist() == [[0, 0], [1, 0.5]]
    assert at(points, 1.5).tolist() == [[0, 0], [4, 2], [4, 4]]
    assert at(points, 2).tolist() == at(points, 99.5).tolist() == points.tolist()
    values = np.array([100.0, 1.0, 0.0])
    np.testing.assert_allclose(at(values, 0.5, log=True), [100, 10])
    np.testing.assert_allclose(at(values, 1.5, log=True), [100, 1, 0.5])  # 0 has no logarithm


def test_frames_are_even_in_steps_unless_most_of_the_way_is_made_at_once():
    steady = clock(moves(trace("adam", "parabola", lr=0.05, steps=50)), 101)
    np.testing.assert_allclose(steady, np.linspace(0, 50, 101), atol=1e-9)
    rushing = trace("sgd", "ravine", lr=0.05, start=(-0.5, 4.0), steps=200)
    rush = clock(moves(rushing), 101)
    assert rush[0] == 0 and rush[-1] == 200 and (np.diff(rush) > 0).all()
    hops = np.linalg.norm(np.diff(rushing.x, axis=0), axis=1)
    way = np.concatenate([[0.0], np.cumsum(hops)]) / hops.sum()
    expected = (np.interp(rush, range(201), way) + rush / 200) / 2  # half of the time is steps, half is way
    np.testing.assert_allclose(expected, np.linspace(0, 1, 101), atol=1e-9)


def test_a_path_that_rests_or_leaves_has_a_clock_too():
    resting = clock(moves(trace("sgd", "bowl", start=(0.0, 0.0), steps=10)), 6)
    np.testing.assert_allclose(resting, [0, 2, 4, 6, 8, 10])
    leaving = clock(moves(trace("sgd", "ravine", lr=0.6, steps=20)), 50)
    assert leaving[-1] == 20 and (np.diff(leaving) > 0).all()


def test_a_scene_grows_from_the_start_to_the_whole_paths(two):
    scene = Scene(two, 30, None, "en", False)
    pictures = [scene.picture(moment).astype(int) for moment in scene.moments]
    inked = [(np.abs(each - scene.still).max(axis=2) > 30).sum() for each in pictures]
    assert 100 < inked[0] < inked[10] < inked[-1]
    assert all(side % 2 == 0 for side in scene.still.shape[:2])
    np.testing.assert_array_equal(scene.picture(scene.moments[3]), pictures[3])  # in any order
    for path in tracks_of(two, frame_of(two)):
        colour = 255 * np.array(to_rgb(path.look.colour))
        assert (np.abs(pictures[-1] - colour).max(axis=2) < 3).any()


def test_a_value_that_leaves_its_panel_is_not_drawn_over_the_words(two):
    scene = Scene(two, 25, None, "en", False)
    changed = np.abs(scene.picture(4.3).astype(int) - scene.still).max(axis=2) > 30
    changed[:25, -200:] = False  # the step
    half = changed.shape[1] // 2
    panel = np.flatnonzero((scene.still[:, half:] != scene.still[0, 0]).any(axis=(1, 2)))
    top = panel[panel > 45][0]  # below the words above the panel
    assert changed[top:, half:].any() and not changed[: top - 2, half:].any()


def test_the_step_is_counted(two):
    scene = Scene(two, 25, None, "en", False)
    corner = np.s_[:40, -200:]
    shown = [scene.picture(moment)[corner].tobytes() for moment in (0.0, 0.5, 1.0, 1.999, 12.0)]
    assert shown[0] == shown[1] != shown[2] == shown[3] != shown[4]


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_gif_of_six_rules_on_a_busy_landscape_is_small_and_endless(six, tmp_path):
    file = animate(six, tmp_path / "six.gif", frames=50)
    assert file.stat().st_size < 600_000  # a quarter of what is allowed
    with Image.open(file) as image:
        assert image.n_frames == 50 and image.info["loop"] == 0
    shown = list(frames_of(file))
    assert [duration for _, duration in shown] == [FIRST, *[120] * 48, LAST]
    scene = Scene(six, 50, None, "en", False)
    for number in (0, 18, 49):
        apart = np.abs(shown[number][0] - scene.picture(scene.moments[number]))
        assert np.sqrt((apart**2).mean()) < 3 and (apart.max(axis=2) > 60).mean() < 1e-4
    for colour in [*(colors_and_marks(rule).colour for rule in RATES), LIGHT.star, LIGHT.ink, LIGHT.paper]:
        assert (np.abs(shown[-1][0] - 255 * np.array(to_rgb(colour))).max(axis=2) < 3).any(), colour
    assert shown[-1][0][0, 0].tolist() == [255, 255, 255]


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")
def test_a_webp_has_the_same_pictures(two, tmp_path):
    file = animate(two, tmp_path / "two.webp", frames=12, dark=True)
    shown = list(frames_of(file))
    assert [duration for _, duration in shown] == [FIRST, *[500] * 10, LAST]
    scene = Scene(two, 12, None, "en", True)
    for (picture, _), moment in zip(shown, scene.moments, strict=True):
        assert np.sqrt(((picture - scene.picture(moment)) ** 2).mean()) < 6


def write_program(folder, text):
    """A program that stands in for ffmpeg."""
    program = folder / "ffmpeg"
    program.write_text(f"#!{sys.executable}\nimport sys\n{text}", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


@pytest.mark.skipif(sys.platform == "win32", reason="programs start otherwise there")
def test_a_video_hands_every_picture_to_ffmpeg(two, tmp_path, monkeypatch):
    keep = "open(sys.argv[-1], 'wb').write(' '.join(sys.argv[1:-1]).encode() + sys.stdin.buffer.read())"
    monkeypatch.setattr(animations, "_ffmpeg", lambda: write_program(tmp_path, keep))
    made = animate(two, tmp_path / "two.mp4", frames=10).read_bytes()
    scene = Scene(two, 10, None, "en", False)
    height, width, _ = scene.still.shape
    assert f"-s {width}x{height} -r 1.6667".encode() in made
    pictures = made[made.index(b"faststart") + len(b"faststart") :]
    size = width * height * 3
    shown = [pictures[place : place + size] for place in range(0, len(pictures), size)]
    assert len(shown) == 1 + 8 + round(LAST / 600)
    assert shown[0] == scene.picture(scene.moments[0]).tobytes()
    assert shown[-1] == shown[9] == scene.picture(scene.moments[-1]).tobytes()


@pytest.mark.skipif(sys.platform == "win32", reason="programs start otherwise there")
def test_a_video_that_fails_says_why_and_leaves_nothing(two, tmp_path, monkeypatch):
    fail = "sys.stderr.write('no such\\ncodec'); sys.exit(1)"
    program = write_program(tmp_path, fail)
    monkeypatch.setattr(animations, "_ffmpeg", lambda: program)
    with pytest.raises(InvalidValue, match=r"^ffmpeg failed: no such codec; save a \.gif, \.webp or \.html instead$"):
        animate(two, tmp_path / "two.mp4", frames=5)
    assert [each.name for each in tmp_path.iterdir()] == ["ffmpeg"]


def test_a_real_video_where_there_is_ffmpeg(two, tmp_path):
    if animations._ffmpeg() is None:
        pytest.skip("there is no ffmpeg here")
    file = animate(two, tmp_path / "two.mp4", frames=10)
    assert file.read_bytes()[4:8] == b"ftyp" and file.stat().st_size > 5000


def test_without_ffmpeg_a_video_is_refused_with_the_remedy(two, tmp_path, monkeypatch):
    monkeypatch.setattr(animations, "_ffmpeg", lambda: None)
    with pytest.raises(
        InvalidValue, match=r"two\.mp4: an \.mp4 needs ffmpeg, which is not here; install ffmpeg, or pip"
    ):
        animate(two, tmp_path / "two.mp4")


@pytest.mark.parametrize("kind", ["gif", "webp", "html"])
def test_an_interrupt_leaves_the_old_file(kind, two, tmp_path, monkeypatch):
    file = tmp_path / f"two.{kind}"
    file.write_text("old")

    def interrupt(*_):
        raise KeyboardInterrupt

    if kind != "gif":
        monkeypatch.setattr(type(tmp_path), "replace", interrupt)  # at the last moment
    with pytest.raises(KeyboardInterrupt):
        animate(two, file, frames=5, on_frame=interrupt if kind == "gif" else None)
    assert file.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_progress_is_told_frame_by_frame(two, tmp_path):
    told = []
    animate(two, tmp_path / "two.gif", frames=4, on_frame=lambda *done: told.append(done))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


REFUSED = {
    "an animation is a .gif, .webp, .mp4 or .html file": {"file": "a.avi"},
    "frames: must be a whole number from 2 to 1000, got 1": {"file": "a.gif", "frames": 1},
    "frames: must be a whole number from 2 to 1000, got 2.5": {"file": "a.gif", "frames": 2.5},
    "lang: must be en or zh, got 'fr'": {"file": "a.gif", "lang": "fr"},
    "cannot be written": {"file": "missing/a.gif", "frames": 2},
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_made_is_refused(message, two, tmp_path):
    settings = dict(REFUSED[message])
    with pytest.raises(InvalidValue, match=re.escape(message)):
        animate(two, tmp_path / settings.pop("file"), **settings)
    assert list(tmp_path.iterdir()) == []


CASES = {
    "one dimension": (["sgd", "momentum"], "two_minima", {"lr": 0.1}),
    "three dimensions": (["sgd"], "x1**2 + x2**2 + 10*x3**2", {"lr": 0.04}),
    "no value at the start": (["sgd"], "log(-1 - x**2 - y**2)", {}),
    "gone in a step": (["sgd"], "goldstein_price", {"lr": 1.0}),
    "overflow": (["sgd"], "x**2 + y**2", {"lr": 1e308, "steps": 3}),
    "one step": (["sgd"], "bowl", {"steps": 1, "lr": 0.1}),
    "flat": (["sgd"], "0*x + 0*y + 3", {}),
    "leaves": (["sgd", "adam"], "ravine", {"lr": 0.6}),
    "many steps": (["sgd"], "bowl", {"lr": 1e-3, "steps": 5000}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_path_can_be_animated(case, browser, tmp_path):
    names, on, settings = CASES[case]
    paths = [trace(name, on, **settings) for name in names]
    assert animate(paths, tmp_path / "a.gif", frames=3, title="5 $ or 9 $ <b>").stat().st_size > 2000
    file = animate(paths, tmp_path / "a.html", title="5 $ or 9 $ <b>")
    text = file.read_text(encoding="utf-8")
    assert "<h1>5 $ or 9 $ &lt;b&gt;</h1>" in text
    state = state_of(text)
    kept = state["kept"] or range(paths[0].steps + 1)
    assert kept[0] == 0 and kept[-1] == paths[0].steps and len(kept) <= 2001
    opened = open_quietly(browser, file, reduced_motion="reduce")
    assert opened.locator("#now").text_content() == f"{paths[0].steps} / {paths[0].steps}"
    assert opened.locator("#stage").count() == (1 if paths[0].landscape.dims <= 2 else 0)
    opened.close()


# --- the page ---------------------------------------------------------------------------------------------------------


def script_in(text):
    packed = re.search(r'<script type="text/plain">([^<]+)</script>', text)[1]
    return zlib.decompress(base64.b64decode(packed)).decode()


def state_of(text):
    """What the page knows of its paths, but for the landscape, which has a function."""
    found = re.search(r", \.\.\.(\{\"tracks\".*)\}\}\);\n\}\)\(\);\n$", script_in(text))
    return json.loads(found[1])


def open_quietly(browser, file, **options):
    """Open a page; whatever it complains of, or asks for elsewhere, is an error."""
    opened = browser.new_page(**options)

    def wrong(what):
        raise AssertionError(what)

    opened.on("pageerror", lambda error: wrong(str(error)))
    opened.on("console", lambda message: wrong(message.text))
    opened.on("request", lambda request: None if request.url.startswith(("file:", "blob:")) else wrong(request.url))
    opened.goto(file.as_uri())
    opened.wait_for_selector("#legend li")
    return opened


class Tags(HTMLParser):
    """The attributes of all tags."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_a_page_needs_nothing_else_and_is_small(six):
    text = page(six).html
    assert len(text.encode()) < 150_000
    for tag, attributes in Tags(text).found:
        assert tag not in ("link", "img", "iframe", "object", "embed", "foreignobject")
        assert not {"src", "href", "xlink:href"} & set(attributes)
    script = script_in(text)
    assert set(re.findall(r"https?://[^\"'` <]+", text + script)) <= {
        "http://www.w3.org/1998/Math/MathML", "http://www.w3.org/2000/svg",
    }  # fmt: skip
    assert "default-src 'none'" in text and "script-src 'sha256-" in text and "unsafe-eval" not in text


def test_a_page_puts_points_where_they_are(two):
    state, lookups = state_of(page(two).html), [track.look for track in tracks_of(two, frame_of(two))]
    for track, path, look in zip(state["tracks"], two, lookups, strict=True):
        np.testing.assert_allclose(np.reshape(track["x"], path.x.shape), path.x, rtol=1e-6)
        np.testing.assert_allclose(track["f"], path.f, rtol=1e-6)
        assert track["look"]["color"] == look.colour and track["look"]["colorDark"] != ""
        assert track["message"] == {lang: path.finding.happened(lang) for lang in ("en", "zh")}
    assert state["kept"] is None and state["clock"][0] == 0 and state["clock"][-1] == 12


def test_a_page_has_both_languages_and_opens_in_one(browser, two, tmp_path):
    file = animate(two, tmp_path / "two.html", lang="zh")
    assert '<html lang="zh">' in file.read_text(encoding="utf-8")
    opened = open_quietly(browser, file, locale="en-US", reduced_motion="reduce")
    seen = [opened.locator(each).inner_text() for each in ("#about", ".values h2", "#caption", "#legend", ".keys")]
    assert all(re.search("[一-鿿]", text) for text in seen), seen
    opened.click("#language")
    opened.wait_for_selector("[lang=en] #about")
    seen = [opened.locator(each).inner_text() for each in ("#about", ".values h2", "#caption", "#legend", ".keys")]
    assert not any(re.search("[一-鿿]", text) for text in seen), seen
    opened.close()


@dataclass(frozen=True, kw_only=True)
class Halving(Rule):
    """A rule that the browser does not have."""

    title = "Halving"
    helps = fails = Text("Known to this test.", "仅此测试可知。")

    lr: float = hyperparameter(0.5, r"\eta", "learning rate")

    def init(self, param):
        return {}

    def update(self, grad, param, step):
        return (-self.lr * param,)


def test_a_page_plays_what_the_browser_could_not_compute(browser, tmp_path):
    """A rule of a user's own, noise and a schedule, on a formula: Python computes, the page shows."""
    settings = {"start": (2, 1), "steps": 30, "noise": 0.3, "schedule": "cosine"}
    paths = [trace(rule, "log(1 + x**2) + y**2", **settings) for rule in (Adam(lr=0.1), Halving())]
    opened = open_quietly(browser, animate(paths, tmp_path / "a.html"), reduced_motion="reduce")
    shown = opened.locator("#legend output").all_text_contents()
    values = [float(each.removeprefix("f = ").replace("−", "-")) for each in shown]
    np.testing.assert_allclose(values, [path.f[-1] for path in paths], rtol=1e-3)  # four digits
    opened.close()


def test_long_paths_are_thinned_out_but_end_where_they_end():
    path = trace("adam", "bowl", lr=1e-3, steps=10_000)
    state = state_of(page([path]).html)
    assert len(state["kept"]) == 2001 and state["kept"][-1] == 10_000
    np.testing.assert_allclose(state["tracks"][0]["x"][-2:], path.x[-1], rtol=1e-6)
    assert state["clock"][-1] == 2000  # in kept points


@pytest.mark.filterwarnings("default")  # the browser's driver leaves sockets to the collector
def test_the_page_plays_pauses_scrubs_and_switches_the_language(browser, two, tmp_path):
    from playwright.sync_api import expect

    file = animate(two, tmp_path / "two.html", lang="en")
    opened = open_quietly(browser, file, reduced_motion="no-preference")
    now, told = opened.locator("#now"), opened.locator("#legend .told:not(.untold)")
    expect(now).to_have_text(re.compile("^[2-9]"))  # it plays by itself
    opened.click("#play")
    paused = now.text_content()
    opened.wait_for_timeout(150)
    assert now.text_content() == paused
    opened.keyboard.press("End")
    expect(now).to_have_text("12 / 12")
    expect(told).to_have_count(2)
    opened.keyboard.press("ArrowLeft")
    expect(now).to_have_text("11 / 12")
    expect(told).to_have_count(0)
    opened.keyboard.press("ArrowRight")
    expect(now).to_have_text("12 / 12")
    opened.keyboard.press("Home")
    expect(now).to_have_text("0 / 12")
    seen = opened.locator("#stage canvas").last
    expect(seen).to_have_attribute("aria-label", re.compile(r"SGD lr=0.4 is at \(−5, −2\)"))
    opened.locator("#scrub").fill("7")
    expect(now).to_have_text("7 / 12")
    expect(opened.locator("#legend output").first).to_have_text(f"f = {two[0].f[7]:.4g}")
    opened.click("#language")
    expect(opened.locator("html")).to_have_attribute("lang", "zh-CN")
    assert "函数值" in opened.locator(".values h2").inner_text()
    opened.keyboard.press("End")
    expect(told.last).to_have_text(two[1].finding.happened("zh") + "。")
    opened.close()
    still = open_quietly(browser, file, reduced_motion="reduce")
    still.wait_for_timeout(150)
    assert still.locator("#now").text_content() == "12 / 12"  # nothing moves: the whole picture
    still.close()


def test_the_page_is_light_and_dark_and_fits_a_phone(browser, two, tmp_path):
    file = animate(two, tmp_path / "two.html")
    for scheme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 24, 28)")):
        opened = open_quietly(
            browser, file, color_scheme=scheme, reduced_motion="reduce", viewport={"width": 390, "height": 844}
        )
        assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == paper
        assert opened.locator(".paths").evaluate("each => getComputedStyle(each).backgroundColor") == paper
        assert opened.evaluate("document.documentElement.scrollWidth") <= 390
        opened.close()


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gif", "html"])
def test_trace_animates_by_the_ending(kind, command, tmp_path):
    code, printed, complaint = command(f"trace sgd adam --on bowl --lr 0.1 --steps 9 --frames 5 --save a.{kind} --dark")
    assert (code, complaint) == (0, "")
    assert printed.splitlines()[-1] == f"drawn to a.{kind}"
    assert [each.name for each in tmp_path.iterdir()] == [f"a.{kind}"]


def test_without_a_chinese_font_the_command_says_so_in_a_line(command, monkeypatch, tmp_path):
    monkeypatch.setattr("steepest.figures.style._chinese_fonts", list)
    code, _, complaint = command("trace sgd --on bowl --lr 0.1 --steps 9 --lang zh --save a.svg")
    assert code == 0 and (tmp_path / "a.svg").is_file()
    assert complaint.startswith("steepest: 没有安装中文字体") and complaint.count("\n") == 1


BAD = {
    "trace sgd --save a.avi": "a.avi: a figure is a .png, .svg or .pdf file, an animation a .gif, .webp, .mp4 or .html",
    "trace sgd --save a.gif --surface": "a.gif: an animation has no --surface",
    "trace sgd --save a.gif --frames 1": "frames: must be a whole number from 2 to 1000, got 1",
    "trace sgd --save a.png --lang fr": "lang: must be en or zh, got 'fr'",
    "trace sgd --save missing/a.gif --frames 2": "missing/a.gif: cannot be written",
}


@pytest.mark.parametrize("arguments", BAD)
def test_a_bad_command_gets_one_line_and_leaves_nothing(arguments, command, tmp_path):
    code, printed, complaint = command(arguments)
    assert (code, printed) == (2, "")
    assert BAD[arguments] in complaint and complaint.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
