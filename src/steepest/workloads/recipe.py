"""How the steps of a workload's file are made and how its weights are evaluated, as facts that any file may set.

- `groups(model)` -> parameter groups as for `torch.optim`, such as biases without decay,
- `accumulate`: batches whose mean gradient makes a step (default 1),
- `clip_norm`: the largest norm of a step's gradient,
- `autocast`: "bfloat16" or "float16", in which torch's autocast computes (float16 with a scaled loss),
- `ema`: the decay, such as 0.999, of an average of the weights, which is what is evaluated,
- `compile`: True, or the name of a backend of `torch.compile`,
- `scheduler(optimizer, steps)` -> a scheduler of torch, stepped after each step of whatever optimizer competes,
- `show(model)` -> an image of Pillow, a figure of matplotlib or a text: what the model does now, for the report.
"""

import inspect
import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import InvalidValue, SteepestError
from ..base.modules import last_words
from ..datasets import NotHere
from .draws import StepDraws
from .functional import Functional
from .problem import Problem, Session, shown
from .seeding import random_state, set_random_state
from .stepping import make_step, needs_closure

__all__ = [
    "MODEL_LINE", "Recipe", "RecipeSession", "check_function", "check_parameters_of_loss", "recipe_of",
]  # fmt: skip

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}

GROUPS_LINE = (
    "def groups(model): return [{'params': [p for p in model.parameters() if p.ndim > 1]},"
    " {'params': [p for p in model.parameters() if p.ndim < 2], 'weight_decay': 0.0}]"
)


@dataclass(frozen=True, kw_only=True)
class Recipe(Problem):
    """A problem whose steps are made in the usual way.

    Attributes:
        model: makes a fresh model; its initial weights come from torch's generator, which each run seeds.
        groups, accumulate, clip_norm, autocast, ema, compile, scheduler, show: see above.
        quick_steps: see `Problem`.
    """

    model: Callable[[], nn.Module]
    groups: Callable[[nn.Module], Iterable[dict[str, Any]]] | None = None
    accumulate: int = 1
    clip_norm: float | None = None
    autocast: str | None = None
    ema: float | None = None
    compile: bool | str = False
    scheduler: Callable[[torch.optim.Optimizer, int], Any] | None = None
    quick_steps: int | None = None
    show: Callable[[nn.Module], Any] | None = None

    def shows(self) -> bool:
        """Whether there is a `show`, of the file or of a class of sessions."""
        return self.show is not None or type(self.begin(0, "cpu")).show is not RecipeSession.show

    @contextmanager
    def naming(self, part: str) -> Iterator[None]:
        """A context whose errors name a part of the file."""
        try:
            yield
        except NotHere:  # which needs no part of a file named
            raise
        except SteepestError as error:
            if str(error).startswith(f"{self.name}: "):  # which names the part, too
                raise
            raise InvalidValue(f"{self.name}: `{part}` {error}") from None
        except (Exception, SystemExit) as error:
            raise InvalidValue(f"{self.name}: `{part}` raised {last_words(error, self.name)}") from error

    def check_model(self, model: nn.Module) -> None:
        """See that a model can be trained.

        Raises:
            InvalidValue: it is no module, none of its parameters is to be trained, or the next model has the same ones.
        """
        if not isinstance(model, nn.Module):
            raise InvalidValue(f"must return a torch.nn.Module, got {shown(model)}; write for example:  {MODEL_LINE}")
        if not any(param.requires_grad for param in model.parameters()):
            raise InvalidValue("has no parameters to train; leave requires_grad of some as True")
        elsewhere = [param.device.type for param in model.parameters() if param.device.type == "meta"]
        if elsewhere:
            raise InvalidValue("has parameters on the device meta, which have no numbers; make it on the CPU")
        trained = {id(param) for param in model.parameters() if param.requires_grad}
        if any(id(param) in trained for param in self.model().parameters()):
            raise InvalidValue(
                f"gives the same weights each time, so that a run goes on where another one ended; make a new one in"
                f" each call, write for example:  {MODEL_LINE}"
            )

    def check_groups(self, model: nn.Module) -> None:
        """See that the groups have each parameter that is trained once.

        Raises:
            InvalidValue: what is wrong, with a line to write instead.
        """
        if self.groups is None:
            return
        given = self.groups(model)
        groups = list(given) if isinstance(given, Iterable) else []
        line = f"write for example:  {GROUPS_LINE}"
        if not groups or not all(isinstance(group, dict) and "params" in group for group in groups):
            raise InvalidValue(f"must return dicts with 'params'; {line}")
        names = {id(param): name for name, param in model.named_parameters()}
        seen: set[int] = set()
        for group in groups:
            params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
            group["params"] = params  # an iterator would be used up by now
            for setting in ("lr", "weight_decay"):
                value = group.get(setting, 0.0)
                if not isinstance(value, Tensor) and not (_is_number(value) and value >= 0):
                    raise InvalidValue(f"sets {setting} to {value!r}, which must be a number from 0; {line}")
            for param in params:
                if id(param) not in names:
                    raise InvalidValue(f"has something that is no parameter of the model: {shown(param)}; {line}")
                if id(param) in seen:
                    raise InvalidValue(f"has the parameter {names[id(param)]} twice; {line}")
                seen.add(id(param))
        for name, param in model.named_parameters():
            if param.requires_grad and id(param) not in seen:
                raise InvalidValue(f"lacks the parameter {name}, which would stay as it is; {line}")


