"""Which advice can be carried out on copies of model and optimizer, and how: the remedies of each finding.

A remedy changes a `Setup`, a training that is about to run. What no remedy is listed for is a change of the user's own
code. Findings about the initial state, or the scale of data, are tried from the start only.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..autograd import leaves
from ..record import Record
from .recording import Batch, Outputs
from .result import Start

__all__ = ["REMEDIES", "SEEN", "Case", "Remedy", "Setup", "Untried"]

BOTH: tuple[Start, ...] = ("start", "now")

SEEN = frozenset({"eval_mode", "dropout"})
"""Findings whose remedy raises the loss on batches that were trained on: from now on only held-out data can tell."""


class Untried(Exception):
    """The advice cannot be tried, for a reason of the catalogue."""

    def __init__(self, reason: str, **numbers: Any) -> None:
        super().__init__(reason)
        self.numbers = {"untried": reason, **numbers}


@dataclass
class Setup:
    """A training that is about to run, on copies.

    Attributes:
        model, optimizers: the copies.
        zeroes: whether gradients are zeroed before each step.
        steps: whether the optimizer steps.
        backwards: batches whose gradients are summed in a step.
        factor: factor of what is differentiated.
        clip: the norm that gradients are clipped to; None: not clipped.
        inputs: applied to each floating-point input.
        outputs: applied to what the loss is computed from.
        read: applied to it, instead, where the loss is only read.
        example: a batch, for what a remedy has to see running.
    """

    model: nn.Module
    optimizers: list[torch.optim.Optimizer]
    example: Batch
    zeroes: bool = True
    steps: bool = True
    backwards: int = 1
    factor: float = 1.0
    clip: float | None = None
    inputs: Outputs | None = None
    outputs: Outputs | None = None
    read: Outputs | None = None

    def groups(self) -> list[dict[str, Any]]:
        """The groups of all optimizers."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]


@dataclass(frozen=True)
class Case:
    """What is known where an advice is to be tried."""

    numbers: Mapping[str, Any]
    record: Record
    batches: Sequence[Batch]


@dataclass(frozen=True)
class Remedy:
    """One way of following an advice.

    Attributes:
        phrase: a variant of the phrase `remedy` of the catalogue.
        change: makes a setup follow the advice; may raise `Untried`.
        numbers: those of the phrase.
        starts: where it may begin.
        read: how outputs are read where things are left alone, so that both losses are of one kind.
    """

    phrase: str
    change: Callable[[Setup], Any]
    numbers: Mapping[str, Any] = field(default_factory=dict)
    starts: tuple[Start, ...] = BOTH
    read: Outputs | None = None


REMEDIES: dict[str, Callable[[Case], list[Remedy]]] = {}
"""The remedies of each finding that has any, by code; of several the best in a first run is tried in earnest."""


def remedy(*codes: str) -> Callable[[Callable[[Case], list[Remedy]]], Callable[[Case], list[Remedy]]]:
    """A decorator that registers the remedies of findings."""

    def add(make: Callable[[Case], list[Remedy]]) -> Callable[[Case], list[Remedy]]:
        REMEDIES.update(dict.fromkeys(codes, make))
        return make

    return add


# --- length and direction of the steps --------------------------------------------------------------------------------


@remedy("lr_high")
def _slower(case: Case) -> list[Remedy]:
    slower = [Remedy("rate", _times(factor), {"factor": factor}) for factor in (1 / 3, 1 / 10, 1 / 30)]
    return slower + [Remedy("memory", _remembering)] * bool(case.numbers.get("heavy"))


@remedy("nan")
def _finite(case: Case) -> list[Remedy]:
    if case.numbers.get("cause") != "growth":
        return []
    return [Remedy("rate", _times(factor), {"factor": factor}, ("start",)) for factor in (1 / 3, 1 / 10, 1 / 30)]


@remedy("lr_low")
def _faster(case: Case) -> list[Remedy]:
    return [Remedy("rate", _times(factor), {"factor": factor}) for factor in (3.0, 10.0, 100.0)]


def _times(factor: float) -> Callable[[Setup], None]:
    def change(setup: Setup) -> None:
        for group in setup.groups():
            group["lr"] = group["lr"] * factor

    return change


