"""What has been seen of a training: one `Tick` per observed step, every step's loss, and what was exactly proved.

A record is numbers only. It holds no tensor, module or graph, so that signs (`signs/`) are functions of it that can be
tested on records made by hand, and a record can be stored beside a run.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .curve import Curve

__all__ = ["ExampleFacts", "InputFacts", "LayerFacts", "LossFacts", "Record", "StepFacts", "Tick"]

ROUNDED = 0.1
"""A curvature is not told where rounding may move it by more than this part of its limit."""

MOST_TICKS, LEAST_TICKS = 512, 64
"""Observed steps that a record keeps: at most, and at least, however many layers a model has."""

MOST_LAYERS = 100_000
"""Layers, and classes in batches, of all observed steps together that a record keeps: some 22 MiB."""

MOST_VALIDATIONS = 512
"""Losses on held-out data that a record keeps."""

FIRST = 30
"""The last of the first steps, which are all kept."""

NEAR = 100
"""Steps among which the first and the last finite loss are looked for."""

Kind = Literal["cross_entropy", "log_likelihood", "squared_error", "binary", "probability", "other"]


@dataclass
class InputFacts:
    """A floating-point input of the model, over all its entries.

    Attributes:
        mean: mean of the finite entries.
        deviation: standard deviation of the finite entries.
        size: number of entries.
        finite: whether all entries are finite.
        apart: of a table the largest entry of any column over that of the smallest column, of those that vary.
    """

    mean: float
    deviation: float
    size: int
    finite: bool
    apart: float = 1.0


@dataclass(slots=True)
class ExampleFacts:
    """The targets of a batch, as one vector for each example.

    Attributes:
        count: number of examples.
        middle: the mean of their vectors.
        variance: mean of the squared distances from it.
    """

    count: int
    middle: tuple[float, ...]
    variance: float


@dataclass
class LossFacts:
    """What the gradient with respect to the model's output says of the loss.

    Attributes:
        kind: the loss, as its graph names it.
        mean: its mean over the examples, recomputed from outputs and recovered targets.
        scale: factor between that mean and what was differentiated: 1 for a mean, -1 for its negative, 1/8 for an
            eighth of it. NaN where it cannot be known.
        labels: number of examples of each class, of classification.
        targets: number, mean and variance of the targets, of regression.
        outside: share of the targets that the last activation cannot reach.
        examples: the targets of each example: numbers, or the share of each class; None where they are not known.
        component: mean over the entries of an example of the variance of that entry between examples, of regression
            with several of them; NaN else.
        far: mean of targets that are not known one by one, since those of absolute differences lie on one side of the
            outputs; NaN else.
        penalty: what norms of the model's weights add to the loss.
        guess: the mean loss of the best constant, of losses of differences that are no squares; NaN else.
        bend: the last activation before what is compared with targets, of the model or behind it; empty without one.
    """

    kind: Kind
    mean: float = math.nan
    scale: float = math.nan
    labels: dict[int, int] | None = None
    targets: tuple[int, float, float] | None = None
    outside: float = 0.0
    examples: ExampleFacts | None = None
    component: float = math.nan
    far: float = math.nan
    penalty: float = 0.0
    guess: float = math.nan
    bend: str = ""


@dataclass(slots=True)
class LayerFacts:
    """One parameter in one step.

    Attributes:
        name: its name in the model.
        size: number of its entries.
        weight: Euclidean norm before the step.
        gradient: norm of the gradient that the optimizer got.
        update: norm of the change.
        zero_rows: share of units whose gradient is exactly zero; NaN for what is no weight of hidden units.
        rate: learning rate of its group; NaN where it is no number.
        unmoved: share of the entries with a gradient that did not change, of weights that are large (`unmoved_size`);
            NaN of others.
        dims: number of its dimensions; 0 where it is not known.
    """

    name: str
    size: int
    weight: float
    gradient: float
    update: float
    zero_rows: float = math.nan
    rate: float = math.nan
    unmoved: float = math.nan
    dims: int = 0

    @property
    def is_matrix(self) -> bool:
        """Whether it has several dimensions; where they are not known, its name tells."""
        return self.dims > 1 if self.dims else self.name.endswith("weight")

    @property
    def root_mean_square(self) -> float:
        """Of the gradient's entries."""
        return self.gradient / math.sqrt(self.size)