def check_parameters_of_loss(loss: Tensor, model: nn.Module) -> None:
    """See that all parameters that a loss depends on are the model's, as no others are trained.

    Raises:
        InvalidValue: one is not.
    """
    own, seen, left = {id(param) for param in model.parameters()}, set(), [loss.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)  # of a leaf
        if isinstance(variable, nn.Parameter) and id(variable) not in own:
            raise InvalidValue(
                f"depends on a parameter that is not the model's, of shape {tuple(variable.shape)}, which would stay"
                " as it is; make it a part of the model, or compute with it under torch.no_grad()"
            )
        left += [other for other, _ in node.next_functions]


MODEL_LINE = "def model(): return torch.nn.Linear(10, 1)"


SCHEDULER_LINE = (
    "def scheduler(optimizer, steps): return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)"
)


SHOW_LINE = "def show(model): return f'weights: {[*model.parameters()]}'"


class RecipeSession(Session):
    """One training of a `Recipe`: a subclass says what its batches are, and what the loss of one is.

    Attributes:
        next_batch: gives the next batch, on the device.
    """

    next_batch: Callable[[], Any]
    seeds_batches = True

    def __init__(self, problem: Recipe, seed: int, device: torch.device | str) -> None:
        self._recipe, self._seed, self._on = problem, seed, torch.device(device)
        self.model = problem.model().to(device)
        if problem.compile:
            self.model.compile(backend="inductor" if problem.compile is True else problem.compile)
        self.groups = None if problem.groups is None else list(problem.groups(self.model))
        self._params: list[Tensor] = list(self.model.parameters())
        self._draws, self._batch = StepDraws(seed, device), 0
        self._average: list[Tensor] | None = None
        self._autocast: AbstractContextManager[Any] = nullcontext()
        self._scaler = None
        if problem.autocast is not None:
            self._autocast = torch.autocast(self._on.type, DTYPES[problem.autocast])
            self._scaler = torch.amp.GradScaler(self._on.type) if problem.autocast == "float16" else None
        self._is_plain = (problem.accumulate, problem.clip_norm, problem.autocast, problem.ema) == (1, None, None, None)

    @property
    def is_plain(self) -> bool:
        """Whether a step is forward, backward and step of one batch, by `next_batch` and `loss_of`, and no more."""
        return self._is_plain and not self._recipe.compile and type(self).advance is RecipeSession.advance

    @abstractmethod
    def loss_of(self, batch: Any) -> Tensor:
        """The loss of the model on a batch: a scalar."""

    def advance(self, optimizer: torch.optim.Optimizer, steps: int) -> list[Tensor]:
        """Forward, backward, step."""
        if needs_closure(optimizer):
            return [self._step_with_closure(optimizer) for _ in range(steps)]
        if not self._is_plain:
            return [self._step(optimizer) for _ in range(steps)]
        params, draws, losses = self._params, self._draws, []
        for _ in range(steps):
            draws.begin(self._batch)
            batch = self.next_batch()
            self._batch += 1
            for param in params:  # as zero_grad() does, but without its records for a profiler
                param.grad = None
            loss = self.loss_of(batch)
            loss.backward()  # type: ignore[no-untyped-call]
            draws.end()
            optimizer.step()
            losses.append(loss.detach())
        return losses

    def _step(self, optimizer: torch.optim.Optimizer) -> Tensor:
        """The same, with all that a file may ask for."""
        count, scaler = self._recipe.accumulate, self._scaler
        for param in self._params:
            param.grad = None
        losses = []
        for _ in range(count):
            self._draws.begin(self._batch)
            batch = self.next_batch()
            self._batch += 1
            with self._autocast:
                loss = self.loss_of(batch)
            losses.append(loss.detach())
            loss = loss / count if count > 1 else loss
            (scaler.scale(loss) if scaler else loss).backward()  # type: ignore[no-untyped-call]
            self._draws.end()
        if self._recipe.clip_norm is not None:
            if scaler:
                scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(self._params, self._recipe.clip_norm)
        if scaler:
            scaler.step(optimizer)
            scaler.update()
        else:
            optimizer.step()
        if self._recipe.ema is not None:
            self._add_to_average(self._recipe.ema)
        return torch.stack(losses).mean() if count > 1 else losses[0]

    def _step_with_closure(self, optimizer: torch.optim.Optimizer) -> Tensor:
        """The same for an optimizer that computes the gradient itself: each time from the same random numbers."""
        if self._scaler:
            raise InvalidValue(
                f"{self._recipe.name}: autocast in float16 scales the loss, which no closure can; write bfloat16"
            )
        count, batches = self._recipe.accumulate, []
        for _ in range(count):
            self._draws.begin(self._batch)
            batch = self.next_batch()
            batches.append((batch, random_state(self._on)))
            self._batch += 1
            self._draws.end()

        def compute() -> Tensor:
            for param in self._params:
                param.grad = None
            losses = []
            for batch, states in batches:
                set_random_state(states, self._on)  # those from which a step without a closure draws
                with self._autocast:
                    loss = self.loss_of(batch)
                (loss / count if count > 1 else loss).backward()  # type: ignore[no-untyped-call]
                losses.append(loss.detach())
                self._draws.note(states)
            if self._recipe.clip_norm is not None:
                nn.utils.clip_grad_norm_(self._params, self._recipe.clip_norm)
            return torch.stack(losses).mean() if count > 1 else losses[0]

        loss = make_step(optimizer, compute)
        if self._recipe.ema is not None:
            self._add_to_average(self._recipe.ema)
        return loss

    def show(self) -> Any:
        """What the function of the file shows; the model is as it is evaluated."""
        if self._recipe.show is None:
            return None
        with self.evaluated():
            return self._recipe.show(self.model)

    def functional(self) -> Functional | None:
        """What a subclass offers, where a step is forward, backward and step only."""
        return self.functions() if self._is_plain and not self._recipe.compile else None

    def functions(self) -> Functional | None:
        """The parts as functions of the model; None where they are none."""
        return None

    @torch.no_grad()
    def _add_to_average(self, decay: float) -> None:
        """As `torch.optim.swa_utils.AveragedModel` does: the average begins at the weights after the first step."""
        if self._average is None:
            self._average = [param.detach().clone() for param in self._params]
        else:
            for mean, param in zip(self._average, self._params, strict=True):
                mean.lerp_(param.to(mean.dtype), 1 - decay)

    @contextmanager
    def evaluated(self) -> Iterator[None]:
        """A context in which the model is as it is evaluated: in eval mode, without gradients, at its average.

        Afterwards all is as it was: also submodules that are in eval mode in training, too.
        """
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            with torch.no_grad(), self._averaged(), self._autocast:
                yield
        finally:
            self.model.train()
            for module, mode in modes:
                module.training = mode

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        if self._average is None:
            yield
            return
        kept = [param.detach().clone() for param in self._params]
        try:
            torch._foreach_copy_(self._params, self._average)
            yield
        finally:
            torch._foreach_copy_(self._params, kept)

    def weights(self) -> list[Tensor]:
        """The model's, and their average, which before the first step is the weights themselves."""
        averaged = [] if self._recipe.ema is None else self._average or self._params
        return [*super().weights(), *averaged]

    def state_dict(self) -> dict[str, Any]:
        """Weights, generators, the place in the data, and what else a step changes."""
        more: dict[str, Any] = {"batch": self._batch, "draws": self._draws.state()}
        if self._average is not None:
            more["average"] = self._average
        if self._scaler:
            more["scaler"] = self._scaler.state_dict()
        return super().state_dict() | more

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._batch = state["batch"]
        average = state.get("average")
        self._average = None if average is None else [tensor.clone() for tensor in average]
        if self._scaler:
            self._scaler.load_state_dict(state["scaler"])
        super().load_state_dict(state)
        self._draws.load(state["draws"], self._batch)


