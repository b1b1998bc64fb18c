"""What other programs read of a comparison: CSV, Parquet, Markdown, TensorBoard's event files."""

import csv
import html
import json
import math
import re
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from steepest.base.errors import InvalidValue
from steepest.report import exports
from steepest.report.build import write_report
from steepest.report.data import as_json
from steepest.report.exports import FORMATS, check_formats, export, table_of, tables_of
from steepest.report.markdown import as_markdown
from steepest.report.page import render
from steepest.report.records import RESULTS, records
from steepest.report.verdict import verdict_sentence
from steepest.statistics import paired_ratios
from steepest.study.results import STUDY_FILE

from .comparisons import ATTACK, ODD, awkward, contest, study_of

AWKWARD = awkward()
TEXTS = {
    "workload",
    "label",
    "settings",
    "message",
    "edge",
    "fingerprint",
    "ranges",
    "rule",
    "metric_name",
    "against",
    "word",
}
"""Columns that are texts also where all of them look like numbers."""
MEASUREMENTS = ("train_loss", "loss", "metric")

# --- tables -----------------------------------------------------------------------------------------------------------


TABLES = ("runs", "curves", "table", "contestants", "trials", "timings", "ratios")


@pytest.mark.parametrize("name", ["odd labels", "several workloads", "no numbers", "more than a learning rate"])
def test_csv_reads_back_as_it_was(name, tmp_path):
    comparison = AWKWARD[name]
    written = export(comparison, tmp_path, ["csv"])
    assert [path.name for path in written] == [f"{name}.csv" for name in TABLES]
    for path, table in zip(written, tables_of(comparison).values(), strict=True):
        texts = dict.fromkeys(TEXTS & set(table), str)
        missing = dict.fromkeys(set(table) - {"label"}, "")
        found = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=missing)
        pd.testing.assert_frame_equal(found, table.reset_index(drop=True), check_dtype=False, check_exact=True)


@pytest.mark.parametrize("name", ["odd labels", "several workloads", "no numbers", "nothing done"])
def test_parquet_reads_back_as_it_was(name, tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow, which writes Parquet")
    comparison = AWKWARD[name]
    written = export(comparison, tmp_path, ["parquet"])
    assert [path.name for path in written] == [f"{name}.parquet" for name in TABLES]
    for path, table in zip(written, tables_of(comparison).values(), strict=True):
        found = pd.read_parquet(path)
        pd.testing.assert_frame_equal(found, table.reset_index(drop=True), check_dtype=False, check_exact=True)


FORMULAS = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "＝1"]


def test_no_text_is_a_formula_for_a_spreadsheet(tmp_path):
    comparison = study_of(contest(FORMULAS, message="=1+1", rule="=sgd"), metric_name="=2")
    for path in export(comparison, tmp_path, ["csv", "md"]):
        if path.suffix == ".csv":
            cells = [cell for row in csv.reader(path.read_text(encoding="utf-8").splitlines()) for cell in row]
            assert not [cell for cell in cells if cell[:1] in set("=+@-＝") and not re.fullmatch(r"-\d.*", cell)]
    found = rendered((tmp_path / "report.md").read_text(encoding="utf-8"))
    assert {row[0] for row in found["table"]} == {"optimizer", *(f"'{label}" for label in FORMULAS)}
    cells = re.findall(r"<t[hd][^>]*>(?:<svg.*?</svg>)?(?:<code>)?([^<]*)", render(comparison, {"w": {}}))
    assert not [cell for cell in cells if re.match(r"[=@＝]|\+1$", html.unescape(cell))]
    assert sum(html.unescape(cell) == "'=cmd|' /C calc'!A0" for cell in cells) >= 3


def test_numbers_below_zero_stay_numbers(tmp_path):
    export(AWKWARD["negative losses"], tmp_path, ["csv"])
    assert (pd.read_csv(tmp_path / "runs.csv")["final_loss"] < 0).all()


def test_the_table_has_a_row_for_each_contestant_on_each_workload_with_all_its_settings():
    table = table_of(AWKWARD["several workloads"])
    assert list(table.columns[:3]) == ["workload", "label", "settings"]
    assert len(table) == 2 * 2
    (settings,) = table_of(AWKWARD["more than a learning rate"])["settings"]
    assert json.loads(settings) == {"lr": 0.01, "momentum": 0.9}


