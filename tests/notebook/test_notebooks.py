"""The notebooks run from top to bottom in a kernel; progress is one line, an interrupt leaves all usable."""

import os
import re
import shutil
import time
from pathlib import Path
from queue import Empty

import nbformat
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.ipynb")), ids=lambda file: file.stem)
def test_a_notebook_runs(file, tmp_path, monkeypatch):
    monkeypatch.setenv("STEEPEST_LANG", "zh")
    notebook = nbformat.read(file, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are not kept"
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    for cell in notebook.cells:
        if "compare(" in cell.source:  # a line of progress, and what came of it
            assert [output.output_type for output in cell.outputs] == ["display_data", "execute_result"]
            assert "<progress" in cell.outputs[0].data["text/html"] and "<img" in cell.outputs[1].data["text/html"]
        if "trace(" in cell.source:
            assert "data:image/png" in cell.outputs[-1].data["text/html"]


@pytest.fixture
def kernel(tmp_path):
    manager = KernelManager()
    manager.start_kernel(cwd=str(tmp_path), env={**os.environ, "STEEPEST_LANG": "en"})
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_an_interrupted_comparison_leaves_the_kernel_and_the_study_usable(kernel, tmp_path):
    manager, client = kernel
    ask = 'import steepest\nsteepest.compare("digits", ["sgd", "adam"], trials=40, seeds=5, out="study")'
    message = client.execute(ask, stop_on_error=False)
    until = time.monotonic() + 120
    while not (tmp_path / "study" / "study.sqlite").exists() and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(2)
    manager.interrupt_kernel()
    assert _reply(client, message)["ename"] == "KeyboardInterrupt"
    told = _displayed(client, message)
    assert len([text for kind, text in told if kind == "display_data"]) == 1  # all others are changes of that line
    assert re.fullmatch(r"interrupted after \d+ of 202 runs; steepest.verbs.resume\('study'\) goes on", told[-1][1])
    message = client.execute('assert steepest.Comparison.read("study").plan.runs == 202')
    assert _reply(client, message)["status"] == "ok"
    shutil.rmtree(tmp_path / "study")  # nothing writes there any more
    time.sleep(0.5)
    assert not (tmp_path / "study").exists()


def test_an_interrupted_comparison_that_is_kept_nowhere_says_so(kernel, tmp_path):
    manager, client = kernel
    message = client.execute('import steepest\nsteepest.compare("digits", ["sgd"], trials=40)', stop_on_error=False)
    until = time.monotonic() + 120
    while not (told := _displayed(client, message, timeout=0.2)) and time.monotonic() < until:
        pass
    manager.interrupt_kernel()
    assert _reply(client, message)["ename"] == "KeyboardInterrupt"
    assert _displayed(client, message)[-1][1].endswith("runs; not kept; with out='study' compare can go on")
    assert told[0][1].startswith("0 of ") and list(tmp_path.iterdir()) == []


def _displayed(client, message, timeout=5):
    """Kind and plain text of what a cell has shown since the last call."""
    shown = []
    while True:
        try:
            seen = client.get_iopub_msg(timeout=timeout)
        except Empty:
            return shown
        if seen["parent_header"].get("msg_id") == message and "data" in seen["content"]:
            shown.append((seen["msg_type"], seen["content"]["data"]["text/plain"]))


def _reply(client, message, timeout=120):
    while (reply := client.get_shell_msg(timeout=timeout))["parent_header"]["msg_id"] != message:
        pass
    return reply["content"]
