"""Signs of what is drawn at random in training."""

from ...findings.catalogue import TRAINING
from ..record import Record
from .levels import Numbers, level_of, recent
from .rates import lr_low

__all__ = ["dropout"]


def dropout(record: Record) -> Numbers | None:
    """Outputs that depend more on what was dropped than on the example, after steps that should have changed that."""
    looks = [(tick.step, tick.dropout) for tick in record.ticks if tick.dropout is not None]
    late = [(step, facts) for step, facts in looks if step >= TRAINING.dropout_steps]
    little = 0 < record.dropout < TRAINING.dropout_least  # 0 where masks are drawn by hand
    if not late or little or not late[-1][1].noise > TRAINING.dropout_noise:
        return None
    if not recent(record) > TRAINING.learns_far * level_of(record) or lr_low(record) is not None:
        return None
    return {"kind": "noise", "step": late[-1][0], "noise": late[-1][1].noise}