# --- reading a file ---------------------------------------------------------------------------------------------------


def recipe_of(module: ModuleType, name: str) -> dict[str, Any]:
    """The facts of a `Recipe`, but for the model, that a file sets.

    Raises:
        InvalidValue: one of them is not what it must be.
    """
    names = [field.name for field in fields(Recipe) if field.name != "model"]
    facts = {fact: getattr(module, fact) for fact in names if hasattr(module, fact)}
    for fact, (is_right, words) in _FACTS.items():
        if fact in facts and not is_right(facts[fact]):
            raise InvalidValue(f"{name}: `{fact}` must be {words}, got {facts[fact]!r}")
    if "groups" in facts:
        check_function(name, "groups", facts["groups"], 1, GROUPS_LINE)
    if facts.get("scheduler") is not None:
        check_function(name, "scheduler", facts["scheduler"], 2, SCHEDULER_LINE)
    if facts.get("show") is not None:
        check_function(name, "show", facts["show"], 1, SHOW_LINE)
    if isinstance(facts.get("compile"), str):
        known = torch.compiler.list_backends(exclude_tags=None)
        if facts["compile"] not in known:
            has = ", ".join(known)
            raise InvalidValue(f"{name}: `compile`: torch.compile has no backend {facts['compile']!r}; it has {has}")
    return facts


def check_function(name: str, part: str, value: Any, arguments: int, line: str) -> None:
    """See that a part of a file is a function of so many arguments.

    Raises:
        InvalidValue: it is not, with a line to write instead.
    """
    if not callable(value) or (part == "model" and isinstance(value, nn.Module)):
        raise InvalidValue(f"{name}: `{part}` must be a function; write for example:  {line}")
    try:
        inspect.signature(value).bind(*[None] * arguments)
    except TypeError:
        raise InvalidValue(
            f"{name}: `{part}` does not take what it is called with; write for example:  {line}"
        ) from None
    except ValueError:  # a function without a signature
        return


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_FACTS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "accumulate": (
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 1,
        "a whole number from 1",
    ),
    "clip_norm": (lambda value: value is None or (_is_number(value) and value > 0), "a finite number above 0"),
    "autocast": (
        lambda value: value is None or (isinstance(value, str) and value in DTYPES),
        "bfloat16 or float16",
    ),
    "ema": (lambda value: value is None or (_is_number(value) and 0 < value < 1), "a number between 0 and 1"),
    "compile": (lambda value: isinstance(value, bool | str), "True, or the name of a backend of torch.compile"),
}