@pytest.fixture(scope="module")
def exported(comparison, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export(comparison, folder, ["csv", "md", "tensorboard"])
    return folder


def test_the_verdict_can_be_computed_again_from_the_tables(comparison, exported):
    table = {name: pd.read_csv(exported / f"{name}.csv") for name in TABLES}
    contestants, timings = table["contestants"], table["timings"]
    (target,), (measure,) = contestants["target"].unique(), contestants["measure"].unique()
    reached = table["runs"]["best_metric"] >= target  # contestants["higher_is_better"]
    assert contestants["higher_is_better"].all() and (np.isfinite(table["runs"]["steps_to_target"]) == reached).all()
    rounds = timings.pivot(index="round", columns="label", values="seconds_a_step")
    ratios = paired_ratios(table["runs"], measure, rounds=rounds)
    pd.testing.assert_frame_equal(ratios.reset_index(), table["ratios"].drop(columns="workload"), check_dtype=False)
    assert ratios["p"].notna().all() and len(timings) > len(contestants)
    seconds = timings.groupby("label")["seconds_a_step"].median()
    assert np.allclose(table["runs"]["label"].map(seconds), table["runs"]["seconds_a_step"])
    for contestant in comparison.plan.contestants:
        trials = table["trials"][table["trials"]["label"] == contestant.label]
        assert tuple(map(json.loads, trials["settings"])) == contestant.trials
        ranges = contestants.set_index("label")["ranges"][contestant.label]
        assert {name: tuple(ends) for name, ends in json.loads(ranges).items()} == contestant.ranges


def test_markdown_and_tensorboard_have_the_same_in_short(comparison, exported):
    (block,) = re.findall("```json\n(.*)\n```", (exported / "report.md").read_text(encoding="utf-8"))
    assert block == as_json(comparison)
    data = json.loads(block)
    assert {name: tuple(trials) for name, trials in data["trials"].items()} == {
        contestant.label: contestant.trials for contestant in comparison.plan.contestants
    }
    assert [row["p"] for row in data["ratios"]] == pytest.approx(list(comparison.ratios["p"]))
    assert data["contestants"][0]["target"] == comparison.target
    assert {len(rounds) for rounds in data["timings"].values()} == set(comparison.timings.groupby("label").size())
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    accumulator = accumulators.EventAccumulator(str(exported / "tensorboard" / "digits" / "study"))
    accumulator.Reload()
    (shown,) = accumulator.Tensors("computed from")
    assert shown.tensor_proto.string_val[0].decode() == block


# --- Markdown ---------------------------------------------------------------------------------------------------------


def rendered(text: str) -> dict[str, list]:
    """The texts of each kind of block, as GitHub would show them; of tables, row by row."""
    found = {"heading": [], "paragraph": [], "table": [], "html": []}
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    for before, token in pairwise(tokens):
        if token.type == "tr_open":
            found["table"].append([])
        if token.type == "inline":
            kinds = {child.type for child in token.children}
            assert kinds <= {"text", "softbreak"}, f"{token.content!r} is not plain text"
            words = "".join(child.content for child in token.children)
            kind = before.type.removesuffix("_open")
            found["table"][-1].append(words) if kind in ("td", "th") else found[kind].append(words)
        if token.type == "html_block":
            found["html"].append(token.content)
    return found


def test_markdown_has_the_verdict_and_the_table(tmp_path):
    comparison = AWKWARD["one seed"]
    (path,) = export(comparison, tmp_path, ["md"])
    found = rendered(path.read_text(encoding="utf-8"))
    assert found["heading"] == ["Which optimizer gets there first?", "w", "What to write in your script: SGD"]
    assert found["paragraph"][:2] == [verdict_sentence(comparison).en, "target: accuracy ≥ 0.9"]
    head, *rows = found["table"]
    assert head == ["optimizer", "learning rate", "steps to target", "seeds that reached it", "seconds to target",
                    "final accuracy"]  # fmt: skip
    assert rows[2][:3] == ["optimizer", "compared with", "verdict"]
    assert rows[3] == ["Adam", "SGD", "tie", "1.14", "0 to ∞", "1.0", "1"]
    assert rows[:2] == [
        ["SGD", "0.01", "21", "100 %", "10.5", "0.9000"],
        ["Adam", "0.01", "24", "100 %", "12.0", "0.9000"],
    ]


def test_markdown_shows_what_users_write_and_obeys_none_of_it():
    found = rendered(as_markdown(AWKWARD["odd labels"]))
    head, *rows = found["table"]
    assert head[-1] == f"final m {ATTACK} $"
    assert {row[0] for row in rows} == {"optimizer", *(" ".join(label.split()) for label in ODD)}
    assert {len(row) for row in found["table"]} == {6, 7}
    fold = "<details><summary>What this was computed from</summary>\n"
    assert found["html"] == [fold, "</details>\n"]  # the report's own


@pytest.mark.parametrize("name", AWKWARD)
def test_markdown_is_a_table_whatever_the_study_is_like(name):
    comparison = AWKWARD[name]
    text = as_markdown(comparison)
    assert not re.search(r"\b(nan|inf|None|NaN|Infinity)\b", text)
    rows = sum(len(each.table) for each in comparison.by_workload().values())
    ratios = [part.ratios for part in comparison.by_workload().values() if part.complete and len(part.ratios)]
    workloads, labels = len(comparison.plan.workloads), {one.label for one in comparison.plan.contestants}
    overview = 1 + workloads + 1 + len(labels) if workloads > 1 and comparison.complete else 0
    assert len(rendered(text)["table"]) == overview + rows + workloads + sum(len(each) + 1 for each in ratios)


# --- TensorBoard ------------------------------------------------------------------------------------------------------


def scalars(folder) -> dict[str, dict[str, list]]:
    """By run (the folder below `folder`) and name, what TensorBoard would show."""
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard, which reads its files"
    )
    found = {}
    for file in folder.rglob("events.out.tfevents.*"):
        accumulator = accumulators.EventAccumulator(str(file.parent))
        accumulator.Reload()
        tags = accumulator.Tags()["scalars"]
        found[file.parent.relative_to(folder).as_posix()] = {tag: accumulator.Scalars(tag) for tag in tags}
    return found