@dataclass
class StepFacts:
    """One step of the optimizer.

    Attributes:
        layers: each of its parameters that had a gradient.
        raw: norm of all gradients as the backward pass left them, without the factor `scale`; NaN where not seen.
        scale: factor of a `GradScaler` that was taken out of the gradients before the step; 1 without one.
        descent: minus the inner product of gradient and change: what the step should take off the loss.
        unmoved: share of entries with a gradient that did not change, of parameters in half precision; NaN without any.
        small_root: share of the entries with a second moment whose root is below eps; NaN without such a state.
        eps: that eps.
        decay: weight decay that is part of the gradient or beside it, the largest of any group.
        finite: whether all gradients were finite.
        partial: whether there were gradients besides, sparse or in shards: descent is unknown then.
        momentum: the optimizer's own memory of gradients (`momentum` or the first of `betas`).
        bound: the largest second-order change of the loss, twice, at which such a step is stable: see `limits.py`; NaN
            where the optimizer has no such limit.
        bounded: share of the gradient's entries that have exactly the largest size, which several parameters have in
            common.
        parallel: whether the gradient that the optimizer got has the direction of the one that was computed.
        turned: whether it is its negative; descent is then by the one that was computed.
        factor: how many times the loss, or the mean that it is a sum of, was differentiated, without a `GradScaler`.
    """

    layers: list[LayerFacts]
    raw: float = math.nan
    scale: float = 1.0
    descent: float = math.nan
    unmoved: float = math.nan
    small_root: float = math.nan
    eps: float = math.nan
    decay: float = 0.0
    finite: bool = True
    partial: bool = False
    momentum: float = 0.0
    bound: float = math.nan
    bounded: float = 0.0
    parallel: bool = True
    turned: bool = False
    factor: float = 1.0

    @property
    def scaler(self) -> float:
        """The factor of a gradient scaler.

        Of one that is not torch's it is the loss's, where that is taken out of the gradient again; or a power of 2,
        which no clipping leaves.
        """
        if self.scale > 1:
            return self.scale
        ratio = self.raw / self.gradient if self.gradient > 0 and self.raw > 0 else 1.0
        if self.factor > 1 and abs(ratio / self.factor - 1) < 1e-3:
            return ratio
        power = math.log2(ratio) if 100 <= ratio < math.inf else 0.5
        return ratio if abs(power - round(power)) < 1e-3 else 1.0

    @property
    def clipped(self) -> float:
        """How many times shorter than it was the gradient reached the optimizer; a gradient scaler does not count."""
        ratio = self.raw / self.gradient if self.gradient > 0 and 0 < self.raw < math.inf else 1.0
        return 1.0 if self.scaler > self.scale else ratio

    @property
    def gradient(self) -> float:
        """Norm of all gradients that the optimizer got."""
        return math.hypot(*(layer.gradient for layer in self.layers))

    @property
    def weight(self) -> float:
        """Norm of all parameters before the step."""
        return math.hypot(*(layer.weight for layer in self.layers))

    @property
    def update(self) -> float:
        """Norm of the whole change."""
        return math.hypot(*(layer.update for layer in self.layers))

    @property
    def zero_rows(self) -> float:
        """The largest share of silent units of any layer; NaN without such a layer."""
        return max((layer.zero_rows for layer in self.layers if not math.isnan(layer.zero_rows)), default=math.nan)


