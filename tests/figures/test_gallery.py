"""The gallery: each script makes its one picture, and the page shows them all."""

import importlib.util
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sorted((ROOT / "examples/gallery").glob("*.py"))
BUILDER = ROOT / "tools/gallery.py"


@pytest.fixture(scope="module")
def builder():
    spec = importlib.util.spec_from_file_location("gallery", BUILDER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_makes_the_picture_that_the_page_shows(script, builder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    (made,) = tmp_path.iterdir()
    text = script.read_text(encoding="utf-8")
    assert made.name == builder.picture(text) and made.stem == script.stem
    assert (builder.PICTURES / made.name).is_file()
    if made.suffix == ".svg":
        assert "<svg" in made.read_text(encoding="utf-8")
    else:
        with Image.open(made) as image:
            assert image.width > 800 and len(np.unique(np.asarray(image.convert("L").resize((60, 60))))) > 5


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_is_short_and_tells_what_it_shows_in_two_languages(script, builder):
    text = script.read_text(encoding="utf-8")
    assert 10 <= len(text.splitlines()) <= 25
    heading, picture, english, chinese, link = builder.entry(script.stem)
    assert heading.startswith("## ") and heading.rstrip().endswith(f" · {builder.TITLES[script.stem]}")
    assert english.strip() in picture and english.rstrip().endswith(".")
    titles = re.findall(r'title = Text\("[^"]+", "([^"]+)"\)', text)
    assert len(titles) == text.count("steepest.base.text")
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese) and chinese.rstrip().endswith("。")
    assert f"(../examples/gallery/{script.name})" in link


def test_the_page_is_what_the_builder_prints(builder, capsys, monkeypatch, tmp_path):
    assert builder.main(["--check"]) == 0
    monkeypatch.setattr(builder, "PAGE", tmp_path / "gallery.md")
    builder.PAGE.write_text("another")
    assert builder.main(["--check"]) == 1
    assert "run: python tools/gallery.py" in capsys.readouterr().err


def test_pictures_are_small_and_there_is_no_other(builder):
    texts = [script.read_text(encoding="utf-8") for script in SCRIPTS]
    assert {each.name for each in builder.PICTURES.iterdir()} == {builder.picture(text) for text in texts}
    with_words = {builder.picture(text) for text in texts if "steepest.figures" in text}
    assert {each.name for each in builder.IN_CHINESE.iterdir()} == with_words
    for each in (*builder.PICTURES.iterdir(), *builder.IN_CHINESE.iterdir()):
        assert each.stat().st_size < (200_000 if each.suffix == ".gif" else 100_000), each.name


def test_a_script_that_is_not_in_the_order_is_told(builder, monkeypatch, capsys):
    monkeypatch.setattr(builder, "TITLES", dict(list(builder.TITLES.items())[1:]))
    assert builder.main(["--check"]) == 1
    assert "TITLES does not name the scripts" in capsys.readouterr().err


def test_a_picture_is_made_smaller_but_keeps_its_colours(builder, monkeypatch):
    across, down = np.meshgrid(np.arange(1600) // 16, np.arange(500) // 16)
    ramp = np.stack([2 * across, 7 * down, 99 * (across ^ down) % 256], axis=-1).astype(np.uint8)
    ramp[100:400, 100:1500] = (0, 114, 178)
    drawn = io.BytesIO()
    Image.fromarray(ramp).save(drawn, "PNG")
    monkeypatch.setattr(builder, "LARGEST", 9_000)
    small = builder.smaller("a.png", drawn.getvalue())
    assert len(small) <= builder.LARGEST
    with Image.open(io.BytesIO(small)) as image:
        middle = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
        assert image.width <= 1400 and max(abs(a - b) for a, b in zip(middle, (0, 114, 178), strict=True)) <= 3
    assert builder.smaller("a.svg", b"<svg/>") == b"<svg/>"


def test_a_script_runs_by_itself(tmp_path):
    done = subprocess.run([sys.executable, SCRIPTS[0]], cwd=tmp_path, capture_output=True, text=True,
                          env=os.environ | {"PYTHONWARNINGS": "error"}, timeout=120)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
