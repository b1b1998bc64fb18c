"""The doctor in several processes: the first one speaks, nobody waits for it, and weights are the same to the bit."""

from pathlib import Path

import pytest

from ..ranks import results_of_ranks

SCRIPT = Path(__file__).parent / "distributed_loops.py"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """For each loop by name, what its two processes saw; one pair of processes, since it takes seconds to start one."""
    folder = tmp_path_factory.mktemp("ranks")
    results = results_of_ranks(SCRIPT, 2, folder)
    assert len(list(folder.glob("*.html"))) == len(results)
    return results


def test_nothing_changes_on_any_rank(results):
    assert [name for name, ranks in results.items() for rank in ranks if not rank["same"]] == []


def test_the_first_process_watches_and_the_others_are_silent(results):
    for name, (first, second) in results.items():
        assert second == {"same": True, "ticks": 0, "updates": 0, "codes": [], "unseen": []}, name
        if "error" not in name:
            assert first["updates"] >= 6, name


def test_what_is_found_and_what_cannot_be_seen_is_said_once(results):
    unseen = {name: ranks[0]["unseen"] for name, ranks in results.items()}
    assert unseen.pop("ddp_after_an_error_of_the_doctor") == ["unseen_shards", "unseen_error"]
    assert all(said == ["unseen_shards"] for said in unseen.values()), unseen
    codes = {name: ranks[0]["codes"] for name, ranks in results.items()}
    assert codes.pop("ddp_overshoots")[0] == "lr_high"
    assert not any(codes.values()), codes
