"""Workloads, tried out before anything is stored: within a timeout, and on the device."""

from .. import rules, workloads
from ..base.errors import InvalidValue, SteepestError
from ..base.guards import TimeIsUp, time_limit
from ..base.modules import last_words
from ..workloads import Problem
from ..workloads.seeding import seeded
from .workers.pool import GRACE

__all__ = ["check_on_device", "tried_out"]


def tried_out(workload: str, timeout: float | None, quick: bool = False) -> Problem:
    """The workload, found and tried out within the timeout; what it imports may take longer.

    Args:
        workload: as for `workloads.find`.
        timeout: in seconds.
        quick: whether at its quick size.

    Raises:
        InvalidValue: it takes longer, or what `workloads.find` raises.
    """
    doing = "it"
    find = workloads.quick if quick else workloads.find
    try:
        with time_limit(timeout and timeout + GRACE):
            find(workload, try_out=False)
        doing = "`data` or `model`"
        with time_limit(timeout):
            return find(workload)
    except TimeIsUp as stopped:
        place = last_words(stopped, workloads.file_of(workload)).rpartition(":")[0]
        where = f" ({place})" if place else ""
        raise InvalidValue(
            f"{workload}: {doing} took longer than --timeout allows, {timeout:g} seconds{where}; it may hang, or need"
            " longer"
        ) from None


def check_on_device(problem: Problem, device: str, timeout: float | None) -> None:
    """One step on a device, so that a workload that cannot be trained there is told before anything is stored.

    Raises:
        InvalidValue: something raises; what, and where.
    """
    from ..training.memory import is_out_of_memory
    from ..training.trainer import Trainer

    try:
        with time_limit(timeout and timeout + GRACE), seeded(0, device):
            trainer = Trainer(problem, rules.find("sgd"), 0, 1, None, "constant", device)
            trainer.measure()
            trainer.advance(1)
            trainer.synchronize()
    except SteepestError:
        raise
    except Exception as error:
        if not is_out_of_memory(error):  # which is a run's failure: another batch size may fit
            where = last_words(error, problem.name)
            raise InvalidValue(
                f"{problem.name}: cannot be trained on {device} ({where}); move what it makes to the device of its"
                " model"
            ) from error
