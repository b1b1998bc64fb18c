"""Every example of a workload: short, compared by two optimizers, and the same as its loop written by hand."""

import json
import re
import tokenize
from pathlib import Path

import pytest
import torch

import steepest
from steepest.base.status import Status
from steepest.workloads import find
from steepest.workloads.seeding import seeded

FOLDER = Path(__file__).parent.parent.parent / "examples" / "workloads"
EXAMPLES = sorted(file.stem for file in FOLDER.glob("*.py"))

every_example = pytest.mark.parametrize("name", EXAMPLES)

pytestmark = pytest.mark.usefixtures("without_report")


def path(name: str) -> str:
    return str(FOLDER / f"{name}.py")


def lines_of_code(file: Path) -> int:
    code = set()
    with tokenize.open(file) as opened:
        for token in tokenize.generate_tokens(opened.readline):
            prose = token.type in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE) or token.string.startswith('"""')
            if not prose and token.string.strip():
                code.add(token.start[0])
    return len(code)


@every_example
def test_it_is_short_and_says_what_it_is(name):
    assert lines_of_code(FOLDER / f"{name}.py") <= (40 if name == "own_loop" else 27)
    assert 20 < len(find(path(name), try_out=False).about) <= 120


@every_example
def test_it_is_compared(name, tmp_path):
    optimizers = ["muon", "adamw"] if name == "matrices_and_rest" else ["sgd", "adam"]
    settings = {"trials": 1, "seeds": 2, "searches": 1, "search_seeds": 1, "steps": 6, "jobs": 1}
    study = steepest.compare(path(name), optimizers, out=tmp_path / "study", **settings)
    assert len(study.runs) == 6
    assert set(study.runs["status"]) <= {Status.FINISHED, Status.REACHED, Status.DIVERGED}, study.runs[
        "message"
    ].tolist()
    for _, runs in study.runs.groupby("seed"):
        assert runs["fingerprint"].nunique() == 1, "optimizers of one seed had other problems"
    assert set(json.loads(study.facts["repeats"])[path(name)].values()) == {""}, "cannot be repeated"


NOT_ABSTRACT = {"self_play", "bfloat16", "float16"}
"""What looks at values, or torch does on real devices only."""


@pytest.mark.parametrize("name", sorted({*EXAMPLES} - NOT_ABSTRACT))
def test_it_trains_on_any_device(name):
    """On one without numbers, where a tensor of the CPU that has been left behind is an error, as on a GPU."""
    with seeded(1):
        session = find(path(name), try_out=False).begin(1, "meta")
        groups = session.model.parameters() if session.groups is None else session.groups
        losses = session.advance(torch.optim.SGD(groups, lr=0.1), 2)
        assert {loss.device.type for loss in losses} == {"meta"}
        try:
            numbers = session.measure()
        except RuntimeError as error:  # four tensors: a number of such a device cannot be read
            assert re.search("item.* on meta tensors|meta tensors", str(error))
        else:
            assert all(number.device.type == "meta" for number in numbers.values())
