"""The core of the browser's code in node, with the facts of the page: one process answers all tests."""

import atexit
import functools
import json
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

import steepest
from steepest.playground import build_facts

PATIENCE = 120
"""Seconds for an answer."""

SCRIPTS = Path(__file__).parent
API = Path(steepest.__file__).parent / "web" / "core" / "api.js"


@functools.cache
def facts() -> Path:
    """What Python prints into the page, as a file."""
    folder = Path(tempfile.mkdtemp(prefix="steepest-"))
    atexit.register(shutil.rmtree, folder)
    file = folder / "facts.js"
    file.write_text(build_facts(), encoding="utf-8")
    return file


@functools.cache
def process() -> subprocess.Popen[str]:
    """Node with the core, started once and asked line by line; it ends with its input."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, which is not on this machine")
    command = [node, str(SCRIPTS / "harness.mjs"), str(API), str(facts())]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    atexit.register(started.communicate)
    return started


def ask(script: str, asked: Any) -> Any:
    """What a script of `tests/web` answers; skips where there is no node."""
    node = process()
    assert node.stdin and node.stdout
    stop = threading.Timer(PATIENCE, node.kill)
    stop.start()
    try:
        node.stdin.write(json.dumps([script, asked]) + "\n")
        node.stdin.flush()
        line = node.stdout.readline()
    finally:
        stop.cancel()
    if not line:
        process.cache_clear()
    assert line, f"node ended, or took longer than {PATIENCE} seconds"
    answer = json.loads(line, parse_constant=float)
    assert "error" not in answer, answer["error"]
    return answer.get("result")


def call(name: str, *given: Any) -> Any:
    """What one function of the core returns."""
    return ask("calls", [[name, *given]])[0]
