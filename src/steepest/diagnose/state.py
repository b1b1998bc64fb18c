"""What a forward pass may change beside parameters: buffers, attributes, containers, generators; kept, and put back."""

import inspect
import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import one_line
from .parameters import dense

__all__ = ["State", "Unrepeatable"]

OF_TORCH = frozenset(nn.Module().__dict__) - {"_buffers"}
"""Attributes that torch gives every module, and that no forward pass changes."""

MOST = 2**26
"""The most bytes of tensors and arrays that are kept besides buffers: 64 MiB."""

CONTAINERS = (list, dict, set, deque)


class Unrepeatable(Exception):
    """A forward pass that cannot be repeated without a trace.

    Attributes:
        kind: why, as a phrase of the catalogue.
        error: what an object of the user's raised, as one line; else empty.
    """

    def __init__(self, kind: str, error: str = "") -> None:
        super().__init__(kind)
        self.kind, self.error = kind, error


class State:
    """The state of a model as it is now, and of everything else that its forward pass names.

    That is: buffers, attributes of modules and of objects of the packages that modules are from, the contents of
    containers, tensors and arrays that are changed in place, generators, and the globals and closures that `forward`
    and the methods it calls refer to. Inputs are walked through as well, but tensors among them are not copied.

    Args:
        model: whose forward pass is about to be repeated.

    Attributes:
        obstacle: why it should not be repeated; empty where nothing was found.
        error: what an object of the user's raised while it was copied.
    """

    def __init__(self, model: nn.Module) -> None:
        self.obstacle = self.error = ""
        self._model = model
        self._undo: list[Callable[[], object]] = []
        self._known: dict[int, Any] = {}
        self._bytes = 0
        self._packages: set[str] = set()

    def keep(self, inputs: Iterable[Any] = ()) -> None:
        """Take down everything, before a forward pass on these inputs: buffers are exchanged for copies."""
        modules = list(self._model.modules())
        self._packages = {type(module).__module__.partition(".")[0] for module in modules} - {"torch", "builtins"}
        if any(isinstance(module, torch.jit.ScriptModule) for module in modules):
            self.obstacle = "script"
            return
        if any(_is_foreign(hook) for hook in _hooks(modules)):
            self.obstacle = "hooks"
        try:
            for module in modules:
                self._attributes(module, module.__dict__, OF_TORCH)
                self._buffers(module._buffers)
            for function in {function for module in modules for function in _functions(module)}:
                self._names(function)
            inside = self._bytes
            for value in inputs:
                self._visit(value, copied=False)
            self._bytes = inside
        except Exception as error:  # whatever an object of the user's raises when it is copied or asked for its parts
            self.obstacle, self.error = "state", one_line(error)
        except BaseException:  # Ctrl-C: buffers may be exchanged already
            self.restore()
            raise

    def restore(self) -> None:
        """Put everything back."""
        for undo in reversed(self._undo):
            undo()

    # --- kinds of state ---------------------------------------------------------------------------------------------

    def _visit(self, value: Any, copied: bool = True) -> None:
        if id(value) in self._known or value is None or isinstance(value, int | float | str | type | FunctionType):
            return
        if isinstance(value, nn.Module):
            return  # one of the model's, or one that only runs where the model calls it
        self._known[id(value)] = value  # kept alive, so that its identity stays its own
        if isinstance(value, Tensor):
            if copied:
                self._tensor(value)
        elif isinstance(value, CONTAINERS):
            self._contents(value, copied)
        elif isinstance(value, tuple):
            for each in value:
                self._visit(each, copied)
        elif (setter := _generator(value)) is not None:
            self._undo.append(setter)
            self.obstacle = "generator"
        elif hasattr(type(value), "__next__"):
            self.obstacle = "iterator"
        elif type(value).__name__ == "ndarray" and value.dtype != object and value.flags.writeable:
            if copied:
                self._array(value)
        elif self._is_own(value):
            self._attributes(value, value.__dict__, frozenset(), copied)

    def _is_own(self, value: Any) -> bool:
        """Whether an object is of a package that the model's classes are from, or a bare namespace."""
        package = type(value).__module__.partition(".")[0]
        return isinstance(getattr(value, "__dict__", None), dict) and package in self._packages | {"types"}

    def _attributes(self, owner: Any, values: dict[str, Any], but: frozenset[str], copied: bool = True) -> None:
        before = dict(values)

        def undo() -> None:
            for name in values.keys() - before.keys():
                del values[name]
            values.update(before)

        self._undo.append(undo)
        for name, value in before.items():
            if name not in but and name != "_buffers":
                self._visit(value, copied)

    def _buffers(self, buffers: dict[str, Tensor | None]) -> None:
        """Exchanged for copies, so that a graph that holds them stays valid."""
        before = dict(buffers)

        def undo() -> None:
            buffers.clear()
            buffers.update(before)

        self._undo.append(undo)
        for name, buffer in before.items():
            if buffer is not None:
                buffers[name] = buffer.clone()

    def _contents(self, value: Any, copied: bool) -> None:
        before = value.copy()
        self._undo.append(lambda: _refill(value, before))
        for each in before.values() if isinstance(before, dict) else before:
            self._visit(each, copied)

    def _tensor(self, tensor: Tensor) -> None:
        """A tensor that is changed in place tells so by its version; one with a graph is the last pass's output."""
        if isinstance(tensor, nn.Parameter) or tensor.grad_fn is not None or not dense(tensor) or tensor.is_inference():
            return
        if not self._fits(tensor.numel() * tensor.element_size()):
            return
        version, before = tensor._version, tensor.detach().clone()
        self._undo.append(lambda: tensor.data.copy_(before) if tensor._version != version else None)

    def _array(self, array: Any) -> None:
        if self._fits(array.nbytes):
            before = array.copy()
            self._undo.append(lambda: array.__setitem__(..., before))

    def _fits(self, size: int) -> bool:
        self._bytes += size
        if self._bytes > MOST:
            self.obstacle = "size"
        return self._bytes <= MOST

    def _names(self, function: FunctionType) -> None:
        """Globals and closures that a function refers to, their values among them."""
        names, variables = function.__code__.co_names, function.__globals__
        before = {name: variables[name] for name in names if name in variables}
        cells = [(cell, cell.cell_contents) for cell in function.__closure__ or () if _is_filled(cell)]

        def undo() -> None:
            for name, value in before.items():
                if variables.get(name) is not value:
                    variables[name] = value
            for cell, value in cells:
                if cell.cell_contents is not value:
                    cell.cell_contents = value

        self._undo.append(undo)
        for value in (*before.values(), *(value for _, value in cells)):
            self._visit(value)


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _functions(module: nn.Module) -> Iterator[FunctionType]:
    """`forward`, and the methods that it calls, as far as they are not torch's."""
    waiting, known = ["forward"], {"forward"}
    while waiting:
        function = inspect.unwrap(getattr(type(module), waiting.pop(), None))  # type: ignore[arg-type]
        if isinstance(function, FunctionType) and function.__module__.partition(".")[0] != "torch":
            yield function
            called = set(function.__code__.co_names) - known
            known |= called
            waiting += [name for name in called if isinstance(getattr(type(module), name, None), FunctionType)]


