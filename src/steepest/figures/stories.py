"""What happened on a path, in a line for the legend."""

import numpy as np

from ..base.status import Status
from ..paths.tracing import Path
from .path_data import Track
from .style import say, spoken

__all__ = ["story"]


def story(track: Track) -> str:
    """The path's label with what happened on it, in the language of the figure."""
    happened = _in_short(track.path) if spoken() == "zh" else track.path.outcome.message.partition(";")[0]
    text = f"{track.label}: {happened}"
    return text if track.leaves is None else f"{text} ({say('leaves the frame at step {}', track.leaves)})"


def _in_short(path: Path) -> str:
    """From the outcome's status alone: its sentence is English."""
    outcome, end = path.outcome, _point(path)
    match outcome.status:
        case Status.REACHED:
            return say("converged to a minimum at {}", end)
        case Status.STUCK:
            return say("stuck at {}", end)
        case Status.DIVERGED:
            return say("diverged from step {} on", outcome.step)
        case Status.NON_FINITE:
            return say("no value from step {} on", outcome.step)
        case _:
            return say("at {}, value {}", end, f"{path.f[-1]:.4g}")


def _point(path: Path) -> str:
    """The last position; what is next to nothing, measured by the window, is 0."""
    width = np.ptp(path.landscape.window, axis=1)
    numbers = [
        f"{value:.4g}" if abs(value) > 1e-6 * side else "0" for value, side in zip(path.x[-1], width, strict=True)
    ]
    return numbers[0] if len(numbers) == 1 else f"({', '.join(numbers)})"
