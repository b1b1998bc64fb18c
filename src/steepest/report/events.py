"""The export to TensorBoard: event files with the curves of a comparison's winners; needs no TensorFlow."""

import io
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from ..base.files import write
from ..study import Comparison
from . import hparams
from .data import as_json
from .filenames import file_names
from .records import MEASUREMENTS, records

__all__ = ["write_events"]

NAME = "events.out.tfevents.0.steepest"
"""The name of every event file, always the same, so that a second export replaces the first."""


def write_events(study: Comparison, folder: Path) -> list[Path]:
    """Write `tensorboard/WORKLOAD/OPTIMIZER/seed-N`: the winners' runs on fresh seeds, one event a measurement.

    The trials have their last measurement, in `tensorboard/WORKLOAD/OPTIMIZER/trials/`, so that the dashboard HPARAMS
    shows the settings of every run with its results. `tensorboard/WORKLOAD/study` has the JSON of
    `steepest.report.data` as a text.

    The wall time of an event is the start of the study plus the time of training, evaluation excluded.

    Args:
        study: the comparison.
        folder: of the report.

    Returns:
        The folder `tensorboard`, alone in a list.
    """
    home, names = folder / "tensorboard", study.plan.short_names
    workloads = file_names(names.values())
    begun = datetime.fromisoformat(study.facts["created"]).timestamp()
    made = [*records(study)]
    for record in made:
        run_folder = home / record.folder
        run_folder.mkdir(parents=True, exist_ok=True)
        is_trial = record.facts["phase"] == "search"
        curve = record.curve.tail(1) if is_trial else record.curve
        write(run_folder / NAME, _records(chain(_events(curve, begun), hparams.of_run(record, begun))))
    for name, comparison in study.by_workload().items():
        run_folder = home / workloads[names[name]] / "study"
        run_folder.mkdir(parents=True, exist_ok=True)
        write(run_folder / NAME, _records(chain(_text(as_json(comparison), begun), hparams.of_study(made, begun))))
    return [home]


def _records(events: Iterator[Any]) -> bytes:
    """The content of an event file."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    content = io.BytesIO()
    writer = RecordWriter(content)
    for event in events:
        writer.write(event.SerializeToString())
    return content.getvalue()


def _events(curve: pd.DataFrame, begun: float) -> Iterator[Any]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    yield Event(wall_time=begun, file_version="brain.Event:2")
    for step, seconds, *measured in curve[["step", "seconds", *MEASUREMENTS]].to_numpy(dtype=float):
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in zip(MEASUREMENTS, measured, strict=True)]
        yield Event(wall_time=begun + seconds, step=int(step), summary=Summary(value=values))


def _text(text: str, begun: float) -> Iterator[Any]:
    """A text, which TensorBoard shows under TEXT."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.plugins.text.metadata import create_summary_metadata

    yield Event(wall_time=begun, file_version="brain.Event:2")
    tensor = TensorProto(dtype="DT_STRING", string_val=[text.encode()])
    value = Summary.Value(tag="computed from", metadata=create_summary_metadata("", ""), tensor=tensor)
    yield Event(wall_time=begun, step=0, summary=Summary(value=[value]))
