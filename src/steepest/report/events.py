"""TensorBoard's event files of a comparison, so that people can look where they are used to; without TensorFlow."""

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ..figures.style import write
from ..study import Comparison
from .places import file_names

__all__ = ["write_events"]

NAME = "events.out.tfevents.0.steepest"
"""The same name each time, so that a second export takes the place of the first."""

MEASUREMENTS = ("train_loss", "loss", "metric")


def write_events(study: Comparison, folder: Path) -> list[Path]:
    """`tensorboard/WORKLOAD/OPTIMIZER/seed-1`: the winners' runs on fresh seeds, a point a measurement.

    Time is the time of training, evaluation excluded, from when the study was begun.
    """
    home, names = folder / "tensorboard", study.plan.short_names
    workloads = file_names(names.values())
    labels = file_names(each.label for each in study.plan.contestants)
    begun = _seconds(study.facts["created"])
    curves = {int(str(run)): own for run, own in study.curves.groupby("run")}
    runs = study.runs.loc[study.runs["phase"] == "report", ["id", "workload", "label", "seed"]]
    for number, workload, label, seed in runs.itertuples(index=False, name=None):
        place = home / workloads[names[workload]] / labels[label] / f"seed-{seed}"
        place.mkdir(parents=True, exist_ok=True)
        write(place / NAME, _records(curves.get(number, study.curves.head(0)), begun))
    return [home]


def _seconds(moment: str) -> float:
    """Seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()


def _records(curve: pd.DataFrame, begun: float) -> bytes:
    from tensorboard.summary.writer.record_writer import RecordWriter

    content = io.BytesIO()
    writer = RecordWriter(content)
    for event in _events(curve, begun):
        writer.write(event.SerializeToString())
    return content.getvalue()


def _events(curve: pd.DataFrame, begun: float) -> Iterator[Any]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    yield Event(wall_time=begun, file_version="brain.Event:2")
    for step, seconds, *measured in curve[["step", "seconds", *MEASUREMENTS]].to_numpy(dtype=float):
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in zip(MEASUREMENTS, measured, strict=True)]
        yield Event(wall_time=begun + seconds, step=int(step), summary=Summary(value=values))
