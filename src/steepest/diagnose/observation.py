"""What hooks see of one step: the calls of the model with their batches and graphs, until these are let go."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from .drops import Drops
from .losses import Compared
from .record import InputFacts, StepFacts
from .replay import Draws
from .sampled import Samples

__all__ = ["Forward", "Observation", "Twins"]


@dataclass
class Forward:
    """One call of the model in training.

    Attributes:
        inputs: its arguments and named arguments; None once they are dropped.
        draws: random numbers as they were before it.
        training: whether the model was in training mode.
        weights: sum of the versions of the model's parameters as it began.
        rewrites: whether it changed parameters in place, as an average that is kept up in it does.
        versions: of the tensors among them, which tell whether they were changed in place since.
        outputs: the tensors that it returned and that need a gradient.
        made: the versions of these.
        fed: layers with weights that were called on data, with what is known of it.
        draws_more: whether it drew random numbers.
        gradients: the gradient of each, once a backward pass has reached it; the sum over several passes.
    """

    inputs: tuple[tuple[Any, ...], dict[str, Any]] | None
    draws: Draws
    training: bool
    versions: list[tuple[Tensor, int]]
    outputs: list[Tensor] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    fed: list[tuple[nn.Module, InputFacts]] = field(default_factory=list)
    draws_more: bool = False
    gradients: dict[int, Tensor] = field(default_factory=dict)
    weights: int = 0
    rewrites: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Whether its inputs are what they were."""
        return all(tensor._version == version for tensor, version in self.versions)

    @property
    def is_intact(self) -> bool:
        """Whether its outputs are what it returned."""
        return all(output._version == version for output, version in zip(self.outputs, self.made, strict=True))

    def drop_batch(self) -> None:
        """Let go of the inputs: it is not repeated."""
        self.inputs = None
        self.versions.clear()

    def release(self) -> None:
        """Let go of batch and graph: a hook on an output refers to them, and the output to its hook."""
        self.drop_batch()
        for kept in (self.outputs, self.made, self.gradients, self.fed):
            kept.clear()


@dataclass(frozen=True)
class Twins:
    """Units of a weight that are copies of others.

    Attributes:
        name: of the weight.
        units: how many have a twin.
        of: of how many.
        reached: whether any unit has a gradient: else a layer behind, whose weights are 0 too, may move first.
        kind: `"units"`, or `"weights"` where these are equal as a whole.
    """

    name: str
    units: int
    of: int
    reached: bool
    kind: str = "units"


@dataclass
class Observation:
    """What hooks have seen of one step, until `Doctor.step` has made a tick of it; then it is dropped.

    Where `Doctor.step` is called once in several steps of an optimizer, it is that of the last of them. `stepped` has
    the number of backward passes before the step of each optimizer; `task` is the last pass, by torch's number, and
    `adds` whether it adds to gradients; `scale` is the factor of a gradient scaler, `root` what the last pass was
    called on, `calls` the number of calls of the model, and `turned` whether the gradient came to the optimizer with
    the other sign; `ran_apart` are modules that a call of the model ran without gradients while it was `running`;
    `compared` is what the last pass compares an output with, where it could be read, and `left_out` how many
    pairs it leaves out, of how many.
    """

    forwards: list[Forward] = field(default_factory=list)
    parts: list[Forward] = field(default_factory=list)
    ran: set[int] = field(default_factory=set)
    ran_apart: set[int] = field(default_factory=set)
    running: bool = False
    backwards: int = 0
    in_step: int = 0
    raw: tuple[list[int], Tensor] | None = None
    fresh: bool = False
    version: int = 0
    kept: Tensor | None = None
    left: Tensor | None = None
    came: Tensor | None = None
    not_zeroed: bool = False
    lacking: set[int] = field(default_factory=set)
    had: set[int] = field(default_factory=set)
    updates: list[StepFacts] = field(default_factory=list)
    stepped: dict[int, int] = field(default_factory=dict)
    task: int = -1
    adds: bool = False
    scale: float = 1.0
    twins: list[Twins] = field(default_factory=list)
    drops: Drops | None = None
    samples: Samples | None = None
    rates: list[Any] = field(default_factory=list)
    moved: bool = False
    root: Tensor | None = None
    calls: int = 0
    turned: bool = False
    compared: Compared | None = None
    left_out: tuple[int, int] | None = None

    def begin_anew(self, optimizer: int) -> None:
        """An optimizer steps again: what came before its last step belongs to that one."""
        self.backwards -= self.stepped[optimizer]
        self.updates.clear()
        self.stepped.clear()

    def release(self) -> None:
        """Let go of batches and graphs."""
        for forward in (*self.forwards, *self.parts):
            forward.release()
        self.kept = self.left = self.came = self.root = self.compared = None
        if self.samples is not None:
            self.samples.remove()
        if self.drops is not None:
            self.drops.remove()
