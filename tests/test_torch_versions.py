"""tools/torch_versions.py: which versions of torch CI tests beside the one that is pinned."""

import runpy
from pathlib import Path

import pytest

TOOL = runpy.run_path(str(Path(__file__).parent.parent / "tools" / "torch_versions.py"))
extremes = TOOL["extremes"]

GPU = ["2.15.0", "2.14.1", "2.13.0", "2.9.0", "2.8.0"]


@pytest.mark.parametrize(
    ("found", "everywhere", "chosen"),
    [
        ([*GPU, "2.13.0+cpu"], False, []),
        (
            [*GPU, "2.13.0+cpu", "2.10.0+cpu", "2.9.0+cpu", "2.8.0+cpu", "2.15.0+cpu"],
            False,
            ["2.9.0+cpu", "2.15.0+cpu"],
        ),
        (["2.13.0+cpu", "2.9.1+cpu"], False, ["2.9.1+cpu"]),
        (["2.13.0+cpu", "2.13.1+cpu"], False, ["2.13.1+cpu"]),
        (GPU, True, ["2.9.0", "2.15.0"]),
        ([], True, []),
    ],
)
def test_the_oldest_and_the_newest_with_a_build_for_the_cpu(found, everywhere, chosen):
    assert extremes(found, "2.9", "2.13.0+cpu", everywhere) == chosen


def test_the_oldest_is_what_pyproject_allows():
    assert TOOL["least"]().startswith("2.")


def test_the_tests_that_are_run_exist():
    root = Path(__file__).parent.parent
    assert all((root / test).is_file() for test in TOOL["TESTS"])