@dataclass
class Tick:
    r"""One observed step.

    Attributes:
        step: the number of `Doctor.step` calls before it.
        batch: length of the first dimension of the first input; 0 without a tensor.
        backwards: number of backward passes from the model's outputs, those through the same outputs counted once.
        inputs: each floating-point input.
        loss: what is known of the loss, if its gradient was seen.
        update: what is known of the optimizer's step, if it made one.
        gain: decrease of the loss on the same batch, over what the gradient promised; NaN where it was not measured.
        second: curvature of the loss along the step, times the squared length of the step: $\delta^\top H \delta$.
        rounding: how far `second` may be off by rounding.
        rates: the learning rate of each group of parameters.
        overflow: whether the gradients were not finite as the backward pass left them.
        moved: whether a scheduler changed the learning rate between the forward pass and the optimizer's step.
        calls: number of calls of the model whose losses were summed and differentiated at once, where their mean is
            what was handed over; 1 without that.
        dropout: mean squared change of the outputs by dropout, over their variance between examples without it; NaN
            where nothing was drawn at random, or this was not measured.
        fed: data that layers with weights got, in the first steps: inputs, and what is made of them untrained.
        slope: root mean square of the gradient of the outputs, summed over the examples: that of a last bias.
        alike: whether all examples of the batch have the same inputs.
        rough: what outputs change by where the inputs of the first layers change a little: 1 of a linear function.
    """

    step: int
    batch: int = 0
    backwards: int = 0
    inputs: list[InputFacts] = field(default_factory=list)
    loss: LossFacts | None = None
    update: StepFacts | None = None
    gain: float = math.nan
    second: float = math.nan
    rounding: float = math.nan
    rates: tuple[float, ...] = ()
    overflow: bool = False
    moved: bool = False
    calls: int = 1
    dropout: float = math.nan
    fed: list[InputFacts] = field(default_factory=list)
    slope: float = 0.0
    alike: bool = False
    rough: float = math.nan

    @property
    def edge(self) -> float:
        """Curvature along the step over the largest stable one: 1 at the edge of stability; NaN where unknown."""
        bound = self.update.bound if self.update is not None else math.nan
        known = bound > 0 and self.rounding < ROUNDED * bound
        return self.second / bound if known else math.nan