@pytest.mark.parametrize("name", ["odd labels", "several workloads", "no numbers"])
def test_tensorboard_shows_the_curves_of_the_winners(name, tmp_path):
    comparison = AWKWARD[name]
    for _ in range(2):  # a second export takes the place of the first
        (home,) = export(comparison, tmp_path, ["tensorboard"])
    found = {run: series for run, series in scalars(home).items() if "/study" not in run and "/trials/" not in run}
    reports = comparison.runs[comparison.runs["phase"] == "report"]
    assert len(found) == len(reports)
    assert len(list(home.rglob("events*"))) == len(comparison.runs) + len(comparison.plan.workloads)
    by_loss = {}
    for run, series in found.items():
        assert set(MEASUREMENTS) <= set(series) <= {*MEASUREMENTS, *RESULTS}
        by_loss.setdefault(tuple(point.value for point in series["loss"]), []).append(run)
    for row in reports.itertuples():
        curve = comparison.curves[comparison.curves["run"] == row.id]
        assert tuple(np.float32(curve["loss"])) in by_loss or np.isnan(curve["loss"]).any()


def test_tensorboard_has_every_number_at_its_step_and_time(comparison, tmp_path):
    (home,) = export(comparison, tmp_path, ["tensorboard"])
    found = scalars(home)
    begun = pd.Timestamp(comparison.facts["created"]).timestamp()
    for run in comparison.runs[comparison.runs["phase"] == "report"].itertuples():
        curve = comparison.curves[comparison.curves["run"] == run.id]
        series = found[f"digits/{run.label}/seed-{run.seed}"]
        for name in MEASUREMENTS:
            assert [point.step for point in series[name]] == curve["step"].tolist()
            np.testing.assert_array_equal([point.value for point in series[name]], np.float32(curve[name]))
            times = [point.wall_time - begun for point in series[name]]
            np.testing.assert_allclose(times, curve["seconds"], atol=1e-6)