def _hooks(modules: Iterable[nn.Module]) -> Iterator[Any]:
    everywhere = torch.nn.modules.module
    yield from everywhere._global_forward_hooks.values()
    yield from everywhere._global_forward_pre_hooks.values()
    for module in modules:
        yield from module._forward_hooks.values()
        yield from module._forward_pre_hooks.values()


def _is_foreign(hook: Any) -> bool:
    """Whether a hook is the user's: it may do anything. Those of torch and of doctors leave no trace."""
    owner = getattr(hook, "__self__", hook)
    module = getattr(owner, "__module__", None) or type(owner).__module__
    return not str(module).startswith(("torch.", "steepest.diagnose"))


def _generator(value: Any) -> Callable[[], object] | None:
    """What sets a generator of torch, NumPy or Python back to its state of now; None of anything else."""
    if isinstance(value, torch.Generator):
        state = value.get_state()
        return lambda: value.set_state(state)
    if isinstance(value, random.Random):
        own = value.getstate()
        return lambda: value.setstate(own)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.random.Generator):
        bits, kept = value.bit_generator, value.bit_generator.state
        return lambda: setattr(bits, "state", kept)
    if numpy is not None and isinstance(value, numpy.random.RandomState):
        old = value.get_state()
        return lambda: value.set_state(old)
    return None


def _refill(value: Any, before: Any) -> None:
    """Give a container its contents back, unless they are the same objects (tensors cannot be asked for equality)."""
    if len(value) == len(before):
        if isinstance(value, dict):
            same = all(one is other and value[one] is before[other] for one, other in zip(value, before, strict=True))
        else:
            same = all(one is other for one, other in zip(value, before, strict=True))
        if same:
            return
    value.clear()
    value.extend(before) if isinstance(value, list | deque) else value.update(before)
