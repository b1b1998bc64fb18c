"""What training and evaluation mode change of what is trained."""

from collections.abc import Iterable

import torch
from torch import nn

from .examine import counterpart
from .observation import Forward
from .replay import put_back, undisturbed
from .target import Target

__all__ = ["asleep", "depends_on_mode", "depends_on_training", "never_estimated"]


def depends_on_training(module: nn.Module) -> bool:
    """Whether a module is one that does different things in training and in evaluation."""
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return module.p > 0
    return isinstance(module, nn.modules.batchnorm._BatchNorm)


def asleep(model: nn.Module, sensitive: Iterable[nn.Module]) -> list[nn.Module]:
    """Of these modules those that are in evaluation mode and belong to what is trained.

    A part of a model all of whose parameters are frozen is meant to be as in evaluation. To it belongs what lies in a
    module without others, and what comes, in the order of modules, before a frozen layer and behind no trained one.
    """
    waiting = [module for module in sensitive if not module.training]
    if not waiting or all(param.requires_grad for param in model.parameters()):
        return waiting
    frozen, begun, following = set[int](), False, list[nn.Module]()
    for module in model.modules():
        params = list(module.parameters(recurse=False))
        following.append(module)
        if params:
            begun = begun or any(param.requires_grad for param in params)
            frozen |= set() if begun else set(map(id, following))
            following.clear()
    for module in model.modules():
        params = list(module.parameters())
        if params and not any(param.requires_grad for param in params):
            frozen |= set(map(id, module.modules()))
    return [module for module in waiting if id(module) not in frozen]


def never_estimated(module: nn.Module) -> bool:
    """Whether a batch normalization is trained with statistics that no batch has ever changed."""
    if not isinstance(module, nn.modules.batchnorm._BatchNorm):
        return False
    mean, variance, count = module.running_mean, module.running_var, module.num_batches_tracked
    if mean is None or variance is None or count is None or int(count) > 0:
        return False
    return bool((mean == 0).all() & (variance == 1).all())


def depends_on_mode(target: Target, forward: Forward) -> bool:
    """Whether a model gives other outputs in training mode: two forward passes on a batch that leave no trace.

    Raises:
        Unrepeatable: a forward pass might leave a trace.
    """
    if forward.inputs is None or forward.rewrites or not forward.is_repeatable or not forward.outputs:
        return False
    args, kwargs = forward.inputs
    modes = [(module, module.training) for module in target.model.modules()]
    shape, count = forward.outputs[0].shape, len(forward.outputs)

    def restore() -> None:
        for module, mode in modes:
            module.training = mode

    found = []
    for training in (False, True):
        with undisturbed(target.model, forward.draws, (*args, *kwargs.values())):
            try:
                for module, mode in modes:
                    module.training = training or mode
                found.append(counterpart(target.model(*args, **kwargs), count, 0, shape))
            finally:
                put_back(restore)
    one, other = found
    return one is not None and other is not None and not torch.allclose(one, other, rtol=1e-3, equal_nan=True)
