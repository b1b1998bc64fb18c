"""The engine for accelerators: all parameters of a group at once, as lists of tensors.

There, starting a kernel costs more than the arithmetic of a small tensor. So the rule's operations run over lists, as
they are (`torch._foreach_*`) or, where `fused=True` asks for it, as one kernel made by `torch.compile`, which takes its
time at the first step. Both work on any device, which is how they are tested.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ..base.errors import InvalidValue
from ..program.record import record
from ..rules import Rule
from . import low_bits
from .eager import HALF, Triple
from .lists.functions import function, one_by_one
from .lists.low_bits import Coding
from .lists.uniform import Row, Uniform, place_counters
from .low_bits import BLOCK
from .reports import Engine

__all__ = ["engine_for", "refuse_to_be_captured", "step", "uncapturable"]

PIECE = 1 << 22
"""Elements that operations on lists take at once; the temporaries of a step are a few times as large."""

Group = dict[str, Any]
Columns = Sequence[Sequence[Tensor]]
"""Lists of parameters, gradients, and each state."""

# --- parameters for this engine ---------------------------------------------------------------------------------------


def engine_for(param: Tensor, group: Group) -> Literal[Engine.LISTS, Engine.COMPILED] | None:
    """The engine of this file that the switches of a parameter's group choose; None if they choose another."""
    if param.device.type == "cpu":
        here = group["capturable"] or group["foreach"]
    else:
        here = group["capturable"] or (group["fused"] is not False and group["foreach"] is not False)
    if not here or group["differentiable"]:
        return None
    return Engine.COMPILED if group["fused"] else Engine.LISTS


def uncapturable(rule: Rule, group: Group) -> str | None:
    """The setting that excludes `capturable=True`, under which nothing may be read back; None if there is none."""
    if not rule.elementwise:
        return "a rule that needs whole tensors"
    conflicts = [
        name for name in ("differentiable", "master_weights", "stochastic_rounding", "non_finite") if group[name]
    ]
    return f"{conflicts[0]}={group[conflicts[0]]!r}" if conflicts else None


def refuse_to_be_captured(title: str, param: Tensor) -> None:
    """Raise if a CUDA graph records a step whose numbers come from the host: every replay would repeat this one."""
    if param.is_cuda and torch.cuda.is_current_stream_capturing():
        raise InvalidValue(f"{title}: a step within a CUDA graph needs an optimizer made with capturable=True")


# --- the step ---------------------------------------------------------------------------------------------------------


def step(rule: Rule, triples: Sequence[Triple], group: Group) -> str | None:
    """One step of parameters that `engine_for` chooses and `refusal` does not refuse.

    Returns:
        Why the step was not compiled, where `fused=True` and compilation failed; else None.
    """
    trouble = None
    alike: dict[tuple[torch.device, torch.dtype, int | None], list[Triple]] = defaultdict(list)
    for triple in triples:
        alike[triple[0].device, triple[0].dtype, low_bits.bits_of(triple[0], group["state_bits"])].append(triple)
    for (_, _, bits), own in alike.items():
        trouble = _step_alike(rule, own, group, bits) or trouble
    return trouble


def _step_alike(rule: Rule, triples: Sequence[Triple], group: Group, bits: int | None) -> str | None:
    plan, states, trouble = _plan_for(rule, group["maximize"]), [state for *_, state in triples], None
    place_counters(rule, states, triples[0][0].device if group["capturable"] else torch.device("cpu"))
    uniform = plan.uniform.on_device if group["capturable"] else plan.uniform.on_host
    rows = uniform(rule, states)
    numbers = [rows.pop() for _ in rule.numbers][::-1]
    columns, coding = _columns(plan, triples), _coding(rule, plan, states, bits)
    if group["fused"]:
        kinds = tuple(low_bits.codes_of(rule, bits).items())
        key = (rule.structure, group["maximize"], kinds, tuple(param.shape for param in group["params"]))
        trouble = _run_compiled(plan, key, columns, rows, coding)
    if trouble or not group["fused"]:
        _run_in_pieces(plan, columns, rows, coding)
    for name, row in zip(rule.numbers, numbers, strict=True):
        one_by_one(Tensor.fill_, [state[name] for state in states], row.unbind() if isinstance(row, Tensor) else row)
    torch._foreach_add_([state["step"] for state in states], 1)
    return trouble


