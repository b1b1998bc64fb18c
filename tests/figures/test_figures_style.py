"""The house style: languages, light and dark, and that it leaves nothing behind."""

import ast
import re
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex

import steepest.figures
from steepest import trace
from steepest.base.errors import InvalidValue
from steepest.base.text import Text
from steepest.figures import style
from steepest.figures.landscapes import NAMES
from steepest.figures.path_data import story
from steepest.figures.paths import draw_paths
from steepest.figures.style import DARK, LIGHT, house_style, in_language, language, save, theme, translate
from steepest.figures.words import CHINESE

FONT = "Noto Sans CJK SC"

needs_chinese = pytest.mark.skipif(not style._chinese_fonts(), reason="no font with Chinese characters is installed")


@pytest.fixture
def no_chinese(monkeypatch):
    monkeypatch.setattr(style, "_chinese_fonts", list)


@pytest.fixture(scope="module")
def paths():
    return [trace("sgd", "himmelblau", lr=0.01, steps=30), trace("adam", "himmelblau", lr=0.1, steps=30)]


def texts(figure) -> list[str]:
    return [each.get_text() for each in figure.findobj(matplotlib.text.Text) if each.get_text()]


# --- languages --------------------------------------------------------------------------------------------------------


def said() -> set[str]:
    """Every text that a module of figures says, as far as it stands there as a constant."""
    found = set()
    for file in Path(steepest.figures.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "translate":
                first = call.args[0]
                chosen = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                found |= {each.value for each in chosen if isinstance(each, ast.Constant)}
    return found


def test_all_that_figures_say_is_there_in_chinese():
    assert len(said()) > 15
    assert said() <= set(CHINESE)
    assert {name for _, name in NAMES.values()} <= set(CHINESE)
    for english, chinese in CHINESE.items():
        assert english.count("{}") == chinese.count("{}"), english
        assert any("\u4e00" <= character <= "\u9fff" for character in chinese), english


def test_words_follow_the_language_of_the_figure_that_is_made():
    with house_style():
        assert (translate("step"), translate("step {} of {}", 3, 10), language()) == ("step", "step 3 of 10", "en")
        with in_language("zh"):
            assert (translate("step"), translate("step {} of {}", 3, 10), language()) == (
                "步数",
                "第 3 步，共 10 步",
                "zh",
            )
        assert language() == "en"
    with pytest.raises(RuntimeError), in_language("zh"):
        raise RuntimeError
    assert language() == "en"


@needs_chinese
def test_a_chinese_figure_has_no_english_words(paths, tmp_path):
    found = texts(draw_paths(paths, lang="zh"))
    assert {"步数", "与最小值之差", "○ 起点    ★ 极小点    ✕ 鞍点", "每一步一个标记"} <= set(found)
    words = {word for text in found for word in text.replace("=", " ").split() if word.isalpha() and word.isascii()}
    assert words <= {"x", "y", "himmelblau", "SGD", "Adam", "lr"}
    save(draw_paths(paths, lang="zh"), tmp_path / "figure.png")  # every character has a glyph: no warning


@needs_chinese
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_figure_that_is_told_no_language_has_that_around_it_and_the_title_too(lang, paths):
    title = Text("Two rules", "两个算法")
    assert draw_paths(paths, title=title).get_suptitle() == "Two rules"
    with in_language(lang):
        figure = draw_paths(paths, title=title)
        assert figure.get_suptitle() == getattr(title, lang)
        assert ("步数" in texts(figure), "step" in texts(figure)) == (lang == "zh", lang == "en")
        assert draw_paths(paths, title=title, lang="en").get_suptitle() == "Two rules"


def test_without_a_chinese_font_a_figure_is_english_and_a_warning_says_so(paths, no_chinese):
    with pytest.warns(UserWarning, match="no font with Chinese characters is installed .* in English") as caught:
        figure = draw_paths(paths, lang="zh")
    assert len(caught) == 1
    assert texts(figure) == texts(draw_paths(paths))


def test_an_unknown_language_is_refused(paths):
    with pytest.raises(InvalidValue, match=r"^lang: must be en or zh, got 'fr'$"):
        draw_paths(paths, lang="fr")


STORIES = {
    "收敛到全局极小点 (0, 0)": ("sgd", "bowl", {"lr": 0.2}),
    "发散：从第 1 步起函数值一直上升，到 5.6e+06 (第 3 步离开画面)": ("sgd", "ravine", {"lr": 0.6, "steps": 20}),
    "一路下降没有尽头，第 26 步离开窗口：那里没有极小值让它停下 (第 26 步离开画面)": ("sgd", "saddle", {"lr": 0.1}),
    "卡在鞍点 (0, 0)，那里梯度为零": ("sgd", "saddle", {"lr": 0.2, "start": (-0.5, 0.0)}),
    "在 (-1.25, 0) 处仍在下降：函数值 1.562，梯度 2.5": ("sgd", "bowl", {"lr": 0.25, "steps": 2}),
    "第 2 步，(-1.1, 0.04) 处没有有限的函数值": ("sgd", "log(x) + y**2", {"lr": 0.6, "start": (1.0, 1.0), "steps": 3}),
    "在 3 处几乎不动，虽然梯度有 6": ("sgd", "parabola", {"lr": 0.0, "start": 3.0, "steps": 30}),
}


@pytest.mark.parametrize("chinese", STORIES)
def test_what_happened_is_told_in_chinese(chinese):
    rule, on, settings = STORIES[chinese]
    path = trace(rule, on, **settings)
    (track,) = steepest.figures.path_data.tracks_of([path], steepest.figures.path_data.frame_of([path]))
    with in_language("zh"):
        assert story(track) == f"{track.label}: {chinese}"
    assert story(track).startswith(f"{track.label}: {path.outcome.message.partition(';')[0]}")


# --- light and dark ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True])
def test_paper_is_what_the_theme_says_in_the_file_too(dark, paths, tmp_path):
    from PIL import Image

    colours = DARK if dark else LIGHT
    with Image.open(save(draw_paths(paths, dark=dark), tmp_path / "figure.png")) as drawn:
        image = np.asarray(drawn.convert("RGB"))
    assert to_hex(image[-1, -1] / 255) == colours.paper
    assert theme() is LIGHT


def test_a_dark_figure_has_no_colour_of_the_light_one(paths, tmp_path):
    text = save(draw_paths(paths, dark=True), tmp_path / "figure.svg").read_text(encoding="utf-8")
    for name in ("grey", "grid", "contour", "height"):
        assert getattr(DARK, name) in text and getattr(LIGHT, name) not in text, name


def test_the_style_ends_with_an_error_too():
    before = dict(matplotlib.rcParams)
    with pytest.raises(RuntimeError), house_style(dark=True):
        assert theme() is DARK
        raise RuntimeError
    assert theme() is LIGHT
    assert dict(matplotlib.rcParams) == before


def test_drawing_never_warns(paths, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for surface in (False, True):
            save(draw_paths(paths, surface=surface, dark=True), tmp_path / "figure.pdf")


@needs_chinese
def test_a_font_that_is_installed_after_matplotlib_made_its_list_is_found(monkeypatch):
    from matplotlib import font_manager

    before = [font for font in font_manager.fontManager.ttflist if not re.search("CJK|Noto Sans SC", font.name)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", before)
    count = len(before)  # of the list, which grows
    getattr(style._chinese_fonts, "cache_clear", lambda: None)()
    assert style._chinese_fonts() and len(font_manager.fontManager.ttflist) > count