def _remembering(setup: Setup) -> None:
    for group in setup.groups():
        if "momentum" in group:
            group["momentum"] = 0.9
        elif "betas" in group:
            group["betas"] = (0.9, *group["betas"][1:])


@remedy("ascent")
def _downhill(case: Case) -> list[Remedy]:
    if case.numbers.get("by") in ("trend", "unbounded"):  # the same loss and gradient may be right of other targets
        return []

    def change(setup: Setup) -> None:
        setup.factor = -setup.factor

    return [Remedy("downhill", change)]


@remedy("accumulation")
def _averaged(case: Case) -> list[Remedy]:
    count = int(case.numbers["count"])

    def change(setup: Setup) -> None:
        setup.factor /= count

    return [Remedy("divided", change, {"count": count})]


@remedy("clip")
def _clipped_later(case: Case) -> list[Remedy]:
    if case.numbers["kind"] == "entries":  # what clamps them is code of the loop, or hooks that copies do not have
        return []
    norm = float(case.numbers["norm"])

    def change(setup: Setup) -> None:
        setup.clip = norm

    return [Remedy("clip", change, {"norm": norm})]


@remedy("group_lr")
def _one_rate(case: Case) -> list[Remedy]:
    rate = float(case.numbers["high"])

    def change(setup: Setup) -> None:
        for group in setup.groups():
            group["lr"] = rate

    return [Remedy("one_rate", change, {"rate": rate})]


