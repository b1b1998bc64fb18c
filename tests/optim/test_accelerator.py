"""benchmarks/accelerator.py, as far as a CPU can try it: its numbers mean nothing there, only that there are some."""

import json

import pytest
import torch
from benchmarks import accelerator
from benchmarks.accelerator import SECTIONS, Bench, main, section


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The results of a small run."""
    file = tmp_path_factory.mktemp("accelerator") / "results.json"
    main(["--device", "cpu", "--small", "--minutes", "60", "--out", str(file)])
    return file


def test_every_section_is_measured(out):
    kept = json.loads(out.read_text())
    assert kept["small"] and kept["versions"]["torch"] == torch.__version__ and kept["date"]
    assert {row["section"] for row in kept["rows"]} == SECTIONS.keys()
    notes = [row["note"] for row in kept["rows"] if "note" in row]
    assert set(notes) == {"no ncu: not counted"}  # nothing else went wrong
    steps = {(row["rule"], row["candidate"]) for row in kept["rows"] if row["section"] == "steps"}
    assert {("adamw", name) for name in ("ours lists", "ours 8 bits, lists", "torch fused", "torch foreach")} <= steps
    assert all(row["ms"] > 0 and row["/ copy"] > 0 for row in kept["rows"] if row["section"] == "steps")


def test_what_is_right_is_near_float64(out):
    """Five roundings of weights below 4, by half a unit of 2^-22 each, over a way of five steps of 0.001."""
    rows = [row for row in json.loads(out.read_text())["rows"] if row["section"] == "correct"]
    assert max(row["apart / way"] for row in rows if "apart / way" in row) < 5 * 2**-23 / 5e-3
    assert [row["codes apart"] for row in rows if "codes apart" in row] == [0.0, 0.0]


def test_the_section_has_a_table_of_each(out, tmp_path):
    text = section(out)
    assert sum(line.startswith("| --- |") for line in text.splitlines()) == len(SECTIONS)
    assert "Above 1.03 of torch's fastest" in text
    assert section(tmp_path / "none.json").startswith("Not measured")


def test_a_candidate_that_goes_elsewhere_is_named(tmp_path, monkeypatch):
    start = [torch.ones(3)]
    rows = [*accelerator._apart({"torch": [torch.zeros(3)], "ours": [torch.full((3,), 0.1)]}, start)]
    assert [row["candidate"] for row in rows] == ["ours"]
    assert not [*accelerator._apart({"torch": [torch.zeros(3)], "ours": [torch.full((3,), 1e-6)]}, start)]


def test_what_is_not_reached_in_time_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(accelerator, "_race", lambda *_: iter(()))
    bench = Bench(torch.device("cpu"), small=True, deadline=0.0, out=tmp_path / "results.json")
    assert {row["note"] for row in accelerator.steps(bench)} == {"not reached in time"}


def test_counters_are_read_in_their_units():
    lines = ['"ID","Metric Name","Metric Unit","Metric Value"', '"0","dram__bytes_read.sum","Mbyte","1,200.5"',
             '"0","dram__bytes_write.sum","Kbyte","500"']  # fmt: skip
    text = "\n".join(lines)
    assert accelerator.read_counters(text) == 1_201_000_000.0
