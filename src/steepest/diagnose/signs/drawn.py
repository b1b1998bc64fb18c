"""Signs of what is drawn at random in training."""

import math

from ...findings.catalogue import TRAINING
from ..record import Record
from .levels import Numbers, level_of, recent
from .rates import lr_low

__all__ = ["dropout"]


def dropout(record: Record) -> Numbers | None:
    """Outputs that depend more on what was dropped than on the example, after steps that should have changed that."""
    late = [tick for tick in record.ticks if not math.isnan(tick.dropout) and tick.step >= TRAINING.dropout_steps]
    little = 0 < record.dropout < TRAINING.dropout_least  # 0 where masks are drawn by hand
    if not late or little or not late[-1].dropout > TRAINING.dropout_noise:
        return None
    if not recent(record) > TRAINING.learns_far * level_of(record) or lr_low(record) is not None:
        return None
    return {"kind": "noise", "step": late[-1].step, "noise": late[-1].dropout}
