"""A study of a mixed space: its tables, its figure of every setting, and what is told of it."""

import json

import pytest

import steepest
from steepest.figures.panels import draw_settings, panels
from steepest.report.build import draw_all
from steepest.report.code import recipe_of
from steepest.report.rows import packed_runs, plan_rows, result_rows

SPACE = {
    "batch_size": [4, 8], "schedule": "constant,cosine", "warmup": "0.1:0.3 if schedule=cosine",
    "sgd.momentum": "1-0.5:1-0.01 or 0", "sgd.nesterov": "true,false if momentum!=0", "betas.1": [0.9, 0.99],
}  # fmt: skip


@pytest.fixture(scope="module")
def study(write_workload_once):
    ask = {"trials": 6, "seeds": 2, "searches": 1, "search_seeds": 1, "steps": 6, "target": 0.5, "jobs": 1}
    return steepest.compare(write_workload_once, ["sgd", "adam"], ranges=SPACE, **ask)


@pytest.fixture(scope="module")
def write_workload_once(tmp_path_factory):
    file = tmp_path_factory.mktemp("panels") / "small.py"
    file.write_text('''
"""A line through points."""
import torch

target, steps, batch_size = 0.5, 6, 8
metric_name, higher_is_better = "loss", False


def data():
    x = torch.linspace(-1, 1, 32)[:, None]
    return x, 2 * x, x, 2 * x


def model():
    return torch.nn.Linear(1, 1)


def loss(outputs, targets):
    return torch.nn.functional.mse_loss(outputs, targets)


metric = loss
''')
    return str(file)


def test_runs_say_the_conditions_of_their_trial(study):
    assert study.complete
    for run in study.runs.itertuples():
        settings = json.loads(run.settings)
        assert (run.batch_size, run.steps) == (settings["batch_size"], 6 * 8 // settings["batch_size"])
        assert run.last_step <= run.steps
    assert study.measure == "seconds_to_target"  # steps of unequal batches cannot be compared
    assert set(study.runs.loc[study.runs["default"], "trial"]) == {0}


def test_every_setting_has_a_panel_on_its_scale(study):
    drawn = {panel.name: panel for panel in panels(study)}
    assert set(drawn) >= {"batch_size", "momentum", "schedule", "betas.1"}
    assert drawn["batch_size"].categories == ("4", "8")
    assert drawn["schedule"].categories == ("constant", "cosine")
    assert drawn["momentum"].near_one and not drawn["momentum"].categories
    assert set(drawn["momentum"].points) == {"SGD"}
    values, losses = drawn["momentum"].points["SGD"]
    assert len(values) == len(losses) and ((values >= 0.01) & (values <= 1)).all()
    assert len(draw_settings(study).axes) == len(drawn)
    assert "settings" in draw_all(study)[study.plan.workloads[0].name]


def test_rows_and_recipes_show_what_is_no_number(study):
    (sgd, adam) = plan_rows(study)
    assert "momentum 1-0.5:1-0.01 or 0; nesterov true,false if momentum!=0" in sgd["ranges"]
    assert "betas.1 0.9,0.99" in adam["ranges"]
    texts = {row["label"]: row["settings"] for row in result_rows(study)}
    assert "nesterov " in texts["SGD"] and "betas.1 0.9" in texts["Adam"]
    packed = packed_runs(study, study.plan.short_names)
    assert set(packed["set:schedule"]["texts"]) >= {"constant", "cosine"}
    assert "betas=(0.9, 0.9" in recipe_of(study, "Adam").code
    assert study.edges["name"].isin(["lr", "momentum", "warmup"]).all()  # values have no edges
