"""What is trained: a model and its optimizers, without the wrappers around them."""

from collections.abc import Iterator, Sequence
from itertools import islice
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Target", "held", "unwrapped", "unwrapped_optimizer"]

Optimizers = Sequence[torch.optim.Optimizer]

HELD = 10_000
"""The most values of a model that are looked at for tensors among them."""


def unwrapped(model: nn.Module) -> nn.Module:
    """The module inside wrappers of DDP and `torch.compile`, which runs without their machinery."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and type(model).__name__ in ("DistributedDataParallel", "DataParallel"):
            inner = getattr(model, "module", None)
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def unwrapped_optimizer(optimizer: Any) -> Any:
    """The optimizer inside a wrapper that is none itself, such as those of accelerate and Lightning."""
    while not hasattr(optimizer, "_optimizer_step_pre_hooks"):
        inner = getattr(optimizer, "optimizer", None)
        if not isinstance(inner, torch.optim.Optimizer) or inner is optimizer:
            break
        optimizer = inner
    return optimizer


class Target:
    """What is trained: the model, its parameters by identity, and the optimizers with theirs.

    Args:
        model: the model, perhaps wrapped.
        optimizers: those that step its parameters.
    """

    def __init__(self, model: nn.Module, optimizers: Optimizers) -> None:
        self.outer, self.model, self.optimizers = model, unwrapped(model), optimizers
        self.names = {id(param): name for name, param in self.model.named_parameters()}
        self.owners = {
            id(param): module for module in self.model.modules() for param in module.parameters(recurse=False)
        }
        self.device = next((param.device for param in self.model.parameters()), torch.device("cpu"))
        self.compiled = model is not self.model and hasattr(model, "_orig_mod")
        self.compiles_itself = getattr(self.model, "_compiled_call_impl", None) is not None
        inside = {
            id(child)
            for module in self.model.modules()
            if hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
            for child in module.modules()
        }
        self.compiles = self.compiled or bool(inside)
        self.hookable = [
            module
            for module in dict.fromkeys(self.owners.values())
            if not (self.compiled or id(module) in inside or isinstance(module, torch.jit.ScriptModule))
        ]
        self.parts = [
            module
            for module in self.model.modules()
            if next(module.children(), None) is None
            and not (self.compiled or id(module) in inside or isinstance(module, torch.jit.ScriptModule))
        ]
        self.sharded = any(type(param).__name__ == "DTensor" for param in self.model.parameters())

    @property
    def version(self) -> int:
        """A number that grows whenever a parameter is changed in place."""
        return sum(param._version for _, _, param in self.stepped())

    @property
    def rewritten(self) -> int:
        """A number that grows whenever a parameter of the model is changed in place, whoever steps it."""
        return sum(param._version for param in self.model.parameters() if not param.is_inference())

    def resembles(self, module: nn.Module) -> bool:
        """Whether a module has the parameters of the model, by name and shape."""
        own = {name: param.shape for name, param in self.model.named_parameters()}
        return bool(own) and own == {name: param.shape for name, param in unwrapped(module).named_parameters()}

    def stepped(self) -> Iterator[tuple[torch.optim.Optimizer, dict[str, Any], Tensor]]:
        """Every parameter that an optimizer steps, with its group."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                for param in group["params"]:
                    yield optimizer, group, param

    def trained(self) -> Iterator[Tensor]:
        """Every parameter that gets a gradient: the model's, and what the optimizers step besides; some come twice."""
        yield from (param for param in self.model.parameters() if param.requires_grad)
        yield from (param for _, _, param in self.stepped() if param.requires_grad)

    def peak(self) -> float:
        """The largest base or peak that a scheduler of torch keeps in the groups; 0 without one."""
        names = ("initial_lr", "max_lr")
        kept = [group.get(name) for optimizer in self.optimizers for group in optimizer.param_groups for name in names]
        return max((float(value) for value in kept if isinstance(value, Real)), default=0.0)

    def rates(self) -> list[Any]:
        """The learning rate of each group, where it is a number."""
        rates = [group.get("lr") for optimizer in self.optimizers for group in optimizer.param_groups]
        return [rate for rate in rates if isinstance(rate, Real)]


def held(model: nn.Module) -> dict[int, str]:
    """Names of tensors that require a gradient and that a model keeps elsewhere than among its parameters.

    They are attributes of its modules, or of plain objects in these, or stand in lists, tuples and dictionaries.
    """
    names, own = dict[int, str](), vars(nn.Module())
    waiting: list[tuple[str, Any, int]] = [
        (f"{where}.{name}" if where else name, value, 0)
        for where, module in model.named_modules()
        for name, value in (*vars(module).items(), *module._buffers.items())
        if name not in own
    ]
    visited = 0
    while waiting and visited < HELD:
        name, value, depth = waiting.pop()
        visited += 1
        if isinstance(value, Tensor):
            if value.requires_grad and value.is_leaf:
                names[id(value)] = name
        elif depth < 3 and not isinstance(value, nn.Module | type):
            if isinstance(value, list | tuple):
                waiting += [(f"{name}[{place}]", each, depth + 1) for place, each in enumerate(value[:HELD])]
            else:
                inside = value if isinstance(value, dict) else getattr(value, "__dict__", {})
                waiting += [(f"{name}.{key}", each, depth + 1) for key, each in islice(inside.items(), HELD)]
    return names
