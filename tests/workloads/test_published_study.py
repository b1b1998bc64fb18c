"""The published study of the applications: the docs say what is in it, counted once more by hand."""

import pytest
from benchmarks import study_table

from steepest import workloads
from steepest.study import Comparison

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@pytest.fixture(scope="module")
def study():
    return Comparison.read(study_table.STUDY)


def test_it_is_whole_and_of_the_applications(study):
    assert study.complete and not study.set_aside
    assert tuple(study.plan.short_names.values()) == workloads.APPLICATIONS
    assert study_table.STUDY.stat().st_size < 5e6


def test_the_tables_in_the_docs_are_of_it():
    page = study_table.PAGE.read_text(encoding="utf-8")
    assert study_table.page_with(page) == page, "python -m benchmarks.study_table --write"


def test_what_is_told_of_a_claim_is_in_the_runs(study):
    """Who is called faster is so on more than half of the seeds."""
    runs = study.runs[study.runs["phase"] == "report"].copy()
    runs["seconds_to_target"] = runs["steps_to_target"] * runs["seconds_a_step"]
    for claim in study_table.claims_of(study):
        for name, part in study_table.by_short_name(study).items():
            if claim.workloads and name not in claim.workloads:
                continue
            word = study_table.against(claim.other, part, claim.by).loc[claim.rule, "word"]
            own = runs[runs["workload"].isin(part.runs["workload"])].pivot(
                index="seed", columns="label", values=claim.by
            )
            faster, slower = (own[claim.rule] < own[claim.other]).sum(), (own[claim.rule] > own[claim.other]).sum()
            assert word == "tie" or (faster > slower) == (word == "faster"), (claim.text, name)


def test_what_the_docs_conclude_is_counted(study):
    parts = study_table.by_short_name(study)
    alone = sum(part.verdict.first == ("Muon",) for part in parts.values())
    by_seconds = [part.table["seconds_to_target"].idxmin() for part in parts.values()]
    beside = [
        leader == "Adam"
        or (
            (part.table.loc["Adam", "reached"] > 0)
            and not study_table.against(leader, part, "seconds_to_target").loc["Adam", "differs"]
        )
        for leader, part in zip(by_seconds, parts.values(), strict=True)
    ]
    first = study.runs[(study.runs["phase"] == "search") & (study.runs["trial"] == 0)]
    by_default = {
        label: NUMBERS[(own["steps_to_target"] < float("inf")).sum()] for label, own in first.groupby("label")
    }
    steps = [study_table.against("Adam", part, "steps_to_target").loc["SOAP", "word"] for part in parts.values()]
    seconds = [study_table.against("Adam", part, "seconds_to_target").loc["SOAP", "word"] for part in parts.values()]
    longer = [
        part.table.loc["SOAP", "seconds_a_step"] / part.table.loc["Adam", "seconds_a_step"] for part in parts.values()
    ]
    soap = sum("SOAP" in part.verdict.first for part in parts.values())
    text = " ".join(study_table.PAGE.read_text(encoding="utf-8").split())
    assert f"In seconds it is first, or ties with the first, on {NUMBERS[sum(beside)]} of ten workloads" in text
    assert f"it reaches the target on {by_default['Adam']} of ten" in text
    assert f"0.003 SOAP reaches the target on {by_default['SOAP']} of ten: of the five it forgives most" in text
    assert list(by_default.values()).count(by_default["SOAP"]) == 1
    assert (
        f"Muon is first or ties with the first on all ten, alone on {NUMBERS[alone]}; SOAP on {NUMBERS[soap]}," in text
    )
    assert f"with fewer steps than Adam on {NUMBERS[steps.count('faster')]}" in text
    assert f"A step of SOAP takes {min(longer):.1f} to {max(longer):.0f} times as long as one of Adam" in text
    assert "faster" not in seconds
    assert all("Muon" in part.verdict.first for part in parts.values())
