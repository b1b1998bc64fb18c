"""python -m benchmarks.study_table [--write]: what the published study of the applications found, as tables.

The study is `docs/applications.sqlite.xz`; `--write` keeps the tables in `docs/applications.md`. Ratios are of steps,
and of seconds, to the target, seed by seed, each with its 95 % interval, as in every report.
"""

import argparse
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd

from steepest.base.numbers import number, times
from steepest.statistics import paired_ratios
from steepest.study import Comparison

__all__ = ["PAGE", "STUDY", "Claim", "against", "by_short_name", "claims_of", "page_with", "tables"]

DOCS = Path(__file__).parent.parent / "docs"
PAGE, STUDY = DOCS / "applications.md", DOCS / "applications.sqlite.xz"

BEGIN, END = "<!-- study -->\n", "<!-- end of study -->"

IMAGES = ("clothes", "photos", "diffusion")
TRANSFORMERS = ("language", "poems", "spelling", "captions")


@dataclass(frozen=True)
class Claim:
    """What is said of a rule: that it needs less than another one on some workloads.

    Attributes:
        text: as friends or critics say it.
        rule, other: labels of contestants.
        workloads: where it is said to hold; empty: on all.
        by: in what.
    """

    text: str
    rule: str
    other: str
    workloads: tuple[str, ...] = ()
    by: str = "steps_to_target"


CLAIMS = (
    Claim("transformers need Adam, not momentum", "Adam", "Momentum", TRANSFORMERS),
    Claim("on images momentum is as good as Adam", "Momentum", "Adam", IMAGES),
    Claim("rare words suit AdaGrad", "AdaGrad", "Adam", TRANSFORMERS),
    Claim("matrices: Muon needs fewer steps than Adam", "Muon", "Adam"),
    Claim("Muon needs fewer seconds than Adam", "Muon", "Adam", by="seconds_to_target"),
    Claim("matrices: SOAP needs fewer steps than Adam", "SOAP", "Adam"),
    Claim("SOAP needs fewer seconds than Adam", "SOAP", "Adam", by="seconds_to_target"),
)


def tables(study: Comparison) -> str:
    """Who needs how many steps, who how many seconds, what is said of them, and where that was measured."""
    return "\n\n".join(
        (
            "Steps to the target, as a multiple of the first one's, with the 95 % interval:",
            _places(study, "steps_to_target"),
            "Seconds to the target, likewise; those of a step were measured in turns:",
            _places(study, "seconds_to_target"),
            "What is said of them, and on how many workloads it held:",
            _claims(study),
            _provenance(study),
        )
    )


def _places(study: Comparison, by: str) -> str:
    labels = list(dict.fromkeys(contestant.label for contestant in study.plan.contestants))
    rows = [["workload", *labels], ["---"] * (len(labels) + 1)]
    for name, part in by_short_name(study).items():
        order = part.table.sort_values(by)
        leader = str(order.index[0])
        ratios = against(leader, part, by)
        rows.append([f"`{name}`", *(_cell(part, label, leader, ratios, by) for label in labels)])
    return _markdown(rows)


def _cell(part: Comparison, label: str, leader: str, ratios: pd.DataFrame, by: str) -> str:
    own = part.table.loc[label]
    reached = f"{own['reached'] * part.plan.seeds:.0f} of {part.plan.seeds}"
    if label == leader:
        spent = number(own[by]) + (" s" if by == "seconds_to_target" else "")
        return f"**1** ({spent})" if math.isfinite(own[by]) else f"missed, {reached}"
    ratio = ratios.loc[label]
    if not math.isfinite(ratio["ratio"]):
        return f"missed, {reached}"
    missed = "" if own["reached"] == 1 else f"; {reached}"
    tie = "" if ratio["differs"] else " ="
    return f"{times(ratio['ratio'])}{tie} ({times(ratio['low'])} – {times(ratio['high'])}{missed})"


def _claims(study: Comparison) -> str:
    words = ("faster", "tie", "slower", "nobody")
    rows = [["said", "held", "tie", "the contrary", "neither got there", "ratio, in the middle (least – most)"]]
    rows.append(["---"] * len(rows[0]))
    for claim in claims_of(study):
        parts = [part for name, part in by_short_name(study).items() if not claim.workloads or name in claim.workloads]
        found = [against(claim.other, part, claim.by).loc[claim.rule] for part in parts]
        known = sorted(row["ratio"] for row in found if not math.isnan(row["ratio"]))
        counts = Counter("nobody" if math.isnan(row["ratio"]) else row["word"] for row in found)
        middle = f"{_times(median(known))} ({_times(known[0])} – {_times(known[-1])})" if known else "—"
        rows.append([claim.text, *(f"{counts[word]} of {len(found)}" for word in words), middle])
    return _markdown(rows)


def _times(ratio: float) -> str:
    return "∞" if math.isinf(ratio) else times(ratio)


def claims_of(study: Comparison) -> list[Claim]:
    """The claims about contestants of the study."""
    labels = {contestant.label for contestant in study.plan.contestants}
    return [claim for claim in CLAIMS if {claim.rule, claim.other} <= labels]


def against(label: str, part: Comparison, by: str) -> pd.DataFrame:
    """Every other contestant against one, on a workload."""
    return paired_ratios(part.runs, by, against=label, rounds=part.rounds)  # type: ignore[arg-type]


def by_short_name(study: Comparison) -> dict[str, Comparison]:
    """The study of each workload, by its short name."""
    names = study.plan.short_names
    return {names[name]: part for name, part in study.by_workload().items()}


def _provenance(study: Comparison) -> str:
    plan = study.plan
    trials = max(len(contestant.trials) for contestant in plan.contestants)
    return f"{len(study.runs):,} runs: {trials} trials each, {plan.seeds} fresh seeds; {study.facts['created'][:10]}."


def _markdown(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def page_with(page: str) -> str:
    """The page with the tables between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{tables(Comparison.read(STUDY))}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study_table", description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="keep the tables in docs/applications.md")
    asked = parser.parse_args()
    print(tables(Comparison.read(STUDY)))
    if asked.write:
        PAGE.write_text(page_with(PAGE.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
