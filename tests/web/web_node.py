"""The core of the browser's code in node, with the facts of the page: asked in one process for many answers."""

import atexit
import functools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

import steepest
from steepest.playground import build_facts

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


def ask(script: str, asked: Any) -> Any:
    """What a script of `tests/web` answers; skips where there is no node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, which is not on this machine")
    command = [node, str(SCRIPTS / f"{script}.mjs"), str(API), str(facts())]
    run = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout, parse_constant=float)


def call(name: str, *given: Any) -> Any:
    """What one function of the core returns."""
    return ask("calls", [[name, *given]])[0]
