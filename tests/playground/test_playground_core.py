"""The playground's file: whole by itself, the same every time, small, and what `steepest play` does with it."""

import base64
import hashlib
import re
import shutil
import subprocess
import webbrowser
import zlib
from pathlib import Path

import pytest

import steepest
from steepest.base.errors import InvalidValue
from steepest.playground import build_facts, build_page, play
from steepest.web import script_of

MOST_BYTES = 250_000
PAGE = build_page().html
PACKED = re.search(r'<script type="text/plain">([^<]+)</script>', PAGE)[1]
SCRIPT = zlib.decompress(base64.b64decode(PACKED)).decode()


@pytest.mark.quick
def test_the_page_is_small_and_the_same_every_time():
    assert len(PAGE.encode()) < MOST_BYTES
    assert build_page().html == PAGE
    assert f'VERSION: "{steepest.__version__}"' in SCRIPT


def test_the_page_holds_one_script():
    assert script_of(build_facts()) == SCRIPT


@pytest.mark.quick
def test_only_the_pages_own_scripts_may_run():
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', PAGE)[1]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    inline = re.findall(r"<script>(.*?)</script>", PAGE, flags=re.DOTALL)
    expected = {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (SCRIPT, *inline)
    }
    assert parts["default-src"] == "'none'" and set(parts["script-src"].split()) == expected


def test_the_page_needs_nothing_from_anywhere():
    for text in (PAGE, SCRIPT):
        places = set(re.findall(r"https?://[^\s\"'`<>)]+", text))
        assert places <= {"http://www.w3.org/2000/svg"}  # a name, never fetched
        assert not re.search(
            r"@import|\bfetch\(|XMLHttpRequest|importScripts|<link|<iframe|\beval\(|new Function", text
        )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_in_a_language_says_so(lang):
    assert f'<html lang="{lang}">' in build_page(lang).html


def test_another_language_is_refused():
    with pytest.raises(InvalidValue, match="lang: must be en or zh, got 'fr'"):
        build_page("fr")


def test_the_scripts_are_javascript():
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, which is not on this machine")
    done = subprocess.run([node, "--check", "-"], input=SCRIPT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


# --- files and browsers -----------------------------------------------------------------------------------------------


def test_it_is_written_whole_or_not_at_all(tmp_path):
    file = build_page().save(tmp_path / "page.html")
    assert file.read_text(encoding="utf-8") == PAGE and list(tmp_path.iterdir()) == [file]
    for place in (tmp_path / "none" / "page.html", tmp_path, ""):
        with pytest.raises(InvalidValue, match=r"cannot be written|is a folder"):
            build_page().save(place)
    assert list(tmp_path.iterdir()) == [file]


def test_play_opens_a_temporary_file(monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    file = play(lang="zh")
    assert opened == [file.as_uri()] and file.name == "steepest-playground.html"
    shutil.rmtree(file.parent)


@pytest.mark.parametrize("answer", [True, False, webbrowser.Error])
def test_the_command_says_where_the_file_is_when_there_is_no_browser(answer, monkeypatch, capsys):
    from steepest.cli import play as page

    def browser(address):
        if answer is webbrowser.Error:
            raise answer
        return answer

    monkeypatch.setattr(webbrowser, "open", browser)
    page.command(save=None, lang=None)
    said, _, file = capsys.readouterr().out.strip().rpartition(" ")
    assert said == ("opened" if answer is True else "no browser could be opened; open this file in one:")
    assert Path(file).is_file()
    shutil.rmtree(Path(file).parent)


def test_the_command_saves_and_opens_nothing(tmp_path, monkeypatch, capsys):
    from steepest.cli import play as page

    monkeypatch.setattr(webbrowser, "open", lambda address: pytest.fail("nothing is to be opened"))
    page.command(save=tmp_path / "page.html", lang="en")
    assert capsys.readouterr().out == f"saved to {tmp_path / 'page.html'}; open it in any browser\n"
    assert (tmp_path / "page.html").stat().st_size < MOST_BYTES
