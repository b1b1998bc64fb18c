"""Parameters of which each process has a part (`DTensor`, as FSDP2 makes them).

A rule that goes number by number steps the parts where they lie, by the engine that steps plain tensors. Where a rule
needs whole tensors, each is stepped by one rank (see `assigned`); or, where that would send more, they are gathered,
one parameter after the other, all ranks compute the same step of it, and each keeps its part. Numbers that a rule sums
over parameters, and what is decided from gradients, are the same on all ranks.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributed import ReduceOp, all_reduce
from torch.nn import Parameter

from ..base.errors import InvalidValue
from ..rules import Rule

__all__ = [
    "LocalParts", "Triple", "check_gradients", "collective", "initial_state", "is_sharded", "local", "names_of",
    "needs_whole", "numbers", "on_any_rank", "part_like", "refuse_flat_pieces", "stand_in", "step_gathered",
]  # fmt: skip

PLAIN = (Parameter, Tensor)

Triple = tuple[Tensor, Tensor, dict[str, Any]]
"""A parameter, its gradient and its complete state."""


def is_sharded(tensor: Any) -> bool:
    """Whether it is a `DTensor`; there is none before its module is imported."""
    if type(tensor) in PLAIN:
        return False
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def needs_whole(rule: Rule) -> bool:
    """Whether parameters must be gathered: a step takes more of the other coordinates than the sums of `measure`."""
    return not rule.elementwise and not rule.shared


def refuse_flat_pieces(title: str, rule: Rule, params: Iterable[Tensor]) -> None:
    """Refuse the pieces that FSDP1 makes of parameters, for a rule that takes more than a coordinate at once."""
    if not rule.elementwise and any(getattr(param, "_fsdp_flattened", False) for param in params):
        raise InvalidValue(
            f"{title}: FullyShardedDataParallel gives a rank flat pieces of parameters, of which no step can be made;"
            " use torch.distributed.fsdp.fully_shard"
        )


# --- steps ------------------------------------------------------------------------------------------------------------


class LocalParts:
    """The parts of parameters, gradients and states that lie in this process, as plain tensors.

    Attributes:
        triples: in place of those of the parameters; they share their memory.
    """

    def __init__(self, triples: Sequence[Triple]) -> None:
        self._states = [state for _, _, state in triples]
        self.triples: list[Triple] = [
            (local(param), local(_placed_like(param, grad)), {name: local(value) for name, value in state.items()})
            for param, grad, state in triples
        ]

    def put_back(self) -> None:
        """Give the parameters' states what a step put into the parts' states as new tensors."""
        for state, (_, _, part) in zip(self._states, self.triples, strict=True):
            for name, value in part.items():
                if not is_sharded(state[name]):
                    state[name] = value
                elif value is not (own := local(state[name])):
                    own.copy_(value)


def step_gathered(triples: Sequence[Triple], make: Callable[[list[Triple]], None]) -> None:
    """Step whole tensors, on each rank the same, and keep its part of the result: `make` steps a gathered parameter."""
    for param, grad, state in triples:
        whole = _whole(param), _whole(grad), {name: _whole(value) for name, value in state.items()}
        make([whole])
        local(param).copy_(local(part_like(param, whole[0])))
        for name, value in whole[2].items():
            if is_sharded(state[name]):
                local(state[name]).copy_(local(part_like(state[name], value)))
            else:
                state[name] = value


def initial_state(rule: Rule, param: Tensor, state: dict[str, Any]) -> dict[str, Any]:
    """What `rule.init` returns, for a sharded parameter too; it is only gathered where the `state` lacks something.

    A state of the parameter's shape is sharded as that is. Another is whole on every rank.
    """
    initial = rule.init(stand_in(rule, param))
    is_complete = all(value is None or state.get(name) is not None for name, value in initial.items())
    if is_complete or not (is_sharded(param) and needs_whole(rule)):
        return initial
    initial = rule.init(_whole(param))
    return {
        name: part_like(param, value) if isinstance(value, Tensor) and value.shape == param.shape else value
        for name, value in initial.items()
    }


def stand_in(rule: Rule, param: Tensor) -> Tensor:
    """What `rule.init` takes to say the shapes of the state: the parameter, or an empty one in place of a gathered."""
    if is_sharded(param) and needs_whole(rule):
        return torch.empty(param.shape, dtype=param.dtype, device="meta")
    return param if torch.is_grad_enabled() else param.detach()


# --- the same on all ranks --------------------------------------------------------------------------------------------


def numbers(values: Sequence[Any]) -> list[Any]:
    """Sharded tensors of one number as numbers, which are the same on all ranks; others are returned as they are.

    Sums over parts are added up over ranks, all of a mesh at once.
    """
    results = list(values)
    alike: dict[Any, list[int]] = defaultdict(list)
    for index, value in enumerate(values):
        if is_sharded(value):
            alike[value.device_mesh, tuple(value.placements)].append(index)
    for (mesh, placements), places in alike.items():
        if all(placement.is_replicate() or getattr(placement, "reduce_op", None) == "sum" for placement in placements):
            own = torch.stack([local(values[index]).double() for index in places])
            axes = [axis for axis, placement in enumerate(placements) if placement.is_partial()]
            known = _reduced(own, map(mesh.get_group, axes), ReduceOp.SUM)
        else:
            known = [float(values[index].full_tensor()) for index in places]
        for index, number in zip(places, known, strict=True):
            results[index] = number
    return results


def check_gradients(title: str, group: dict[str, Any], over: Any = None) -> None:
    """Refuse a group with a sharded parameter that has a gradient on some of its ranks only; see `on_any_rank`.

    The others would wait for ever for a rank that takes no part in gathering it.
    """
    params = group["params"]
    if over is None and not any(map(is_sharded, params)):
        return
    has_none = [param.grad is None for param in params]
    flags, _ = on_any_rank([*params, *params], has_none + [not none for none in has_none], over)
    names = names_of(group).values()
    for name, some_have_none, some_have_one in zip(names, flags[: len(params)], flags[len(params) :], strict=True):
        if some_have_none and some_have_one:
            raise InvalidValue(f"{title}: {name} has a gradient on some ranks only; give the others one of zeros")


def on_any_rank(params: Sequence[Tensor], flags: Sequence[bool], over: Any = None) -> tuple[list[bool], bool]:
    """For each parameter whether its flag is set on any rank that has a part of it; and whether any is set at all.

    The second is known to all ranks that share a parameter, directly or by way of one other mesh. Plain parameters are
    those of the ranks of the group `over`, if there is one.
    """
    meshes: dict[Any, list[int]] = defaultdict(list)
    for index, param in enumerate(params):
        if is_sharded(param):
            meshes[param.device_mesh].append(index)  # type: ignore[attr-defined]
        elif over is not None:
            meshes[over].append(index)
    result, any_at_all = list(flags), any(flags)
    for _ in meshes:  # a flag that a later mesh knows reaches the ranks of an earlier one in the next round
        for mesh, places in meshes.items():
            groups = [over] if mesh is over else [mesh.get_group(axis) for axis in range(mesh.ndim)]
            own = torch.tensor([any_at_all, *(result[index] for index in places)], dtype=torch.int32)
            any_at_all, *known = map(bool, _reduced(own.to(params[places[0]].device), groups, ReduceOp.MAX))
            for index, flag in zip(places, known, strict=True):
                result[index] = flag
    return result, any_at_all


def _reduced(own: Tensor, groups: Iterable[Any], how: Any) -> list[Any]:
    """The numbers of all ranks of these groups, summed or otherwise reduced; `own` is overwritten."""
    for group in groups:
        collective(all_reduce, own, how, group)
    return own.tolist()


def collective(call: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    """A call that all ranks of a group have to make; raises in one line where another has ended or does not come."""
    try:
        call(*arguments, **named)
    except RuntimeError as error:
        reason = str(error).strip().partition("\n")[0]
        raise RuntimeError(
            f"another rank did not take part in the step: its own error says why; go on from a checkpoint ({reason})"
        ) from error


def names_of(group: dict[str, Any]) -> dict[int, str]:
    """The names of a group's parameters, or their places, by `id`."""
    params = group["params"]
    names = group.get("param_names") or [f"parameter {index} of the group" for index in range(len(params))]
    return dict(zip(map(id, params), names, strict=True))


# --- DTensors ---------------------------------------------------------------------------------------------------------


def part_like(sharded: Tensor, whole: Tensor) -> Tensor:
    """A tensor that is the same on all ranks, sharded as another one is; nothing is sent."""
    from torch.distributed.tensor import DTensor, Replicate

    mesh, placements = sharded.device_mesh, sharded.placements  # type: ignore[attr-defined]
    everywhere = DTensor.from_local(whole.detach(), mesh, [Replicate()] * mesh.ndim, run_check=False)
    return everywhere.redistribute(placements=placements)


def _whole(value: Any) -> Any:
    """A tensor with all its parts; what is not sharded is whole already."""
    return value.full_tensor() if is_sharded(value) else value


def local(value: Any) -> Any:
    """The part of a tensor that lies here, as a plain tensor that shares its memory."""
    return value.to_local() if is_sharded(value) else value


def _placed_like(param: Tensor, grad: Tensor) -> Tensor:
    if is_sharded(grad) and grad.placements != param.placements:  # type: ignore[attr-defined]
        return grad.redistribute(placements=param.placements)  # type: ignore[attr-defined, no-any-return]
    return grad