def test_folders_of_tensorboard_stay_below_their_own(tmp_path):
    home = tmp_path / "a" / "b" / "c"
    home.mkdir(parents=True)
    export(AWKWARD["odd labels"], home, ["tensorboard"])
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} <= set((home / "tensorboard").rglob("*"))


def test_tensorboards_hparams_have_every_runs_settings_and_results(comparison, exported):
    """Read as the dashboard reads them."""
    pytest.importorskip("tensorboard", reason="needs tensorboard, which reads its files")
    from tensorboard import context
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

    home = str(exported / "tensorboard")
    multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(home)
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, home)
    board = base_plugin.TBContext(logdir=home, multiplexer=multiplexer, data_provider=provider)
    ask = api_pb2.ListSessionGroupsRequest(
        slice_size=10_000, aggregation_type=api_pb2.AGGREGATION_AVG, allowed_statuses=range(4)
    )
    groups = list_session_groups.Handler(
        context.RequestContext(), backend_context.Context(board), "any", ask
    ).run().session_groups  # fmt: skip
    assert sum(len(group.sessions) for group in groups) == len(comparison.runs)
    runs = comparison.runs
    for group in groups:
        phase, label = (group.hparams[name].string_value for name in ("phase", "optimizer"))
        own = runs[(runs["phase"] == phase) & (runs["label"] == label)]
        own = own[np.isclose(own["lr"], group.hparams["lr"].number_value)]
        assert len(own) == len(group.sessions) > 0
        metrics = {metric.name.tag: metric.value for metric in group.metric_values}
        assert metrics["final_loss"] == pytest.approx(own["final_loss"].mean(), rel=1e-6)
        assert metrics["metric"] == pytest.approx(own["final_metric"].mean(), rel=1e-6)


# --- experiment trackers ----------------------------------------------------------------------------------------------


def test_jsonl_has_the_files_of_a_run_of_wandb(comparison, tmp_path):
    for _ in range(2):  # a second export takes the place of the first
        (home,) = export(comparison, tmp_path, ["jsonl"])
    assert len(list(home.rglob("wandb-history.jsonl"))) == len(comparison.runs)
    for row in comparison.runs[comparison.runs["phase"] == "report"].itertuples():
        own = home / "digits" / row.label / f"seed-{row.seed}"
        config = json.loads((own / "config.yaml").read_text())
        assert {name: config[name]["value"] for name in json.loads(row.settings)} == json.loads(row.settings)
        assert (config["optimizer"]["value"], config["seed"]["value"]) == (row.label, row.seed)
        history = pd.read_json(own / "wandb-history.jsonl", lines=True, precise_float=True)
        curve = comparison.curves[comparison.curves["run"] == row.id].reset_index(drop=True)
        named = history.rename(columns={"_step": "step", "_runtime": "seconds"})[["step", "seconds", *MEASUREMENTS]]
        pd.testing.assert_frame_equal(named, curve[list(named)], check_dtype=False)
        summary = json.loads((own / "wandb-summary.json").read_text())
        assert (summary["_step"], summary["final_loss"]) == (curve["step"].iloc[-1], row.final_loss)
        assert (summary["status"], summary["device"]) == (row.status, "cpu")


@pytest.mark.parametrize("name", ["odd labels", "several workloads", "no numbers", "more than a learning rate"])
def test_mlflows_file_store_has_the_documented_layout(name, tmp_path):
    yaml = pytest.importorskip("yaml")
    comparison = AWKWARD[name]
    for _ in range(2):
        (home,) = export(comparison, tmp_path, ["mlflow"])
    experiments = {path.parent.name: yaml.safe_load(path.read_text()) for path in home.glob("*/meta.yaml")}
    assert len(experiments) == len(comparison.plan.workloads)
    assert all(
        own["experiment_id"] == number and own["lifecycle_stage"] == "active" for number, own in experiments.items()
    )
    found = {path.parent: yaml.safe_load(path.read_text()) for path in home.glob("*/*/meta.yaml")}
    made = {" ".join(record.folder.parts[1:]): record for record in records(comparison)}
    assert len(found) == len(comparison.runs)
    for folder, facts in found.items():
        assert facts["run_id"] == facts["run_uuid"] == folder.name and re.fullmatch("[0-9a-f]{32}", folder.name)
        assert facts["experiment_id"] == folder.parent.name
        record = made[facts["run_name"]]
        assert facts["status"] == (3 if record.worked else 4)
        params = {path.name: path.read_text() for path in (folder / "params").iterdir()}
        assert params == {key: str(value) for key, value in record.hyperparameters.items()} | {
            "seed": str(record.facts["seed"])
        }
        if len(comparison.plan.workloads) == 1:
            for key in MEASUREMENTS:
                lines = [line.split() for line in (folder / "metrics" / key).read_text().splitlines()]
                assert [int(step) for *_, step in lines] == record.curve["step"].tolist()
                np.testing.assert_array_equal([float(value) for _, value, _ in lines], record.curve[key])
        assert (folder / "tags" / "mlflow.runName").read_text() == facts["run_name"]


