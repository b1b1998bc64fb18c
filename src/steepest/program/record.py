"""A rule's update as a list of operations, recorded by running it once on stand-ins for numbers.

Recording keeps the order of every operation, so every printed form of a program (a compiled kernel, JavaScript, LaTeX)
does the same arithmetic as the eager function. Settings that are plain switches (`nesterov`), and hyperparameters that
are exactly 0, are decided while recording; all other hyperparameters stay inputs, so a schedule needs no new recording.

    >>> from steepest.rules import SGD
    >>> print(record(SGD(lr=0.1, momentum=0.9)))
    %0 = eq step 1
    %1 = mul momentum momentum_buffer
    %2 = mul 1.0 grad
    %3 = add %1 %2
    %4 = where %0 grad %3
    %5 = neg lr
    %6 = mul %5 %4
    delta = %6
    momentum_buffer = %4
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from numbers import Real
from types import SimpleNamespace
from typing import Any

from ..base.errors import InvalidValue, SteepestError
from ..base.modules import line_of
from ..ops import is_zero
from ..rules import External, Rule
from .operations import FUNCTIONS, OPERATIONS

__all__ = ["NotRecorded", "Operation", "Program", "Value", "inputs_of", "record", "settings", "why_not_recorded"]


class NotRecorded(InvalidValue):
    """A rule has no program: its own function alone can run it, step by step. The text says why, and in which line."""


@dataclass(frozen=True, eq=False)
class Value:
    """A stand-in for a number: an input by name, or the result of an operation.

    Attributes:
        program: where operations on it are recorded.
        name: of an input, or `%` and the operation's place.
        uniform: whether it is the same for all elements: made of hyperparameters, the step and sums over elements.
        stage: how many sums have to be complete, one after the other, before it can be computed.
    """

    program: "Program" = field(repr=False)
    name: str
    uniform: bool
    stage: int = 0

    def __bool__(self) -> bool:
        raise InvalidValue("it branches on a value; write steepest.ops.where(condition, a, b) instead of `if`")

    def __neg__(self) -> "Value":
        return self.program.add("neg", self)

    def __abs__(self) -> "Value":
        return self.program.add("absolute", self)

    def __pos__(self) -> "Value":
        return self

    def sum(self) -> "Value":
        """The sum over all elements of the tensor, in a program that may have some."""
        return self.program.reduce("sum", self)

    def mean(self) -> "Value":
        """The mean over all elements of the tensor, in a program that may have some."""
        return self.program.reduce("mean", self)

    __hash__ = object.__hash__


def _forward(kind: str) -> Any:
    return lambda self, other: self.program.add(kind, self, other)


def _backward(kind: str) -> Any:
    return lambda self, other: self.program.add(kind, other, self)


for _kind in OPERATIONS.values():
    if _kind.sign:
        setattr(Value, f"__{_kind.name}__", _forward(_kind.name))
    if _kind.sign and not _kind.condition:
        setattr(Value, f"__r{_kind.name}__", _backward(_kind.name))


def _recorder(kind: str) -> Any:
    def call(*operands: Any) -> Value:
        first = next(operand for operand in operands if isinstance(operand, Value))
        return first.program.add(kind, *operands)

    return call


# steepest.ops hands its functions over to the type of what they are called with
Value.__ops__ = SimpleNamespace(**{kind: _recorder(kind) for kind in FUNCTIONS})  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Operation:
    """One operation: its kind, what it is applied to (values or plain numbers), and its result."""

    kind: str
    operands: tuple[Any, ...]
    result: Value

    def __str__(self) -> str:
        return " ".join([self.result.name, "=", self.kind, *(_text(operand) for operand in self.operands)])


@dataclass
class Program:
    """The recorded operations, in order.

    Attributes:
        operations: all of them; `uniform` says which are the same for all elements.
        inputs: the stand-ins by name: hyperparameters (`lr`, `betas_0`), `step`, `grad`, `param`, states.
        outputs: `delta` and the new states by name; a value or a plain number.
        initial: the states before the first step by name; a value or a plain number.
        sums: whether there may be sums over all elements, of a rule that is not elementwise.
    """

    operations: list[Operation] = field(default_factory=list)
    inputs: dict[str, Value] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    initial: dict[str, Any] = field(default_factory=dict)
    sums: bool = False

    def input(self, name: str, uniform: bool) -> Value:
        """A new input."""
        self.inputs[name] = Value(self, name, uniform)
        return self.inputs[name]

    def add(self, kind: str, *operands: Any) -> Value:
        """Record an operation; one that was recorded before gives the same value again."""
        values = [operand for operand in operands if isinstance(operand, Value)]
        uniform, stage = all(value.uniform for value in values), max((value.stage for value in values), default=0)
        return self._added(kind, operands, uniform, stage)

    def reduce(self, kind: str, operand: Value) -> Value:
        """Record a sum or mean over all elements, of a value that is not the same for all of them."""
        if not self.sums:
            raise InvalidValue(f"it takes a {kind} over the tensor; say so by elementwise = False")
        if operand.uniform:
            raise InvalidValue(f"it takes a {kind} of what is the same for all elements of the tensor")
        return self._added(kind, (operand,), True, operand.stage + 1)

    def _added(self, kind: str, operands: tuple[Any, ...], uniform: bool, stage: int) -> Value:
        if not all(isinstance(operand, Value | Real) for operand in operands):  # random numbers differ at each step
            raise InvalidValue("it computes with a tensor that is none of its gradient, parameter and states")
        key = (kind, *(_key(operand) for operand in operands))
        for operation in self.operations:
            if (operation.kind, *(_key(operand) for operand in operation.operands)) == key:
                return operation.result
        result = Value(self, f"%{len(self.operations)}", uniform, stage)
        self.operations.append(Operation(kind, operands, result))
        return result

    def uniform(self) -> list[Operation]:
        """Operations to be done once a step for a tensor, sums among them."""
        return [operation for operation in self.needed() if operation.result.uniform]

    @property
    def passes(self) -> int:
        """How often the elements are read for sums, before they are read and written for the step."""
        return max((operation.result.stage for operation in self.needed()), default=0)

    def varying(self) -> list[Operation]:
        """Operations to be done for every element."""
        return [operation for operation in self.needed() if not operation.result.uniform]

    def needed(self, of: Iterable[Any] = ()) -> list[Operation]:
        """Operations that some values depend on, or the outputs, in order."""
        needed = {value.name for value in of or self.outputs.values() if isinstance(value, Value)}
        kept = []
        for operation in reversed(self.operations):
            if operation.result.name in needed:
                kept.append(operation)
                needed |= {operand.name for operand in operation.operands if isinstance(operand, Value)}
        return kept[::-1]

    @property
    def states(self) -> list[str]:
        """Names of the states that have a number for each element, in order."""
        return [name for name in self.outputs if name != "delta" and not self._is_number(name)]

    @property
    def numbers(self) -> list[str]:
        """Names of the states that are one number for the whole parameter, in order."""
        return [name for name in self.outputs if name != "delta" and self._is_number(name)]

    def _is_number(self, name: str) -> bool:
        return name in self.inputs and self.inputs[name].uniform

    def __str__(self) -> str:
        lines = [str(operation) for operation in self.operations]
        return "\n".join(lines + [f"{name} = {_text(value)}" for name, value in self.outputs.items()])


def _key(operand: Any) -> Any:
    return operand.name if isinstance(operand, Value) else (type(operand).__name__, operand)


def _text(operand: Any) -> str:
    return operand.name if isinstance(operand, Value) else repr(operand)


def record(rule: Rule, maximize: bool = False, sums: bool = False) -> Program:
    """Run the rule's update once on stand-ins.

    Args:
        rule: whose update it is.
        maximize: on the negative gradient.
        sums: whether the caller can do with sums over all elements of a tensor, as a rule that is not elementwise may
            take; of whole tensors a program has nothing else.

    Raises:
        NotRecorded: the rule is not elementwise, branches on a value, or uses more than operators and `steepest.ops`.
    """
    needs_whole = f"{rule.title} is not elementwise: it needs whole tensors"
    if not rule.elementwise and (rule.shared or not sums):
        raise NotRecorded(needs_whole)
    if isinstance(rule, External):
        raise NotRecorded(f"{rule.title}: is a class of optimizers, of which steepest has no equation")
    try:
        return _recorded(rule, maximize)
    except Exception as error:  # whatever a function does that gets no numbers
        if not rule.elementwise and not isinstance(error, SteepestError):  # more than sums, as it may
            raise NotRecorded(needs_whole) from error
        remedy = "use Python's operators and steepest.ops instead"
        reason = str(error) if isinstance(error, SteepestError) else f"{type(error).__name__}: {error}; {remedy}"
        raise NotRecorded(f"{rule.title}: {line_of(error, type(rule))}{reason}") from error


def why_not_recorded(rule: Rule, sums: bool = False) -> str | None:
    """The reason why a rule has no program, found once for each structure; None if it has one. As `record`."""
    key = rule.structure, sums
    if key not in _reasons:
        try:
            record(rule, sums=sums)
            _reasons[key] = None
        except NotRecorded as error:
            _reasons[key] = str(error)
    return _reasons[key]


_reasons: dict[Any, str | None] = {}


def _recorded(rule: Rule, maximize: bool) -> Program:
    program = Program(sums=not rule.elementwise)
    symbolic = replace(rule, **{name: _stand_in(program, name, value) for name, value in _numeric(rule)})
    step = program.input("step", uniform=True)
    grad, param = program.input("grad", uniform=False), program.input("param", uniform=False)
    initial = symbolic.init(param)
    state = [
        None if start is None else program.input(name, uniform=name in rule.numbers) for name, start in initial.items()
    ]
    delta, *new = symbolic.update(-grad if maximize else grad, param, step, *state)
    program.outputs = {"delta": delta} | {
        name: value for name, value in zip(initial, new, strict=True) if value is not None
    }
    program.initial = {name: start for name, start in initial.items() if start is not None}
    return program


def settings(rule: Rule) -> dict[str, Any]:
    """The hyperparameters that stay inputs, by the names of the inputs.

    >>> from steepest.rules import Adam
    >>> settings(Adam())
    {'lr': 0.001, 'betas_0': 0.9, 'betas_1': 0.999, 'eps': 1e-08}
    """
    return dict(chain.from_iterable(inputs_of(name, value).items() for name, value in _numeric(rule)))


def inputs_of(name: str, value: Any) -> dict[str, Any]:
    """The inputs that a hyperparameter stands for: itself, or each number of a tuple (`betas_0`, `betas_1`)."""
    if isinstance(value, tuple | list):
        return {f"{name}_{i}": number for i, number in enumerate(value)}
    return {name: value}


def _numeric(rule: Rule) -> Iterator[tuple[str, Any]]:
    """All but switches, and what is exactly 0."""
    for name in rule.hyperparameters():
        value = getattr(rule, name)
        if not isinstance(value, bool | str) and value is not None and not is_zero(value):
            yield name, value


def _stand_in(program: Program, name: str, value: Any) -> Any:
    inputs = [program.input(key, uniform=True) for key in inputs_of(name, value)]
    return tuple(inputs) if isinstance(value, tuple | list) else inputs[0]
