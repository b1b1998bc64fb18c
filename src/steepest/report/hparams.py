"""TensorBoard's dashboard HPARAMS: the settings of every run with its results, as events."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from .records import MEASUREMENTS, RESULTS, RunRecord

__all__ = ["of_run", "of_study"]


def of_run(record: RunRecord, begun: float) -> Iterator[Any]:
    """Settings and results of a run; the runs of one optimizer at the same settings are a group, shown by its means.

    Args:
        record: the run.
        begun: the beginning of the study, in seconds since 1970.
    """
    from google.protobuf.struct_pb2 import Value
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    start = plugin_data_pb2.SessionStartInfo(start_time_secs=begun)
    settings = _settings(record)
    start.group_name = json.dumps(settings)
    for name, value in settings.items():
        is_text = isinstance(value, str)
        start.hparams[name].CopyFrom(Value(string_value=value) if is_text else Value(number_value=float(value)))
    spent = float(record.curve["seconds"].iloc[-1]) if len(record.curve) else 0.0
    status = api_pb2.STATUS_SUCCESS if record.worked else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=begun + spent)
    data = plugin_data_pb2.HParamsPluginData
    yield _event(begun, metadata.SESSION_START_INFO_TAG, data(session_start_info=start))
    last = int(record.curve["step"].iloc[-1]) if len(record.curve) else 0
    yield from (_scalar(begun + spent, last, name, value) for name, value in record.results.items())
    yield _event(begun + spent, metadata.SESSION_END_INFO_TAG, data(session_end_info=end))


def of_study(records: Sequence[RunRecord], begun: float) -> Iterator[Any]:
    """Which hyperparameters and which results there are, over all runs of a study."""
    from google.protobuf.struct_pb2 import ListValue, Value
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    values: dict[str, dict[str | float, None]] = {}
    for record in records:
        for name, value in _settings(record).items():
            values.setdefault(name, {})[value] = None
    experiment = api_pb2.Experiment(time_created_secs=begun)
    for name, found in values.items():
        numbers = [float(value) for value in found if not isinstance(value, str)]
        if len(numbers) == len(found):
            info = api_pb2.HParamInfo(name=name, type=api_pb2.DATA_TYPE_FLOAT64)
            info.domain_interval.min_value, info.domain_interval.max_value = min(numbers), max(numbers)
        else:
            texts = ListValue(values=[Value(string_value=str(value)) for value in found])
            info = api_pb2.HParamInfo(name=name, type=api_pb2.DATA_TYPE_STRING, domain_discrete=texts)
        experiment.hparam_infos.append(info)
    for tag in (*RESULTS, *MEASUREMENTS):
        experiment.metric_infos.append(api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)))
    yield _event(begun, metadata.EXPERIMENT_TAG, plugin_data_pb2.HParamsPluginData(experiment=experiment))


def _settings(record: RunRecord) -> dict[str, str | float | int | bool]:
    """What the runs of a group have in common; searches and fresh seeds are never in one."""
    return {"workload": record.workload, "phase": str(record.facts["phase"])} | record.hyperparameters


def _event(time: float, tag: str, data: Any) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)
    return Event(wall_time=time, summary=Summary(value=[value]))


def _scalar(time: float, step: int, tag: str, value: float) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    number = value if math.isfinite(value) else math.nan
    return Event(wall_time=time, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=number)]))