def test_of_a_large_study_only_the_winners_runs_are_exported_one_by_one(monkeypatch):
    monkeypatch.setattr("steepest.report.records.MOST_TRIALS", 3)
    comparison = AWKWARD["several workloads"]
    reports = (comparison.runs["phase"] == "report").sum()
    assert len(list(records(comparison))) in (reports, len(comparison.runs))
    monkeypatch.setattr("steepest.report.records.MOST_TRIALS", 0)
    assert len(list(records(comparison))) == reports


# --- what is asked for ------------------------------------------------------------------------------------------------


def test_an_unknown_format_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(InvalidValue, match="format: unknown format 'parkuet'; did you mean 'parquet'"):
        export(AWKWARD["one trial"], tmp_path, ["csv", "parkuet"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "library"), [("parquet", "pyarrow"), ("tensorboard", "tensorboard")])
def test_a_missing_library_is_one_line_with_the_remedy(name, library, monkeypatch):
    monkeypatch.setattr(exports, "find_spec", lambda asked: None if asked == library else sys)
    with pytest.raises(InvalidValue) as caught:
        check_formats(["csv", name])
    assert str(caught.value) == f"format: {name} needs {library}; install it with  pip install 'steepest[{name}]'"


def test_every_format_is_written_by_the_command(command, study, tmp_path):
    code, printed, complaint = command(f"report {study} --format {','.join(FORMATS)} --out shown")
    assert (code, complaint) == (0, "")
    lines = [line.partition(": ")[2] for line in printed.splitlines()]
    tables = [f"shown/{name}.{kind}" for kind in ("csv", "parquet") for name in TABLES]
    assert lines == [
        "shown/report.html",
        *tables,
        "shown/report.md",
        "shown/tensorboard",
        "shown/jsonl",
        "shown/mlruns",
    ]
    assert all((tmp_path / line).exists() for line in lines)


WRONG = {
    "report nowhere": "nowhere: holds no study.sqlite",
    "report {study} --format pdf --out shown": "'pdf'; known: csv, jsonl, md, mlflow, parquet, tensorboard",
    "report {study} --out {study}/study.sqlite": "cannot be written",
    "report broken": "is not a study of steepest",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line(line, command, study, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / STUDY_FILE).write_text("this is no database, and it is long enough to be taken for one" * 20)
    code, printed, complaint = command(line.format(study=study))
    assert (code, printed, complaint.count("\n")) == (2, "", 1)
    assert WRONG[line] in complaint
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_an_unfinished_study_says_so(command, monkeypatch, tmp_path):
    unfinished = AWKWARD["only search"]
    monkeypatch.setattr("steepest.study.Comparison.read", lambda folder: unfinished)
    code, printed, _ = command("report anything --out shown --format md")
    assert code == 0
    assert (
        printed.splitlines()[0] == "Not finished: 8 of 14 runs are done. Go on with: steepest compare --resume FOLDER"
    )
    assert "Not finished" in (tmp_path / "shown" / "report.md").read_text(encoding="utf-8")


def test_a_report_without_tables_is_the_page_and_its_figures(tmp_path):
    rows = contest(["SGD"], seeds=1)
    assert [path.name for path in write_report(study_of(rows, seeds=1), tmp_path, [])] == ["report.html"]
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "figures"}
    assert math.isfinite(table_of(study_of(rows, seeds=1))["steps_to_target"].item())
