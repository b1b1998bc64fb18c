"""The bundle of the browser's code is made of the modules as they are, and leaves nothing behind but its one name."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import steepest
from steepest.web import digest_of_sources, read_bundle, script_of

WEB = Path(steepest.__file__).parent / "web"
MODULES = [*(WEB / "core").iterdir(), *(WEB / "parts").iterdir()]
CODE = [file for file in [WEB / "index.js", *MODULES] if file.suffix == ".js"]


def test_the_bundle_is_made_of_these_modules():
    assert digest_of_sources() in read_bundle().splitlines()[0], "run ./dev bundle"


def test_every_module_says_where_its_names_come_from():
    """A misspelt import stops the bundler; here: no module is left over that nothing imports."""
    texts = {file: file.read_text(encoding="utf-8") for file in CODE}
    imported = {
        (file.parent / path).resolve() for file, text in texts.items() for path in re.findall(r'from "(\..+?)"', text)
    }
    assert {file.resolve() for file in MODULES} == imported


def test_the_lock_names_no_registry():
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    assert not any("resolved" in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_a_script_defines_nothing_global():
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, which is not on this machine")
    start = "globalThis.before = Object.getOwnPropertyNames(globalThis).length;"
    end = "console.log(Object.getOwnPropertyNames(globalThis).length - before);"
    grammar = "{functions: {}, aliases: {}, constants: {}, coordinates: {}, tokens: {}}"
    facts = f"{{VERSION: '', ABOUT: [], SCHEDULES: {{}}, RULES: {{}}, LANDSCAPES: {{}}, TOUR: [], GRAMMAR: {grammar}}}"
    text = f"globalThis.self = {{}}; {start} {script_of(facts)} {end}"
    done = subprocess.run([node, "-"], input=text, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "1", done.stderr  # `before` itself