@dataclass(frozen=True)
class _Plan:
    """The program of a rule's structure, in the two parts that a step runs.

    Attributes:
        states: names of the states with a number for each element.
        uniform: what is the same for all elements of a parameter.
        update: the rest, over lists.
    """

    states: list[str]
    uniform: Uniform
    update: Callable[..., None]


_plans: dict[Any, _Plan] = {}


def _plan_for(rule: Rule, maximize: bool) -> _Plan:
    """The plan of a rule's structure, made once in a process."""
    key = (rule.structure, maximize)
    if key not in _plans:
        program = record(rule, maximize)
        _plans[key] = _Plan(program.states, Uniform.of(program), function(program))
    return _plans[key]


def _columns(plan: _Plan, triples: Sequence[Triple]) -> Columns:
    """Lists of parameters, gradients and states; a complex number is two real ones."""
    columns = [
        [param for param, _, _ in triples],
        [grad.to(param.dtype) for param, grad, _ in triples],
        *([state[name] for *_, state in triples] for name in plan.states),
    ]
    if not triples[0][0].is_complex():
        return columns
    return [[torch.view_as_real(tensor) for tensor in column] for column in columns]


def _coding(rule: Rule, plan: _Plan, states: Sequence[dict[str, Any]], bits: int | None) -> Coding | None:
    """How states in so many bits are read and rounded; None if all are as the parameters are."""
    codes = low_bits.codes_of(rule, bits)
    if not codes:
        return None
    units = [[state[f"{name}{low_bits.SCALE}"] for state in states] for name in codes] if bits == 8 else []
    steps = [state["step"].to(torch.int64) + 1 for state in states]
    pairs = range((len(codes) + 1) // 2)
    seeds = [
        [low_bits.seed_of(step if step.device.type != "cpu" else int(step), pair) for step in steps] for pair in pairs
    ]
    return Coding([2 + plan.states.index(name) for name in codes], units, seeds, [0] * len(states))


def _number(columns: Columns) -> torch.dtype:
    """What is computed with: half precision in float32."""
    dtype = columns[0][0].dtype
    return torch.float32 if dtype in HALF else dtype


def _update(plan: _Plan, columns: Columns, rows: Sequence[Any], coding: Coding | None = None) -> None:
    """The arithmetic of elements; half precision, and states in fewer bits, are rounded once."""
    number, is_half = _number(columns), columns[0][0].dtype in HALF
    if not is_half and coding is None:
        plan.update(*columns, *rows)
        return
    coded = coding.places if coding else []
    wide: list[Any] = [
        [tensor.float() for tensor in column] if is_half and index not in coded else column
        for index, column in enumerate(columns)
    ]
    if coding:
        wide = coding.read(wide, number)
    plan.update(*wide, *rows)
    for index, column in enumerate(columns):
        if is_half and index != 1 and index not in coded:  # gradients are never written to
            torch._foreach_copy_(list(column), wide[index])
    if coding:
        coding.write(columns, wide)


# --- lists as they are ------------------------------------------------------------------------------------------------


def _run_in_pieces(plan: _Plan, columns: Columns, rows: Sequence[Row], coding: Coding | None) -> None:
    """Update the lists, as many elements at a time as makes temporaries that are small beside a model."""
    number = _number(columns)
    spread = [_tensors(row, number) if isinstance(row, Tensor) else row for row in rows]
    units = coding.units if coding else []
    for places, firsts, piece in _pieces(columns, units):
        own = [row if isinstance(row, int | float) else [row[index] for index in places] for row in spread]
        part = coding.of(places, firsts, piece[len(columns) :]) if coding else None
        _update(plan, piece[: len(columns)], own, part)


def _tensors(row: Tensor, number: torch.dtype) -> tuple[Tensor, ...]:
    return (row if row.dtype is torch.bool else row.to(number)).unbind()


def _pieces(columns: Columns, units: Columns = ()) -> Iterator[tuple[list[int], list[int], Columns]]:
    """Shorter lists, those of `units` behind the others; a large tensor is cut, if it lies in one piece.

    Before them: which of the long lists' places they hold, and the first element that each holds of its tensor.
    """
    places: list[int] = []
    firsts: list[int] = []
    parts: list[Sequence[Tensor]] = []
    size = 0
    blocks = max(1, PIECE // BLOCK)
    lengths = [blocks * BLOCK if units else PIECE] * len(columns) + [blocks] * len(units)
    for index, tensors in enumerate(zip(*columns, *units, strict=True)):
        large = tensors[0].numel() > lengths[0] and all(tensor.is_contiguous() for tensor in tensors)
        cut = [tensor.view(-1).split(length) for tensor, length in zip(tensors, lengths, strict=True)] if large else []
        for number, part in enumerate(zip(*cut, strict=True) if large else [tensors]):
            if places and size + part[0].numel() > PIECE:
                yield places, firsts, list(zip(*parts, strict=True))
                places, firsts, parts, size = [], [], [], 0
            places, firsts = [*places, index], [*firsts, number * lengths[0]]
            parts, size = [*parts, part], size + part[0].numel()
    yield places, firsts, list(zip(*parts, strict=True))


# --- lists compiled ---------------------------------------------------------------------------------------------------

_compiled: dict[Any, Callable[..., None]] = {}
_failed: dict[Any, str] = {}


def _run_compiled(plan: _Plan, key: Any, columns: Columns, rows: Sequence[Row], coding: Coding | None) -> str | None:
    """Update the lists by a compiled function, which belongs to a rule's structure and a group's shapes.

    Numbers go in as a table on the device, so that other values need no new compilation; other lists of parameters do,
    up to `torch._dynamo.config.recompile_limit` of them.

    Returns:
        Why it cannot be compiled; then nothing has been done.
    """
    from torch._dynamo import exc  # takes long, and torch.compile needs it all the same

    if key in _failed:
        return _failed[key]
    if key not in _compiled:
        _compiled[key] = _compile(plan, coding)
    table = _table(rows, len(columns[0]), columns[0][0].device, _number(columns))
    more = coding.tensors(columns[0][0].device) if coding else ()
    try:
        _compiled[key](columns, table, *more)
    except exc.FailOnRecompileLimitHit:
        return "too many different sets of parameters had gradients to compile a step for each"
    except exc.TorchDynamoException as error:
        _failed[key] = f"torch.compile: {str(error).strip().splitlines()[0]}"
        return _failed[key]
    return None


def _compile(plan: _Plan, coding: Coding | None) -> Callable[..., None]:
    coded = coding.places if coding else None

    def update(columns: Columns, table: Tensor, *more: Any) -> None:
        kinds = zip(table.unbind(), plan.uniform.conditions, strict=True)
        rows = [(row != 0 if is_condition else row).unbind() for row, is_condition in kinds]
        _update(plan, columns, rows, None if coded is None else Coding.from_tensors(coded, *more))

    update.__code__ = update.__code__.replace()  # recompilations are counted by code: each function has its own
    return torch.compile(update, fullgraph=True, dynamic=False)


def _table(rows: Sequence[Row], count: int, device: torch.device, number: torch.dtype) -> Tensor:
    """A row for each uniform value, a column for each parameter."""
    if any(isinstance(row, Tensor) for row in rows):
        table = torch.empty((len(rows), count), dtype=number, device=device)
        for index, row in enumerate(rows):
            table[index] = row  # type: ignore[assignment]  # lists are of the host
        return table
    values = [row if isinstance(row, list) else [row] * count for row in rows]
    return torch.tensor(values, dtype=number, device="cpu").to(device)
