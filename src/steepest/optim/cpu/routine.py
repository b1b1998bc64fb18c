"""A fused step remembered: if nothing but numbers has changed since, the next one looks around no further.

Looking around (which engine, which kernel, is everything in place) costs more than the arithmetic of a small network. A
routine holds what came of it, and sees at each step that it still holds: the same objects in the same places, in the
group, in the states and in memory. Gradients are other tensors each time, so they are looked at each time. The looking
is native code, see `look`.
"""

import ctypes
import operator
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.graph import increment_version

from ...program.native import load
from ...rules import Rule
from . import threads
from .step import NUMBERS, Job, Task, by_dtype, kernel_for, readable, tensors_of

__all__ = ["Part", "Routine"]

Group = dict[str, Any]
States = MutableMapping[Tensor, dict[str, Any]]

FLAGS = operator.itemgetter(
    "maximize", "differentiable", "foreach", "fused", "capturable", "master_weights", "stochastic_rounding"
)
GRAD = "grad"
CPU, ONE_LANE, ROOM = 1, 1 << 48, 6
KINDS = {torch.float32: (2, 32), torch.float64: (2, 64), torch.bfloat16: (4, 16)}
"""Codes and bits of kinds of numbers, beside the device's code: as dlpack.h has them."""


@dataclass
class Part:
    """The part of a group, or of its parameters of one dtype, in a step that the fused engine made.

    Attributes:
        rule: with the group's hyperparameters.
        group: the group itself.
        params: those of the parameters that had a gradient.
        states: theirs.
        task: what the kernel is told of them; None if there are none.
        kept: parameters and states as the kernel reads them: all its tensors except the gradients.
    """

    rule: Rule
    group: Group
    params: list[Tensor]
    states: list[dict[str, Any]]
    task: Task | None = None
    kept: Sequence[Tensor] = ()

    @classmethod
    def of(cls, rule: Rule, jobs: Sequence[Job], group: Group) -> list[Self]:
        """The parts of a group, one for each kernel; none if a kernel cannot read all tensors as they are."""
        if not jobs:
            return [cls(rule, group, [], [])]
        parts = [cls._of_one_dtype(rule, dtype, alike, group) for dtype, alike in by_dtype(jobs).items()]
        found = [part for part in parts if part is not None]
        return found if len(found) == len(parts) else []

    @classmethod
    def _of_one_dtype(cls, rule: Rule, dtype: torch.dtype, jobs: Sequence[Job], group: Group) -> Self | None:
        kernel, count = kernel_for(rule, group["maximize"], NUMBERS[dtype]), len(jobs)
        tensors = tensors_of(kernel, jobs)
        if not all(map(operator.is_, tensors, readable(kernel, tensors, count))):
            return None
        params, states = [param for param, _, _ in jobs], [state for _, _, state in jobs]
        return cls(rule, group, params, states, Task(kernel, params), tensors[:count] + tensors[2 * count :])


class Routine:
    """What the last step found of the groups that the fused engine made.

    Attributes:
        parts: of those groups.
    """

    def __init__(self, parts: Sequence[Part], groups: list[Group], states: States) -> None:
        self.parts, self._groups, self._states = parts, groups, states
        self._tasks = [(part, part.task) for part in parts if part.task is not None]
        self._lists = [part.group["params"] for part in parts]
        self._flags = [FLAGS(part.group) for part in parts]
        self._params = [param for part in parts for param in part.params]
        settings = (part.group[name] for part in parts for name in part.rule.hyperparameters())
        self._settings_may_change = not all(map(_is_fixed, settings))
        self._set()
        self._plan, self._native = _Plan(parts, groups, states), _native()

    @classmethod
    def of(cls, parts: Sequence[Part], groups: list[Group], states: States) -> Self | None:
        """The routine of these parts of a step; None if there is nothing to do, or native code cannot look at it."""
        containers = (states, *chain.from_iterable((part.group, *part.states) for part in parts))
        can_look = _reader() != 0 and all(isinstance(each, dict) for each in containers)
        return cls(parts, groups, states) if can_look and any(part.task for part in parts) else None

    def step(self, groups: list[Group], states: States) -> bool:
        """Make the step; False, and nothing done, if something is not as it was."""
        if groups is not self._groups or states is not self._states:
            return False
        if self._settings_may_change:
            self._set()
        came = self._native.step(self._plan.address)
        if came == self._native.CHANGED:
            return False
        if came == self._native.LOOKED:
            for _, task in self._tasks:
                task.run()
        else:
            increment_version(self._params)  # autograd must know of it, for it may still need what was there
        return True

    def adopt(self, rule_of: Callable[[Group], Rule]) -> bool:
        """Take the hyperparameters that the groups have now; False if these are not for the same kernels."""
        if any(part.group["params"] is not listed for part, listed in zip(self.parts, self._lists, strict=True)):
            return False
        rules = [rule_of(part.group) for part in self.parts]
        for part, rule, flags in zip(self.parts, rules, self._flags, strict=True):
            if rule.structure != part.rule.structure or FLAGS(part.group) != flags:
                return False
            part.rule = rule
        self._set()
        return self._plan.accept()

    def _set(self) -> None:
        for part, task in self._tasks:
            task.set(part.rule)


def _is_fixed(setting: Any) -> bool:
    """Whether a setting cannot change while it is the same object, as a tensor's value can."""
    if isinstance(setting, tuple):
        return all(map(_is_fixed, setting))
    return setting is None or isinstance(setting, int | float | str)


