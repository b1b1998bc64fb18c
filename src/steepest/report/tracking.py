"""The exports to experiment trackers, as plain files: those of Weights & Biases, and MLflow's file store."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ..base.files import write
from ..study import Comparison
from .records import MEASUREMENTS, RunRecord, records

__all__ = ["write_jsonl", "write_mlflow"]

FINISHED, FAILED = 3, 4
"""MLflow's numbers of a run's status."""

LOCAL = 4
"""MLflow's number of a source that is no project, notebook or job."""


def write_jsonl(study: Comparison, folder: Path) -> list[Path]:
    """Write `jsonl/WORKLOAD/OPTIMIZER/seed-N`, a folder for each run of `records`, with the files of a run of wandb.

    - `config.yaml` (which is JSON, too): hyperparameters, each as `{"value": ...}`;
    - `wandb-history.jsonl`: a line a measurement, `_step`, `_runtime` (seconds of training), `_timestamp`,
      `train_loss`, `loss`, `metric`; null for what is not finite;
    - `wandb-summary.json`: the last of these, the results of the run and its facts.

    Returns:
        The folder `jsonl`, alone in a list.
    """
    home, begun = folder / "jsonl", _begun(study)
    for record in records(study):
        own = home / record.folder
        own.mkdir(parents=True, exist_ok=True)
        config: dict[str, Any] = {"wandb_version": 1}
        config |= {name: {"value": value} for name, value in (record.hyperparameters | {"seed": _seed(record)}).items()}
        history = [*_history(record, begun)]
        write(own / "config.yaml", json.dumps(config, indent=1) + "\n")
        write(own / "wandb-history.jsonl", "".join(f"{json.dumps(line)}\n" for line in history))
        summary = (history[-1] if history else {}) | record.results | record.facts
        write(own / "wandb-summary.json", json.dumps(summary, indent=1) + "\n")
    return [home]


def _history(record: RunRecord, begun: float) -> Iterator[dict[str, float | int | None]]:
    for step, seconds, *values in record.curve[["step", "seconds", *MEASUREMENTS]].to_numpy(dtype=float):
        line: dict[str, float | int | None] = {
            "_step": int(step), "_runtime": float(seconds), "_timestamp": begun + float(seconds),
        }  # fmt: skip
        yield line | {
            name: float(value) if math.isfinite(value) else None
            for name, value in zip(MEASUREMENTS, values, strict=True)
        }


def write_mlflow(study: Comparison, folder: Path) -> list[Path]:
    """Write `mlruns/EXPERIMENT/RUN`: MLflow's file store, an experiment for each workload with the runs of `records`.

    Names of experiments and runs follow from the study, so that a second export replaces the first.

    Returns:
        The folder `mlruns`, alone in a list.
    """
    home, begun = folder / "mlruns", _begun(study)
    milliseconds = round(1000 * begun)
    experiments = set()
    for record in records(study):
        number = str(int(_hash(study.facts["created"], record.workload)[:15], 16))
        place = home / number
        if number not in experiments:
            experiments.add(number)
            _write_yaml(place, {
                "artifact_location": place.absolute().as_uri(), "creation_time": milliseconds, "experiment_id": number,
                "last_update_time": milliseconds, "lifecycle_stage": "active",
                "name": f"steepest {record.workload} {study.facts['created']}",
            })  # fmt: skip
        _write_run(record, place, number, _hash(study.facts["created"], str(record.folder))[:32], milliseconds)
    return [home]


def _write_run(record: RunRecord, place: Path, experiment: str, name: str, begun: int) -> None:
    """The files of one run; `begun` in milliseconds since 1970."""
    own, curve = place / name, record.curve
    seconds = float(curve["seconds"].iloc[-1]) if len(curve) else 0.0
    run_name = " ".join(record.folder.parts[1:])
    _write_yaml(own, {
        "artifact_uri": (own / "artifacts").absolute().as_uri(), "end_time": begun + round(1000 * seconds),
        "entry_point_name": "", "experiment_id": experiment, "lifecycle_stage": "active", "run_id": name,
        "run_name": run_name, "run_uuid": name, "source_name": "steepest", "source_type": LOCAL,
        "source_version": "", "start_time": begun, "status": FINISHED if record.worked else FAILED, "tags": [],
        "user_id": "",
    })  # fmt: skip
    (own / "artifacts").mkdir(exist_ok=True)
    params = record.hyperparameters | {"seed": _seed(record)}
    _write_each(own / "params", {key: str(value) for key, value in params.items()})
    facts = {f"steepest.{key}": str(value) for key, value in record.facts.items()}
    _write_each(own / "tags", {"mlflow.runName": run_name, "mlflow.user": "", **facts})
    metrics = {key: [f"{begun} {value!r} 0"] for key, value in record.results.items()}
    for step, spent, *values in curve[["step", "seconds", *MEASUREMENTS]].to_numpy(dtype=float):
        for key, value in zip(MEASUREMENTS, values, strict=True):
            metrics.setdefault(key, []).append(f"{begun + round(1000 * spent)} {float(value)!r} {step:.0f}")
    _write_each(own / "metrics", {key: "".join(f"{line}\n" for line in lines) for key, lines in metrics.items()})


def _write_yaml(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write `meta.yaml`; texts and numbers of JSON are those of YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "meta.yaml", "".join(f"{key}: {json.dumps(value)}\n" for key, value in facts.items()))


def _write_each(folder: Path, texts: Mapping[str, str]) -> None:
    """A file for each text, named as it."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        write(folder / name, text)


def _seed(record: RunRecord) -> int:
    return int(record.facts["seed"])


def _begun(study: Comparison) -> float:
    return datetime.fromisoformat(study.facts["created"]).timestamp()


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
