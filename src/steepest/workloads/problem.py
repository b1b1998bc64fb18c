r"""The contract between a workload and the training loop: a `Problem` begins a `Session` for a seed and a device.

A *problem* is what a workload's file defines: what is trained, and when it counts as trained. A *session* is one
training of it: a model, the way it makes steps, and the way it is measured. `steepest.training` runs nothing but
sessions, so everything that can be written as a session can be compared: data in memory or in a stream,
self-play, gradient accumulation, clipping, mixed precision, losses that draw random numbers.

Most workloads need none of this: a file with four tensors is made a problem by `workloads/supervised.py`, one with
batches of any kind by `workloads/batches.py`. A file with a training loop of its own defines one subclass of `Problem`;
`examples/workloads/own_loop.py` is a whole one.

What a session may count on, and what it owes:

- `begin`, `advance` and `measure` are called with the global generators seeded: torch's (of the CPU, and of an
  accelerator), NumPy's (`np.random.rand`, not `default_rng()`) and Python's `random`. Whatever else a session draws
  comes from a generator of its own, made from the seed.
- `measure` has a stream of random numbers of its own, the same at every call: how often a run is measured changes
  nothing about its training, and what an evaluation draws is the same at every step.
- An optimizer that draws has a stream of its own, too. What a session draws must not depend on the optimizer: then runs
  of one seed are paired, and are compared as pairs. (Sessions of files seed each batch anew, see `draws.py`: how many
  numbers the one before has needed does not matter.)

Optional capabilities are attributes and methods of the base classes whose default says "none":

| capability | where | used by |
| --- | --- | --- |
| batch sizes | `Problem.batch_size`, `Problem.examples()` | `compare --batch-size` |
| noise of a batch's gradient | `Problem.gradient_noise(batch_size)` | the report, where batch sizes compete |
| expected losses | the attributes of `expected.KnownQuadratic` | `expected.expected_losses` |
| parameter groups | `Session.groups` | the optimizer |
| checkpoints | `Session.state_dict()`, `load_state_dict()` | experiments that continue from one point in two ways |
| weights that are measured | `Session.weights()` | optimizers that evaluate the gradient as often as they like |
| time of getting data | `Session.next_batch` | the report, `training/parts.py` |
| steps that differ in cost | `Session.period` | whatever times steps |
| populations | `Session.functional()` | many runs trained as one, see `training/population.py` |
| a picture | `Session.show()` | notebooks, the report |
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..base.errors import InvalidValue, SteepestError
from ..base.modules import last_words

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from .functional import Functional

__all__ = ["Problem", "Session", "check_facts"]


class Session(ABC):
    r"""One training of a problem: a model, how it makes steps, and how it is measured.

    A subclass sets `model` and defines `advance` and `measure`.

    Attributes:
        model: what is trained; all its parameters, unless `groups` says otherwise.
        groups: parameter groups as for `torch.optim`, such as `[{"params": matrices}, {"params": biases,
            "weight_decay": 0.0}]`. What a group sets is not searched. None: one group of all parameters.
        seeds_batches: whether it seeds the global generators before each batch, so that nothing else can change them.
        next_batch: gives a batch, where `advance` gets each of them by `self.next_batch()`: then the report tells the
            time of getting data from that of the model.
        period: after how many steps their cost repeats, such as 4 where games are played before each fourth step; only
            whole periods are timed.
    """

    model: "nn.Module"
    groups: "Iterable[dict[str, Any]] | None" = None
    seeds_batches: bool = False
    next_batch: "Callable[[], Any] | None" = None
    period: int = 1

    @abstractmethod
    def advance(self, optimizer: "torch.optim.Optimizer", steps: int) -> "Sequence[Tensor | float] | Tensor":
        r"""Make `steps` updates: as many calls of `optimizer.step()`.

        The session clears the gradients, takes as many batches for a step as it likes, and may clip, scale and log. It
        leaves the learning rate alone: schedules belong to the caller.

        Returns:
            The training loss of each step. Tensors of one element, detached, are best: they need not be waited for.
        """

    @abstractmethod
    def measure(self) -> "Mapping[str, Tensor | float]":
        """Numbers about the model as it is now, by name; the model and the order of the data stay as they are.

        Returns:
            At least `"loss"`, by which divergence is told, and the problem's metric, under its `metric_name`. (A metric
            that is called "loss" and is another number stands under `"metric"`.)
        """

    def weights(self) -> "list[Tensor]":
        """The tensors that a step changes and that `measure` and `show` read: parameters, and buffers of the model.

        A session that measures others, such as an average, adds them: always as many, and always the same ones.
        """
        return [*self.model.parameters(), *self.model.buffers()]

    def fingerprint(self) -> bytes:
        """A digest of what this session was made of, beside the model's weights: of the data, first of all.

        Whoever trains adds the initial weights and the initial loss. Two runs are a pair only if all of it is the same.
        `steepest.workloads.digest.digest` makes one of tensors.
        """
        return b""

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here: the model's weights, and the global generators' states.

        A session with more that changes, such as its place in the data, adds that. Tensors in it may be the session's
        own: `copy.deepcopy` it before the next step.
        """
        from .seeding import random_state

        return {"model": self.model.state_dict(), "random": random_state(self._device)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another session of the same problem, seed and device was. Sets the global generators."""
        from .seeding import set_random_state

        self.model.load_state_dict(state["model"])
        set_random_state(state["random"], self._device)

    def functional(self) -> "Functional | None":
        """The session's parts as functions of its model, so that many runs can train as one; None where it has none.

        It is an offer: whether such a population gives the same as run by run is tried before it is taken up.
        """
        return None

    def show(self) -> Any:
        """What the model does now: an image of Pillow, a figure of matplotlib, or a text; None where there is none.

        It changes nothing about the training; what it draws at random is the same at every step. Best on held-out data.
        """
        return None

    @property
    def _device(self) -> "torch.device | str":
        return next((param.device for param in self.model.parameters()), "cpu")


class Problem(ABC):
    """Something to train, and when it counts as trained.

    A subclass sets `target`, whatever other facts are not the default's, and defines `begin`. It is made without
    arguments.

    Attributes:
        name: the built-in name, or the path of the user's file.
        about, about_zh: what it is, in a line of English and of Chinese; default: the first line of the
            class's docstring, or of the file's.
        metric_name: the number of `measure()` that is to reach the target, and its name in tables and figures.
        higher_is_better: the direction of the metric; default: False for the loss, True for anything else.
        target: the value of the metric to reach.
        steps: updates in a run.
        batch_size: examples a step; None where there is no such number that could be set.
        quick_steps: updates in a run of `steepest compare --quick`; None: a quarter of `steps`, see `quick.py`.
        scheduler: a function `(optimizer, steps)` that gives a scheduler as torch has them, which every optimizer then
            has, for the steps of a run; None: the schedule is chosen by the user.

    >>> class Halves(Problem):
    ...     "Each step halves the loss."
    ...     target = 0.1
    ...
    ...     def begin(self, seed, device):
    ...         ...
    >>> problem = Halves()
    >>> problem.about, problem.reached(0.05), problem.replace(target=0.01).reached(0.05)
    ('Each step halves the loss.', True, False)
    """

    name: str = ""
    about: str = ""
    about_zh: str = ""
    metric_name: str = "loss"
    higher_is_better: bool = False
    target: float
    steps: int = 300
    batch_size: int | None = None
    quick_steps: int | None = None
    scheduler: "Callable[[torch.optim.Optimizer, int], Any] | None" = None

    measured_by: ClassVar[str] = "measure"
    """The part of a user's file that gives the numbers."""

    data_part: ClassVar[str] = "data"
    """The part of a user's file that gives what is learned from."""

    FACTS: ClassVar[tuple[str, ...]] = ("name", "about", "about_zh", "metric_name", "higher_is_better")
    """What tables and pages say about a problem, so that they need not load it."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        if "name" not in own:
            cls.name = cls.__name__
        if "about" not in own and cls.__doc__:
            cls.about = cls.about_zh = cls.__doc__.strip().partition("\n")[0]
        if "metric_name" in own and "higher_is_better" not in own:
            cls.higher_is_better = cls.metric_name != "loss"

    @abstractmethod
    def begin(self, seed: int, device: "torch.device | str") -> Session:
        """A fresh session on a device; the seed decides its initial weights and all its random numbers."""

    def try_out(self) -> float:
        """Make a step and measure twice, on the CPU, so that a mistake shows before anything is written.

        Returns:
            The metric at the initial weights of seed 0.

        Raises:
            InvalidValue: something raises, or gives what it must not; which, and where.
        """
        import torch

        from .seeding import seeded

        try:
            with seeded(0):
                session = self.begin(0, "cpu")
                if not isinstance(getattr(session, "model", None), torch.nn.Module):
                    raise InvalidValue(f"{self.name}: `begin` must return a session whose `model` is a torch.nn.Module")
                if not isinstance(digest := session.fingerprint(), bytes):
                    raise InvalidValue(f"{self.name}: `fingerprint` must return bytes, got {digest!r}")
                _, at_start = self.read_measure(session.measure())
                params = session.model.parameters() if session.groups is None else session.groups
                self.read_losses(session.advance(torch.optim.SGD(params, lr=1e-3), 1), 1)
                self.read_measure(session.measure())
                return at_start
        except SteepestError:
            raise
        except (Exception, SystemExit) as error:
            raise InvalidValue(f"{self.name}: {last_words(error, self.name)}") from error

    def read_losses(self, losses: "Sequence[Tensor | float] | Tensor", steps: int) -> float:
        """The mean of the losses that `advance` gave.

        Raises:
            InvalidValue: they are not one a step.
        """
        import torch

        try:
            count = len(losses)
        except TypeError:  # also of a tensor without dimensions
            count = None
        if count != steps:
            has = f"{count} of them" if count is not None else shown(losses)
            raise InvalidValue(f"{self.name}: `advance` must return a list of the losses of {steps} steps, got {has}")
        if not isinstance(losses, torch.Tensor):
            if not all(isinstance(loss, torch.Tensor) for loss in losses):
                return sum(map(float, losses)) / steps
            losses = torch.stack(losses)  # type: ignore[arg-type]
        return float(losses.detach().sum()) / steps

    def read_measure(self, numbers: "Mapping[str, Tensor | float]") -> tuple[float, float]:
        """The loss and the metric among the numbers that `measure` gave.

        Raises:
            InvalidValue: one of them is not there, or is no number.
        """
        import torch

        if not isinstance(numbers, Mapping):
            raise InvalidValue(f"{self.name}: `{self.measured_by}` must return a dict of numbers, got {shown(numbers)}")
        metric = "metric" if "metric" in numbers else self.metric_name
        values = []
        for key in ("loss", metric):
            if key not in numbers:
                has = ", ".join(map(repr, numbers)) or "nothing"
                raise InvalidValue(
                    f"{self.name}: `{self.measured_by}` must return a number named {key!r}; it has {has}"
                )
            try:
                number = numbers[key]
                if isinstance(number, str):  # float() would read it
                    raise TypeError
                values.append(float(number.detach() if isinstance(number, torch.Tensor) else number))
            except (TypeError, ValueError, RuntimeError):
                raise InvalidValue(
                    f"{self.name}: `{self.measured_by}` gave {shown(numbers[key])} for {key!r}, not a number"
                ) from None
        return values[0], values[1]

    def replace(self, **facts: Any) -> Self:
        """The same problem with other facts, such as `target` or `batch_size`."""
        other = copy(self)
        for fact, value in facts.items():
            object.__setattr__(other, fact, value)  # a frozen dataclass is copied all the same
        return other

    def reached(self, metric: float) -> bool:
        """Whether a metric is at or beyond the target; no number is not."""
        return metric >= self.target if self.higher_is_better else metric <= self.target

    def examples(self) -> int | None:
        """Number of training examples, the largest batch size; None where it is not known, or has no end."""
        return None

    def shows(self) -> bool:
        """Whether its sessions have a picture, by a `show` of their own."""
        return type(self.begin(0, "cpu")).show is not Session.show

    def gradient_noise(self, batch_size: int) -> float | None:
        r"""How far one batch's gradient is from the whole gradient at the start, relative to its length.

        $$\sqrt{\mathrm{E} |g_B - g|^2} \, / \, |g|$$

        None where it is unknown.
        """
        return None


def shown(value: Any) -> str:
    """What a user's function gave, in one short line.

    >>> import torch
    >>> shown(torch.ones(3, 1)), shown("0.3")
    ('a tensor of shape (3, 1)', "'0.3'")
    """
    shape = getattr(value, "shape", None)
    if shape is not None and len(shape) > 0:
        return f"a tensor of shape {tuple(shape)}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:99]}…"


def check_facts(problem: Problem) -> None:
    """See that a problem's numbers are numbers.

    Raises:
        InvalidValue: the target is no finite number, or `steps` or `batch_size` counts nothing.
    """
    target = getattr(problem, "target", None)
    if isinstance(target, bool) or not isinstance(target, int | float) or not math.isfinite(target):
        raise InvalidValue(f"{problem.name}: `target` must be a finite number, got {target!r}")
    direction = problem.higher_is_better
    if not isinstance(direction, bool):
        raise InvalidValue(f"{problem.name}: `higher_is_better` must be True or False, got {direction!r}")
    for fact in ("batch_size", "steps", "quick_steps"):
        count = getattr(problem, fact)
        if fact != "steps" and count is None:
            continue
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise InvalidValue(f"{problem.name}: `{fact}` must be a whole number from 1, got {count!r}")