@remedy("lr_vanished")
def _rate_back(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        for group, (_, high, _) in zip(setup.groups(), case.record.rates, strict=False):
            group["lr"] = high

    return [Remedy("rate_back", change, {"rate": float(case.numbers["high"])}, ("now",))]


@remedy("weight_decay")
def _less_decay(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        for group in setup.groups():
            if group.get("weight_decay"):
                group["weight_decay"] = group["weight_decay"] / 100

    return [Remedy("decay", change, {"decay": float(case.numbers["decay"]) / 100})]


@remedy("eps_large")
def _small_eps(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        for group in setup.groups():
            if "eps" in group:
                group["eps"] = 1e-8

    return [Remedy("eps", change, {"eps": 1e-8})]


# --- what is trained, and how -----------------------------------------------------------------------------------------


@remedy("zero_grad")
def _zeroed(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        setup.zeroes = True

    return [Remedy("zeroed", change)]


@remedy("no_step")
def _stepped(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        setup.steps = True

    return [Remedy("stepped", change)]


@remedy("foreign_params", "missing_params")
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


@remedy("eval_mode")
def _training_mode(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        for module in setup.model.modules():  # train() may be one of the model's own, which leaves parts out
            module.training = True

    return [Remedy("training_mode", change)]


@remedy("dropout")
def _less_dropout(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        for module in setup.model.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0.5:
                module.p = 0.2

    return [Remedy("dropout", change, {"share": 0.2})]


@remedy("half_adam", "rounding")
def _full_precision(case: Case) -> list[Remedy]:
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


# --- loss and last activation -----------------------------------------------------------------------------------------


@remedy("softmax_twice", "output_range")
def _no_activation(case: Case) -> list[Remedy]:
    kind = str(case.numbers.get("kind", ""))
    reads: dict[str, Outputs] = {"softmax": _logarithm, "sigmoid": torch.logit}
    read = reads.get(kind) if "share" not in case.numbers else None  # of output_range the loss is the same
    return [Remedy("no_activation", lambda setup: _replace_last(setup, nn.Identity()), read=read)]


@remedy("loss_input")
def _logarithms(case: Case) -> list[Remedy]:
    kind = case.numbers.get("kind")
    if kind == "softmax":
        change = lambda setup: _replace_last(setup, nn.LogSoftmax(-1))  # noqa: E731
        return [Remedy("log_softmax", change, read=_logarithm)]
    if kind == "logits":
        return [Remedy("log_softmax", lambda setup: setattr(setup, "outputs", _log_softmax), read=_log_softmax)]
    return []


def _logarithm(values: Tensor) -> Tensor:
    return values.clamp_min(1e-30).log()


def _log_softmax(values: Tensor) -> Tensor:
    return values.log_softmax(1 if values.dim() > 2 else -1)


LAST = (nn.Softmax, nn.Sigmoid, nn.ReLU, nn.Tanh, nn.Softplus, nn.LogSigmoid, nn.ReLU6)


def _replace_last(setup: Setup, other: nn.Module) -> None:
    """Replace the activation module whose output is what the model returns."""
    made: dict[int, list[nn.Module]] = {}
    places = [module for module in setup.model.modules() if isinstance(module, LAST)]

    def returns(module: nn.Module, args: Any, output: Any) -> None:
        made.setdefault(id(output), []).append(module)
        kept.append(output)

    kept: list[Any] = []
    handles = [module.register_forward_hook(returns) for module in places]
    try:
        with torch.no_grad():
            output = setup.example.output(setup.model)
    finally:
        for handle in handles:
            handle.remove()
    last = made.get(id(output), [None])[-1]
    if last is None or last is setup.model:
        raise Untried("module")
    for module in setup.model.modules():
        for name, child in module.named_children():
            if child is last:
                setattr(module, name, other)


# --- initial state, and the scale of data -----------------------------------------------------------------------------


@remedy("symmetry", "init_large")
def _initialized(case: Case) -> list[Remedy]:
    return [Remedy("initialized", lambda setup: initialize(setup.model), starts=("start",))]


@remedy("vanishing")
def _reaching(case: Case) -> list[Remedy]:
    def rectified(setup: Setup) -> None:
        _exchange(setup.model, (nn.Sigmoid, nn.Tanh), nn.ReLU)
        initialize(setup.model)
        for module in setup.model.modules():
            if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    return [*_initialized(case), Remedy("rectified", rectified, starts=("start",))]


@remedy("dead_units")
def _alive(case: Case) -> list[Remedy]:
    def leaky(setup: Setup) -> None:
        _exchange(setup.model, (nn.ReLU,), nn.LeakyReLU)
        initialize(setup.model)

    return [*_initialized(case), Remedy("leaky", leaky, starts=("start",))]


def initialize(model: nn.Module) -> None:
    """Draw all weights anew as torch's own modules do."""
    own = [module for module in model.modules() if callable(getattr(module, "reset_parameters", None))]
    if not own:
        raise Untried("by_hand")
    for module in own:
        module.reset_parameters()  # type: ignore[operator]


def _exchange(model: nn.Module, kinds: tuple[type[nn.Module], ...], other: Callable[[], nn.Module]) -> None:
    found = [
        (module, name) for module in model.modules() for name, child in module.named_children() if type(child) in kinds
    ]
    if not found:
        raise Untried("module")
    for module, name in found:
        setattr(module, name, other())


@remedy("input_scale")
def _standard_inputs(case: Case) -> list[Remedy]:
    by_width: dict[int, list[Tensor]] = {}
    for batch in case.batches:
        for value in batch.inputs():
            by_width.setdefault(_columns(value).shape[1], []).append(_columns(value))
    moments = {}
    for width, values in by_width.items():
        spread, mean = torch.std_mean(torch.cat(values).double(), 0, correction=0)
        moments[width] = mean, torch.where(spread > 1e-12 * mean.abs(), spread, 1.0)  # a constant column becomes 0
    if not moments:
        return []

    def standardized(value: Tensor) -> Tensor:
        columns = _columns(value)
        if columns.shape[1] not in moments:
            return value
        mean, spread = moments[columns.shape[1]]
        shape = (1, -1, *(1,) * (value.dim() - 2)) if len(mean) > 1 else (1,)
        return ((value.double() - mean.reshape(shape)) / spread.reshape(shape)).to(value.dtype)

    return [Remedy("inputs", lambda setup: setattr(setup, "inputs", standardized), starts=("start",))]


def _columns(value: Tensor) -> Tensor:
    """A column for each feature of a table or channel of images; one for all values of anything else."""
    return value.movedim(1, -1).reshape(-1, value.shape[1]) if value.dim() in (2, 4, 5) else value.reshape(-1, 1)


@remedy("target_scale")
def _standard_targets(case: Case) -> list[Remedy]:
    mean, deviation = float(case.numbers["mean"]), float(case.numbers["deviation"])
    if not (math.isfinite(mean) and deviation > 0):
        return []

    def change(setup: Setup) -> None:
        setup.outputs = lambda values: values * deviation + mean  # the loss stays in the units of the targets,
        setup.factor /= deviation**2  # its gradient is that of standardized ones

    return [Remedy("targets", change, starts=("start",))]
