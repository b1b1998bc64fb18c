"""Mistakes that are proved exactly, whatever the training does: what is trained, by which loss, in which mode."""

from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from ..findings.catalogue import TRAINING
from .autograd import (
    has_derivatives,
    inputs_of,
    leaves,
    name_of,
    others_between,
    path_between,
    shape_of,
    through_views,
    within,
)
from .broadcast import compared_with_all
from .by_hand import cut_off, squashing
from .drops import dropped_by_layers
from .last import last_activation, last_of, limiting
from .loss_input import (
    POSITIVE,
    divergence_of,
    is_divergence,
    log_normalized,
    normalized,
    of_log_rates,
    targets_beyond,
    without_sign,
)
from .modes import asleep, depends_on_training, never_estimated
from .observation import Forward, Observation
from .parameters import dense
from .record import Record
from .softmax import over_one, shared_out
from .stacked import stacked
from .target import Target, held

__all__ = ["Structure"]

LOG_LIKELIHOODS = ("NllLoss", "CtcLoss")
"""Nodes of losses of logarithms of probabilities."""

LOOKS = 3
"""Looks at who is trained, before it is said who is not."""


PERIODIC = ("SinBackward0", "CosBackward0")
"""Nodes of functions that oscillate."""


class Structure:
    """Checks of the first steps.

    Args:
        target: what is trained.
        record: where findings go.

    Attributes:
        asks_mode: whether it is to be seen whether outputs depend on the mode.
    """

    asks_mode = False

    def __init__(self, target: Target, record: Record) -> None:
        self.target, self.record = target, record
        self.sensitive = [module for module in target.model.modules() if depends_on_training(module)]
        self._lacking: set[int] | None = None
        self._had: set[int] = set()
        self._ran: set[int] = set()
        self._apart: set[int] = set()
        self._used: dict[int, Tensor] = {}
        self._plain: dict[int, Tensor] | None = None
        self._stale: set[int] | None = None
        self._arrived: dict[int, tuple[int, float]] = {}
        self._marks: dict[int, tuple[int, float]] = {}
        self._evaluating = self._since = self.looks = self._trainable = 0
        self._reached = self._unfrozen = False
        self._proofs: dict[str, int] = {}
        self._twins: dict[str, int] = {}
        self._at_start()

    # --- before the first step ------------------------------------------------------------------------------------

    def _at_start(self) -> None:
        for optimizer, group, param in self.target.stepped():
            eps = group.get("eps")
            ours = type(optimizer).__module__.startswith("steepest") or hasattr(optimizer, "rule_class")
            if (
                param.dtype == torch.float16
                and isinstance(eps, Real)
                and not (ours or group.get("fused"))
                and float(torch.tensor(float(eps), dtype=torch.float16)) == 0
            ):
                self.record.prove("half_adam", step=0, eps=float(eps), optimizer=type(optimizer).__name__)
                break
        self._drops(dropped_by_layers(self.target.model), 0)
        for param in self._all():
            if dense(param):
                self._marks[id(param)] = param._version, _sum(param)

    def _drops(self, share: float, step: int) -> None:
        """Note the share of its inputs that dropout sets to 0."""
        self.record.dropout = max(self.record.dropout, share)
        if share >= TRAINING.dropout:
            self.record.prove("dropout", kind="share", step=step, share=share, keep=1 - share)

    def _all(self) -> Iterator[Tensor]:
        yield from self.target.model.parameters()
        for _, _, param in self.target.stepped():
            yield param

    # --- at each observed step --------------------------------------------------------------------------------------

    def look(self, seen: Observation, loss: Any, value: float, closely: bool) -> list[Any]:
        """Prove what this step proves; the nodes between loss, which has this value, and output are returned."""
        step = self.record.steps - 1
        self._renew()
        if seen.not_zeroed:
            self._surely("zero_grad", 1, step=step, kind="kept")
        self._mode(seen, step)
        self._drops(seen.drops.share if seen.drops is not None else 0.0, step)
        path: list[Any] = []
        calls = seen.forwards or seen.parts
        forward = next((forward for forward in reversed(calls) if forward.gradients), None)
        if isinstance(loss, Tensor) and calls:
            outputs = [output for each in calls for output in each.outputs]
            path = path_between(loss, outputs)
            if path and not seen.forwards and (others_between(loss, outputs, path[-1]) or _weighs(path)):
                path = []
        if path and forward is not None:
            self._output(path, forward, value, step, closely)
        if seen.left_out is not None and seen.left_out[0]:
            self._surely("labels", 3, step=step, kind="sign", count=seen.left_out[0], of=seen.left_out[1])
        if isinstance(loss, Tensor) and len(calls) > 1:
            self._shapes_of_all(calls, loss, step)
        for twins in seen.twins:
            seen_before = self._twins.get(twins.name, 0) + 1
            self._twins[twins.name] = seen_before
            if twins.reached or seen_before == LOOKS:
                self.record.prove(
                    "symmetry", step=step, name=twins.name, units=twins.units, of=twins.of, kind=twins.kind
                )
        if closely:
            self._who_is_trained(seen, loss, step)
            cut = [each for each in seen.samples.made if each.used and not each.scored] if seen.samples else []
            if cut and (seen.updates or seen.in_step):
                self._surely("no_rsample", 3, step=0, name=type(cut[0].source).__name__)
        return path

    @property
    def wants_more(self) -> bool:
        """Whether who is trained is to be seen again soon: parameters have been unfrozen since it was."""
        return self._unfrozen and self.looks < LOOKS

    def has_unfrozen(self) -> bool:
        """Whether more parameters require a gradient than when it was last seen who is trained."""
        return self.looks >= LOOKS and self._count() > self._trainable

    def _count(self) -> int:
        return sum(param.requires_grad for param in self.target.model.parameters())

    def _renew(self) -> None:
        """Look again at who is trained once parameters have been unfrozen."""
        if self.has_unfrozen():
            self.looks, self._unfrozen = 0, True
            self._lacking, self._stale = None, None
            self._had.clear()
            for param in self._all():
                if dense(param):
                    self._marks[id(param)] = param._version, _sum(param)
        self._trainable = self._count()

    def _surely(self, code: str, times: int, **numbers: Any) -> None:
        """Prove a finding that was seen so many times."""
        self._proofs[code] = self._proofs.get(code, 0) + 1
        if self._proofs[code] >= times:
            self.record.prove(code, **numbers)

    def _mode(self, seen: Observation, step: int) -> None:
        if not seen.forwards or not (seen.updates or seen.in_step):
            return
        sleeping = asleep(self.target.model, self.sensitive)
        evaluating = not any(forward.training for forward in seen.forwards)
        self._evaluating = self._evaluating + 1 if evaluating and (sleeping or not self.sensitive) else 0
        if self._evaluating == 3:
            self._since = max(step - 2, 0)
            if sleeping:
                self.record.prove("eval_mode", step=self._since, layers=len(sleeping), kind="layers")
            else:  # a function may do what no layer does
                self.asks_mode = all(param.requires_grad for param in self.target.model.parameters())
        never = [module for module in sleeping if never_estimated(module)] if not evaluating else []
        if never:
            self._surely("eval_mode", 3, step=0, layers=len(never), kind="layers")
        if seen.forwards[-1].training and seen.forwards[-1].outputs:
            batches = [module for module in self.sensitive if isinstance(module, nn.modules.batchnorm._BatchNorm)]
            first = next((value for value in _tensors(seen.forwards[-1]) if value.dim() > 1), None)
            if batches and batches[0].training and first is not None and first.shape[0] == 1:
                self._surely("batch_norm", 3, step=step, layers=len(batches))

    def mode_matters(self) -> None:
        """Outputs are others in training mode than in evaluation, in which the model trains."""
        self.record.prove("eval_mode", step=self._since, layers=0, kind="outputs")

    # --- loss and output --------------------------------------------------------------------------------------------

    def _output(self, path: Sequence[Any], forward: Forward, value: float, step: int, closely: bool) -> None:
        names = [name_of(node) for node in path[:-1]]
        output = next((each for each in forward.outputs if each.grad_fn is path[-1]), None)
        end, last = through_views(path[-1]), last_of(path)
        self.record.last = last or ""
        if closely and self.looks == 0:
            nodes = within(path[-1], None)
            self.record.periodic = self.record.periodic or any(name_of(node) in PERIODIC for node in nodes)
        probabilities = output is not None and normalized(output)
        softmax, sigmoid = squashing(path)
        if output is not None and (cut := cut_off(path, output)):
            self._surely("loss_input", 1, step=step, kind=cut)
        if softmax is not None:
            under = through_views(inputs_of(softmax)[0]) if inputs_of(softmax) else None
            kind = limiting(under) if under is not None else None
            if kind == "softmax" or (kind is None and probabilities and under is end):
                self._surely("softmax_twice", 1, step=step, kind="softmax")
            elif kind in ("relu", "sigmoid", "tanh", "softplus"):
                self._surely("output_range", 1, step=step, kind=kind, share=1.0, loss="cross_entropy")
            elif kind == "log_sigmoid":
                self._surely("loss_input", 1, step=step, kind="log_sigmoid")
        if sigmoid is not None:
            kind = limiting(through_views(inputs_of(sigmoid)[0]))
            if kind in ("sigmoid", "softmax"):
                self._surely("softmax_twice", 1, step=step, kind=kind)
            elif kind in ("relu", "tanh", "softplus"):
                self._surely("output_range", 1, step=step, kind=kind, share=1.0, loss="binary")
            elif output is not None and (ends := targets_beyond(path, sigmoid, forward, output, value)):
                self._surely("labels", 2, step=step, kind="beyond", low=ends[0], high=ends[1])
        if softmax is None and any(name.startswith(LOG_LIKELIHOODS) for name in names):
            node = next(node for node in path if name_of(node).startswith(LOG_LIKELIHOODS))
            kind = last_activation(inputs_of(node)[0])
            own = kind is not None or through_views(inputs_of(node)[0]) is end  # else something was made of the output
            if kind != "log_softmax" and own and output is not None and not log_normalized(output):
                said = "softmax" if kind == "softmax" or probabilities else "logits"
                self._surely("loss_input", 1, step=step, kind=said)
        if output is not None and last == "softmax" and probabilities and is_divergence(names, forward, output):
            self._surely("loss_input", 2, step=step, kind="divergence")
        elif output is not None and (kind := divergence_of(path, forward, output, value)):
            self._surely("loss_input", 2, step=step, kind=kind)
        if output is not None and last in POSITIVE and of_log_rates(path, forward, output, value):
            self._surely("loss_input", 2, step=step, kind="rates")
        if output is not None and (count := without_sign(path, forward, output, value)):
            self._surely("labels", 3, step=step, kind="sign", count=count, of=output.numel())
        if output is not None:
            if compared := compared_with_all(path, output):
                self._surely("shape", 1, step=step, count=len(output), shape=str(compared))
            self._over_batch(path, output, step)
            if closely and (count := shared_out(forward, output)):
                self._surely("softmax_dim", 2, step=step, kind="inside", count=count)
            if (layers := stacked(path[-1])) > 1:
                self._surely("no_activation", 1, step=step, layers=layers)

    def _shapes_of_all(self, calls: Sequence[Forward], loss: Tensor, step: int) -> None:
        """Outputs of any call of the model, such as those within an equation and at its border."""
        for call in calls:
            path = path_between(loss, call.outputs)
            output = next((each for each in call.outputs if path and each.grad_fn is path[-1]), None)
            if output is not None and (compared := compared_with_all(path, output)):
                self._surely("shape", 1, step=step, count=len(output), shape=str(compared))

    def _over_batch(self, path: Sequence[Any], output: Tensor, step: int) -> None:
        """A softmax over the examples of a batch, where each row should have its own."""
        nodes = [node for node in path if name_of(node) in ("SoftmaxBackward0", "LogSoftmaxBackward0")]
        if any(over_one(node) for node in nodes):
            self._surely("softmax_dim", 1, step=step, kind="one")
            return
        shape = tuple(output.shape)
        if len(shape) != 2 or shape[0] == shape[1] or min(shape) < 2:  # square ones compare each with each, both ways
            return
        if any(node._saved_dim in (0, 2**64 - 2, -2) and shape_of(node) in ((), shape) for node in nodes):
            self._surely("softmax_dim", 1, step=step, kind="batch", count=shape[0], classes=shape[1])

    # --- who is trained ---------------------------------------------------------------------------------------------

    def _who_is_trained(self, seen: Observation, loss: Any, step: int) -> None:
        if isinstance(loss, Tensor):
            self._trace(loss)
        if not (seen.lacking or seen.had):
            return
        self.looks += 1
        self._reached = self._reached or seen.backwards > 0
        self._ran |= seen.ran
        self._apart |= seen.ran_apart
        self._had |= seen.had
        self._lacking = seen.lacking if self._lacking is None else self._lacking & seen.lacking
        if self.looks < LOOKS:
            return
        trained = {id(param) for _, _, param in self.target.stepped()}
        never = self._lacking - self._had
        foreign = [key for key in never | (self._stale or set()) if key not in self.target.names]
        self._used |= self._plain or {}
        self._used |= {
            id(param): param
            for param in self.target.model.parameters()
            if param.grad is not None and param.requires_grad
        }
        missing = [
            key
            for key, param in self._used.items()
            if key not in trained and param.requires_grad and dense(param) and self._still(key, param)
        ]
        if foreign and (missing or len(foreign) == len(trained)):
            self.record.prove("foreign_params", step=0, count=len(foreign), of=len(trained), missing=len(missing))
        elif missing:
            names = held(self.target.model) | self.target.names
            name = next((names[key] for key in missing if key in names), "")
            self.record.prove(
                "missing_params", step=0, count=len(missing), of=len(self._used), name=name, named=bool(name)
            )
        cut = [key for key in never if key in self.target.names and self._requires(key) and self._has_run(key)]
        if cut:
            name = next(name for key, name in self.target.names.items() if key in cut)
            kind = "cut"
            if not self._had:  # no parameter at all: nothing tells where a graph would be cut
                if self._reached:
                    self.record.prove("zero_grad", step=0, kind="lost")
                    return
                kind = "never" if self._used.keys() & set(cut) else "cut"
            self.record.prove("no_grad", step=0, count=len(cut), of=len(trained), name=name, kind=kind)

    def _trace(self, loss: Tensor) -> None:
        """What the loss was computed from, and which of the optimizer's tensors are not among it."""
        found = list(leaves(loss))
        plain = {id(tensor): tensor for tensor in found if not isinstance(tensor, nn.Parameter)}
        plain = {key: tensor for key, tensor in plain.items() if key in held(self.target.model)} if plain else plain
        if plain and has_derivatives(loss):  # points at which derivatives are taken look like weights
            plain = {}
        self._plain = {key: plain[key] for key in plain if self._plain is None or key in self._plain}
        for param in (*self._plain.values(), *(each for each in found if isinstance(each, nn.Parameter))):
            if isinstance(param, nn.Parameter):
                self._used[id(param)] = param
            if id(param) not in self._marks and dense(param):
                self._marks[id(param)] = param._version, _sum(param)
        there = {id(tensor) for tensor in found}
        stale = set()
        for _, _, param in self.target.stepped():
            if id(param) not in there and dense(param.grad) and param.grad is not None:
                mark = param.grad._version, _sum(param.grad)
                if self._arrived.setdefault(id(param), mark) == mark:  # what another loss gave it before
                    stale.add(id(param))
        self._stale = stale if self._stale is None else self._stale & stale

    def _has_run(self, key: int) -> bool:
        """Whether the layer of a parameter ran, with gradients or while nothing else changes it, as an average does."""
        owner = id(self.target.owners.get(key))
        params = [param for param in self.target.model.parameters() if id(param) == key]
        return owner in self._ran or (owner in self._apart and all(self._still(key, param) for param in params))

    def _requires(self, key: int) -> bool:
        return any(id(param) == key and param.requires_grad for param in self.target.model.parameters())

    def _still(self, key: int, param: Tensor) -> bool:
        """Whether a parameter that no known optimizer steps has not been changed by anything else either."""
        return self._marks.get(key) == (param._version, _sum(param))


def _weighs(path: Sequence[Any]) -> bool:
    """Whether parameters take part between the loss and the output at the end of a path, which is no last one then."""
    arguments = (through_views(each) for node in path[:-1] for each in inputs_of(node))
    return any(hasattr(each, "variable") or name_of(each) == "TBackward0" for each in arguments)


def _sum(param: Tensor) -> float:
    return float(param.detach().sum().real.float())


def _tensors(forward: Forward) -> list[Tensor]:
    args, kwargs = forward.inputs or ((), {})
    return [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
