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
from .eager import HALF, Triple
from .lists.functions import function, one_by_one
from .lists.uniform import Row, Uniform, place_counters
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
    alike: dict[tuple[torch.device, torch.dtype], list[Triple]] = defaultdict(list)
    for triple in triples:
        alike[triple[0].device, triple[0].dtype].append(triple)
    for own in alike.values():
        trouble = _step_alike(rule, own, group) or trouble
    return trouble


def _step_alike(rule: Rule, triples: Sequence[Triple], group: Group) -> str | None:
    plan, states, trouble = _plan_for(rule, group["maximize"]), [state for *_, state in triples], None
    place_counters(rule, states, triples[0][0].device if group["capturable"] else torch.device("cpu"))
    uniform = plan.uniform.on_device if group["capturable"] else plan.uniform.on_host
    rows = uniform(rule, states)
    numbers = [rows.pop() for _ in rule.numbers][::-1]
    columns = _columns(plan, triples)
    if group["fused"]:
        key = (rule.structure, group["maximize"], tuple(param.shape for param in group["params"]))
        trouble = _run_compiled(plan, key, columns, rows)
    if trouble or not group["fused"]:
        _run_in_pieces(plan, columns, rows)
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


def _number(columns: Columns) -> torch.dtype:
    """What is computed with: half precision in float32."""
    dtype = columns[0][0].dtype
    return torch.float32 if dtype in HALF else dtype


def _update(plan: _Plan, columns: Columns, rows: Sequence[Any]) -> None:
    """The arithmetic of elements; half precision is rounded once."""
    if columns[0][0].dtype not in HALF:
        plan.update(*columns, *rows)
        return
    wide = [[tensor.float() for tensor in column] for column in columns]
    plan.update(*wide, *rows)
    for index, column in enumerate(columns):
        if index != 1:  # gradients are never written to
            torch._foreach_copy_(list(column), wide[index])


# --- lists as they are ------------------------------------------------------------------------------------------------


def _run_in_pieces(plan: _Plan, columns: Columns, rows: Sequence[Row]) -> None:
    """Update the lists, as many elements at a time as makes temporaries that are small beside a model."""
    number = _number(columns)
    spread = [_tensors(row, number) if isinstance(row, Tensor) else row for row in rows]
    for places, piece in _pieces(columns):
        own = [row if isinstance(row, int | float) else [row[index] for index in places] for row in spread]
        _update(plan, piece, own)


def _tensors(row: Tensor, number: torch.dtype) -> tuple[Tensor, ...]:
    return (row if row.dtype is torch.bool else row.to(number)).unbind()


def _pieces(columns: Columns) -> Iterator[tuple[list[int], Columns]]:
    """Shorter lists, and which of the long ones' places they hold; a large tensor is cut, if it lies in one piece."""
    places: list[int] = []
    parts: list[Sequence[Tensor]] = []
    size = 0
    for index, tensors in enumerate(zip(*columns, strict=True)):
        large = tensors[0].numel() > PIECE and all(tensor.is_contiguous() for tensor in tensors)
        for part in zip(*(tensor.view(-1).split(PIECE) for tensor in tensors), strict=True) if large else [tensors]:
            if places and size + part[0].numel() > PIECE:
                yield places, list(zip(*parts, strict=True))
                places, parts, size = [], [], 0
            places, parts, size = [*places, index], [*parts, part], size + part[0].numel()
    yield places, list(zip(*parts, strict=True))


# --- lists compiled ---------------------------------------------------------------------------------------------------

_compiled: dict[Any, Callable[[Columns, Tensor], None]] = {}
_failed: dict[Any, str] = {}


def _run_compiled(plan: _Plan, key: Any, columns: Columns, rows: Sequence[Row]) -> str | None:
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
        _compiled[key] = _compile(plan)
    table = _table(rows, len(columns[0]), columns[0][0].device, _number(columns))
    try:
        _compiled[key](columns, table)
    except exc.FailOnRecompileLimitHit:
        return "too many different sets of parameters had gradients to compile a step for each"
    except exc.TorchDynamoException as error:
        _failed[key] = f"torch.compile: {str(error).strip().splitlines()[0]}"
        return _failed[key]
    return None


def _compile(plan: _Plan) -> Callable[[Columns, Tensor], None]:
    def update(columns: Columns, table: Tensor) -> None:
        kinds = zip(table.unbind(), plan.uniform.conditions, strict=True)
        _update(plan, columns, [(row != 0 if is_condition else row).unbind() for row, is_condition in kinds])

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
