"""Tables of runs for the tests of statistics, written row by row or column by column."""

import pandas as pd


def run(label, phase, number, **facts):
    """One row; `number` is the trial or the seed, `steps` are those to the target, inf for a miss."""
    steps, pace = facts.pop("steps", 10.0), facts.pop("seconds_a_step", 0.001)
    row = {
        "label": label, "phase": phase, "trial": number if phase == "search" else None,
        "seed": 0 if phase == "search" else number, "lr": 0.1, "status": "finished", "steps_to_target": float(steps),
        "seconds_to_target": steps * pace, "seconds_a_step": pace, "final_loss": 0.5, "final_metric": 0.9,
        "best_loss": 0.4, "best_metric": 0.95,
    }  # fmt: skip
    assert facts.keys() <= row.keys()
    return row | facts


def trials(label, **columns):
    """The search runs of one contestant, column by column."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return [run(label, "search", row.pop("trial", number), **row) for number, row in enumerate(rows)]


def reports(label, steps, **facts):
    """A trial and the report runs of one contestant: its steps to the target, seed by seed."""
    return [run(label, "search", 0), *(run(label, "report", seed, steps=n, **facts) for seed, n in enumerate(steps, 1))]


def table(*groups):
    return pd.DataFrame([row for group in groups for row in group])


def contest(**steps):
    """A table of contestants by their steps to the target, seed by seed."""
    return table(*(reports(label, each) for label, each in steps.items()))
