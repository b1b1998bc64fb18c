"""What is trained, and how: which parameters, in which mode and precision, with gradients zeroed."""

import torch
from torch import Tensor, nn

from ...autograd import leaves
from .remedy import Case, Makers, Remedy, Setup, Untried

__all__ = ["REMEDIES"]


def _zeroed(case: Case) -> list[Remedy]:
    if case.numbers["kind"] == "lost":  # trials zero gradients before each backward pass, as they should be
        return []

    def change(setup: Setup) -> None:
        setup.zeroes = True

    return [Remedy("zeroed", change)]


def _stepped(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        setup.steps = True

    return [Remedy("stepped", change)]


def _all_trained(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        known = {id(param) for group in setup.groups() for param in group["params"]}
        with torch.enable_grad():
            used = list(leaves(setup.example.losses(setup.model)[0]))
        lacking = list({id(param): param for param in used if param.requires_grad and id(param) not in known}.values())
        if not lacking or not setup.optimizers:
            raise Untried("outside")
        first = setup.optimizers[0].param_groups[0]
        settings = {name: value for name, value in first.items() if name != "params"}
        setup.optimizers[0].add_param_group({"params": lacking, **settings})

    return [Remedy("all_trained", change, {"count": int(case.numbers.get("missing", case.numbers["count"]))})]


def _training_mode(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        for module in setup.model.modules():  # train() may be one of the model's own, which leaves parts out
            module.training = True

    return [Remedy("training_mode", change)]


def _less_dropout(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        for module in setup.model.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0.2:
                module.p = 0.2

    return [Remedy("dropout", change, {"share": 0.2})]


def _full_precision(case: Case) -> list[Remedy]:
    if case.numbers.get("kind") == "large":  # another parameter is to be trained
        return []

    def change(setup: Setup) -> None:
        setup.model.float()
        setup.inputs = _float
        for optimizer in setup.optimizers:
            for state in optimizer.state.values():
                for name, value in state.items():
                    if isinstance(value, Tensor) and value.is_floating_point() and name != "step":
                        state[name] = value.float()

    return [Remedy("float32", change)]


def _float(value: Tensor) -> Tensor:
    return value.float()


REMEDIES: Makers = {
    "zero_grad": _zeroed,
    "no_step": _stepped,
    "foreign_params": _all_trained,
    "missing_params": _all_trained,
    "eval_mode": _training_mode,
    "dropout": _less_dropout,
    "half_adam": _full_precision,
    "rounding": _full_precision,
}
"""By the codes of their findings."""