@dataclass
class Record:
    """All that has been seen of a training.

    Attributes:
        losses: the loss of each step; NaN where it was not a number. Of a long training those between the first and the
            last 16,384 are means of several (`Curve`).
        ticks: the observed steps, in order; of a long training the first ones, and others evenly spread (`observe`).
        observed: number of observed steps, those that were dropped included.
        proved: numbers of each finding that needs no threshold, by code.
        events: what single losses told before they were thinned (`signs.settle`): the highest spike, the first leap.
        rates: for each group of parameters its first, largest and last learning rate.
        vanished: number of steps at a learning rate below a thousandth of the largest, all groups together.
        vanished_from: the first of these steps.
        dimmed: the same at a thirtieth of the largest.
        dimmed_from: the first of these.
        dropout: the largest probability of any dropout layer.
        periodic: whether the model has sines or cosines of what is trained.
        last: the activation that the model ends in; empty where it ends in none.
        normalized_input: whether the first layer that runs is a normalization.
        scale_free: whether the optimizer's steps do not depend on the gradient's scale, as those of Adam.
        validation: pairs of step and loss on held-out data; of many the least one, the last ones, and others evenly
            spread.
        changes: number of steps at which a learning rate differed from that of the step before.
        still: number of steps at which a small parameter did not change.
        turns: how often the learning rate of the first group rose after it had fallen.
        peak: the largest learning rate that the groups' scheduler names as its base or its peak; 0 without one.
        shared: of `validation`, how many rows of inputs were trained on too, and how many were in observed batches.
        chance: share of the rows of `validation` that are the same as another one of them by chance.
        optimizer: the name of the optimizer's class; of several, joined by commas.
        maximizes: whether all groups are stepped with `maximize=True`.
        no_limit: why the optimizer has no largest stable curvature: a variant of the phrase `no_limit`; else empty.
        look: the record of a few steps of another run of the same model on the same data, in which inputs and targets
            were seen that are not in this one; None where they are.
    """

    losses: Curve = field(default_factory=Curve)
    ticks: list[Tick] = field(default_factory=list)
    observed: int = 0
    proved: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    rates: list[tuple[float, float, float]] = field(default_factory=list)
    vanished: int = 0
    vanished_from: int = 0
    dimmed: int = 0
    dimmed_from: int = 0
    dropout: float = 0.0
    periodic: bool = False
    last: str = ""
    normalized_input: bool = False
    scale_free: bool = False
    validation: list[tuple[int, float]] = field(default_factory=list)
    changes: int = 0
    still: int = 0
    turns: int = 0
    peak: float = 0.0
    shared: tuple[int, int] = (0, 0)
    chance: float = 0.0
    optimizer: str = ""
    no_limit: str = ""
    maximizes: bool = False
    look: "Record | None" = None

    @property
    def data(self) -> list[Tick]:
        """The observed steps that tell of inputs, targets and the loss."""
        return self.look.ticks if self.look is not None else self.ticks

    @property
    def edges(self) -> list[tuple[int, float]]:
        """Pairs of step and curvature along it over the largest stable one, where both are known."""
        return [(tick.step, tick.edge) for tick in self.ticks if not math.isnan(tick.edge)]

    @property
    def steps(self) -> int:
        """Number of steps so far."""
        return len(self.losses)

    def another(self) -> "Record":
        """An empty record of another run of the same model on the same data, of which this one is the `look`.

        What is proved of this one holds there, but for losses that were not finite.
        """
        proved = {code: numbers for code, numbers in self.proved.items() if code != "nan"}
        return Record(
            proved=proved, dropout=self.dropout, periodic=self.periodic, last=self.last, look=self,
            normalized_input=self.normalized_input, scale_free=self.scale_free, optimizer=self.optimizer,
        )  # fmt: skip

    def growth(self, step: int) -> float:
        """How far the last losses before a step lie above the first one."""
        first = [loss for loss in self.losses[: min(step, NEAR)] if math.isfinite(loss)]
        last = [loss for loss in self.losses[max(0, step - NEAR) : step] if math.isfinite(loss)]
        return max(last[-3:]) / abs(first[0]) if first and last and first[0] else 1.0

    def until(self, step: int) -> "Record":
        """The record as it was after a step, counted from 0; learning rates are those of the whole of it."""
        count = step + 1
        vanished = max(0, min(self.vanished, count - self.vanished_from))
        dimmed = max(0, min(self.dimmed, count - self.dimmed_from))
        return replace(
            self, losses=self.losses.until(count), ticks=[tick for tick in self.ticks if tick.step < count],
            vanished=vanished, dimmed=dimmed, validation=[pair for pair in self.validation if pair[0] < count],
            events={name: event for name, event in self.events.items() if event["step"] < count},
        )  # fmt: skip

    def observe(self, tick: Tick) -> None:
        """Keep an observed step; where it is one too many, the one closest to its neighbours is dropped."""
        self.ticks.append(tick)
        self.observed += 1
        size = max(map(_size, self.ticks[-3:]))
        if len(self.ticks) > max(LEAST_TICKS, min(MOST_TICKS, MOST_LAYERS // max(size, 1))):
            del self.ticks[_crowded([each.step for each in self.ticks])]

    def validated(self, step: int, loss: float) -> None:
        """Keep a loss on held-out data."""
        self.validation.append((step, loss))
        if len(self.validation) > MOST_VALIDATIONS:
            least = min(self.validation, key=lambda pair: pair[1])
            others = [pair for pair in self.validation if pair is not least]
            self.validation.remove(others[_crowded([step for step, _ in others])])

    def prove(self, code: str, **numbers: Any) -> None:
        """Keep an exact finding, at the step at which it was first seen."""
        self.proved.setdefault(code, numbers)


def _size(tick: Tick) -> int:
    """The number of things that a tick has several numbers of."""
    layers = len(tick.update.layers) if tick.update is not None else 0
    return layers + (len(tick.loss.labels) if tick.loss is not None and tick.loss.labels else 0)


def _crowded(steps: list[int]) -> int:
    """The place of the step that is closest to its neighbours, not counting first steps and the last one."""
    gaps = ((steps[place + 1] - steps[place - 1], place) for place in range(1, len(steps) - 1))
    return min((gap for gap in gaps if steps[gap[1]] > FIRST), default=(0, len(steps) - 1))[1]
