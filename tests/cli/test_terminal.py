"""What is printed where the terminal is narrow or knows few characters."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from steepest.cli.compare import _standings
from steepest.cli.terminal import Console

LABELS = ("SGD", "SGD momentum=0.98, lr=0.1", "[b]Mine[/b]")


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_the_progress_display_keeps_names_whole(width):
    best = {"settings": {"lr": 0.00123, "momentum": 0.987}, "steps_to_target": 145.0, "final_loss": 0.123456}
    rows = [{"workload": "digits", "label": label, "trials": 12, "reports": 3} | best for label in LABELS]
    store = SimpleNamespace(plan=SimpleNamespace(short_names={"digits": "digits"}), standings=lambda: rows)
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(_standings(store, width))
    lines = console.export_text().splitlines()
    assert len(lines) == 1 + len(rows) and all(len(line) <= width for line in lines)
    for line, label in zip(lines[1:], LABELS, strict=True):
        assert line.startswith(label)
    assert all("145" in line for line in lines[1:]) == (width >= 60)
    assert all("0.123" in line for line in lines[1:]) == (width >= 40)
    assert ("seeds" in lines[0]) == (width >= 120)


TINY = "--trials 4 --seeds 2 --searches 1 --search-seeds 1 --jobs 1"


@pytest.mark.parametrize("locale", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=str)
def test_an_old_locale_loses_signs_and_no_more(locale):
    ask = [sys.executable, "-m", "steepest", "show", "adam", "--lang", "zh"]
    done = subprocess.run(ask, capture_output=True, text=True, env=os.environ | locale)
    assert (done.returncode, done.stderr) == (0, "")
    assert "lr" in done.stdout


def test_a_narrow_terminal_shows_every_name_and_number(command, monkeypatch, tmp_path):
    ask = f"compare digits --optimizers sgd(lr=0.1) {TINY} --steps 5 --out {tmp_path / 's'}"
    shown = {}
    for columns in ("40", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        code, shown[columns], _ = command(ask)
        assert code == 0
    assert max(map(len, shown["40"].split("report:")[0].splitlines())) <= 40
    for text in ("SGD lr=0.1", "learning rate", "steps to target", "missed", "final accuracy", "0%"):
        assert text in " ".join(shown["40"].split())
    assert "optimizer" in shown["200"]


def test_the_table_of_a_sweep_keeps_its_numbers_whole_on_a_narrow_terminal(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "44")
    over = "--over lr=0.1:0.5 --over momentum=0:0.9"
    code, shown, _ = command(f"map sweep momentum --on ravine {over} --size 3 --steps 9")
    assert code == 0
    assert re.search(r"at +lr=\S+,\n +momentum=\S+\n", shown) and "best value" in shown


@pytest.mark.parametrize("seconds", [0.12, 0.3])
def test_ctrl_c_while_it_starts_is_quiet(seconds):
    ask = [sys.executable, "-m", "steepest", "trace", "sgd", "--on", "bowl", "--steps", "900000"]
    started = subprocess.Popen(ask, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    started.send_signal(signal.SIGINT)
    printed, complaint = started.communicate(timeout=60)
    if "site" in complaint or started.returncode == -signal.SIGINT:
        pytest.skip("Python itself was not there yet")
    assert (started.returncode, printed, complaint) == (130, "", "")