# --- what the native code is told -------------------------------------------------------------------------------------


class _Plan:
    """What the native code must find, and what it does then, laid out in memory as `look` reads it.

    Attributes:
        address: where it lies.
    """

    def __init__(self, parts: Sequence[Part], groups: list[Group], states: States) -> None:
        native = _native()
        self._plan = np.zeros(native.FIELDS, dtype=np.int64)
        self._arrays: list[NDArray[np.int64]] = []
        self.address = self._plan.ctypes.data
        stepping = {id(param) for part in parts for param in part.params}
        resting = [param for part in parts for param in part.group["params"] if id(param) not in stepping]
        self._groups = [_Contents(part.group) for part in parts]
        self._lists = [_Contents(each) for each in (groups, *(part.group["params"] for part in parts))]
        self._states = [_Contents(states), *(_Contents(state) for part in parts for state in part.states)]
        self._put(native.LISTS, [each.row for each in self._lists])
        self._put(native.DICTS, [each.row for each in (*self._groups, *self._states)])
        kept = [each for part in parts for each in part.kept]
        self._put(native.TENSORS, [(id(each), each.data_ptr(), *self._look_of(each)) for each in kept])
        self._put(native.GRADIENTS, [row for part in parts for row in self._gradient_rows(part)])
        self._put(native.RESTING, [(id(param),) for param in resting])
        self._put(native.TASKS, [part.task.row for part in parts if part.task is not None])
        self._room = np.zeros(ROOM, dtype=np.int64)
        self._plan[native.OPENMP] = threads.entries().ctypes.data
        self._plan[native.READ] = _reader()
        self._plan[native.GRAD] = id(GRAD)
        self._plan[native.TENSOR_TYPE] = id(Tensor)
        self._plan[native.NONE_TYPE] = id(type(None))
        self._plan[native.ROOM] = self._room.ctypes.data

    def accept(self) -> bool:
        """Expect from now on what the groups hold now; False if one has other keys."""
        return all(group.renew() for group in self._groups)

    def _gradient_rows(self, part: Part) -> Iterator[tuple[int, ...]]:
        """The parameters: their gradients must be like them, and are told to the kernel after them."""
        if part.task is not None:
            addresses, count = part.task.addresses, len(part.params)
            addresses[:count] = [param.data_ptr() for param in part.params]
            addresses[2 * count :] = [each.data_ptr() for each in part.kept[count:]]
            first = addresses.ctypes.data + count * addresses.itemsize
            for place, param in enumerate(part.params):
                yield id(param), first + place * addresses.itemsize, *self._look_of(param), 0

    def _look_of(self, tensor: Tensor) -> tuple[int, int, int, int]:
        """Device, kind, size and strides of a tensor as `look.read` compares them."""
        code, bits = KINDS[tensor.dtype]
        self._arrays.append(strides := np.array(tensor.stride(), dtype=np.int64))
        return CPU, tensor.ndim | code << 32 | bits << 40 | ONE_LANE, tensor.numel(), strides.ctypes.data

    def _put(self, place: int, rows: Sequence[tuple[int, ...]]) -> None:
        self._arrays.append(table := np.array(rows, dtype=np.int64))
        self._plan[place : place + 2] = table.ctypes.data, len(rows)


class _Contents:
    """The objects in a list or a dict, by address; held, so that no other object can come to have the address.

    Attributes:
        row: the container, how many objects, and where their addresses are.
    """

    def __init__(self, container: list[Any] | MutableMapping[Any, Any]) -> None:
        self._container, self._objects = container, _objects(container)
        self._addresses = np.array([*map(id, self._objects)], dtype=np.int64)
        self.row = id(container), len(self._objects), self._addresses.ctypes.data

    def renew(self) -> bool:
        """Take what is there now; False if it is more or less."""
        objects = _objects(self._container)
        if len(objects) != len(self._objects):
            return False
        self._objects, self._addresses[:] = objects, [*map(id, objects)]
        return True


def _objects(container: list[Any] | MutableMapping[Any, Any]) -> list[Any]:
    return [*container] if isinstance(container, list) else [*chain.from_iterable(container.items())]


@cache
def _native() -> ModuleType:
    return load(Path(__file__).with_name("look.py").read_text(encoding="utf-8"))


@cache
def _reader() -> int:
    """The address of torch's function that reads a tensor for DLPack; 0 where torch has none (before 2.10)."""
    capsule = getattr(Tensor, "__dlpack_c_exchange_api__", None)
    if capsule is None:
        return 0
    open_capsule = ctypes.pythonapi.PyCapsule_GetPointer
    open_capsule.restype, open_capsule.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    api = _ExchangeAPI.from_address(open_capsule(capsule, b"dlpack_exchange_api"))
    return api.dltensor_from_py_object_no_sync or 0 if api.major == 1 else 0


class _ExchangeAPI(ctypes.Structure):
    """`DLPackExchangeAPI` of dlpack.h, version 1."""

    _fields_ = (
        ("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("older", ctypes.c_void_p),
        *((name, ctypes.c_void_p) for name in (
            "managed_tensor_allocator", "managed_tensor_from_py_object_no_sync",
            "managed_tensor_to_py_object_no_sync", "dltensor_from_py_object_no_sync", "current_work_stream",
        )),
    )  # fmt: skip
