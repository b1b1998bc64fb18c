"""The promises of a rule, as checks: a pure update, equal on every library, and hyperparameters that do something."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from ..base.errors import InvalidValue
from ..rules import Rule, find

__all__ = ["GRADIENTS", "START", "STEPS", "assert_close", "begin", "bits", "rounding", "rule_checks", "walk"]

Check = Callable[[], None]
Settings = Mapping[str, Any]

STEPS = 10
_random = np.random.default_rng(11)
START = _random.normal(size=(4, 3))
GRADIENTS = _random.normal(loc=1.0, size=(STEPS, *START.shape))
"""Noise around a slope, so that rules which measure how far they have come see that they get somewhere."""


def rule_checks(
    rule: type[Rule], needs: Mapping[str, Settings] | None = None, values: Mapping[str, Sequence[Any]] | None = None
) -> dict[str, Check]:
    """The checks of a rule, by name.

    Args:
        rule: the class.
        needs: by hyperparameter, the other settings without which it has no effect in ten steps on a 4 by 3 matrix:
            `{"nesterov": {"momentum": 0.9}}`.
        values: by hyperparameter, the values to try beside the default, where a number nearby makes no difference.

    >>> from steepest.rules import Signum
    >>> for check in rule_checks(Signum).values():
    ...     check()
    """
    return dict(_checks(rule, needs or {}, values or {}))


def _checks(
    rule: type[Rule], needs: Mapping[str, Settings], values: Mapping[str, Sequence[Any]]
) -> Iterator[tuple[str, Check]]:
    for check in (
        facts_are_complete, learning_rate_is_searched_within_its_interval, tuples_have_a_fixed_length,
        instances_are_frozen, instances_are_found,
    ):  # fmt: skip
        yield check.__name__, partial(check, rule)
    if rule.decay == "coupled":
        yield "coupled_decay", partial(coupled_decay_is_added_to_the_gradient, rule)
    if rule.decay == "decoupled":
        yield "decoupled_decay", partial(decoupled_decay_is_a_share_of_the_parameter, rule)
    if rule.evaluation is not Rule.evaluation:
        yield "evaluation", partial(evaluation_has_an_inverse, rule)
    for name, default in rule.defaults().items():
        base = {**rule.defaults(), **needs.get(name, {})}
        if isinstance(default, bool):
            yield f"switch-{name}", partial(only_booleans_are_accepted, rule, name, base)
        for other in values.get(name) or neighbours(base[name]):
            yield from _variation_checks(rule(**base), rule(**base | {name: other}), f"{name}={other}")
        indices = range(len(default)) if isinstance(default, tuple) else [None]
        for index in indices:
            number = default if index is None else default[index]
            if isinstance(number, int | float) and not isinstance(number, bool):
                yield from _number_checks(rule, name, index, base)


def _variation_checks(base: Rule, rule: Rule, variation: str) -> Iterator[tuple[str, Check]]:
    variation = variation.replace(" ", "")
    yield f"alive-{variation}", partial(hyperparameter_is_alive, base, rule)
    for library in (np.asarray, torch.asarray):
        yield f"pure-{library.__module__}-{variation}", partial(update_is_pure, rule, library)
    for dtype in (torch.float64, torch.float32):
        yield f"torch-{dtype}-{variation}", partial(torch_equals_numpy, rule, dtype)
    yield f"state-{variation}", partial(state_keeps_its_names_and_shapes, rule)
    if rule.elementwise:
        yield f"numbers-{variation}", partial(plain_numbers_equal_numpy, rule)
        yield f"order-{variation}", partial(order_of_coordinates_does_not_matter, rule)


def _number_checks(rule: type[Rule], name: str, index: int | None, base: Settings) -> Iterator[tuple[str, Check]]:
    where = name if index is None else f"{name}.{index}"
    yield f"interval-{where}", partial(numbers_out_of_the_interval_are_refused, rule, name, index, base)
    none = rule.hyperparameters()[name].metadata["facts"].none
    for value in ("0.1", None) if none is None else ("0.1",):
        yield f"no-number-{where}={value}", partial(only_numbers_are_accepted, rule, name, index, base, value)
    if none is not None:
        yield f"none-{where}", partial(none_stands_for, rule, name, base, none)
    if rule.elementwise:
        for library in (np.asarray, torch.asarray):
            check = partial(many_settings_equal_one_at_a_time, rule, name, index, base, library)
            yield f"many-{library.__module__}-{where}", check


# --- tools ------------------------------------------------------------------------------------------------------------


def begin(rule: Rule, param: Any) -> list[Any]:
    """The state before the first step, filled to the parameter's shape, of the library that the parameter is of."""
    alone = {name for name, value in rule.init(param).items() if value is None or hasattr(value, "shape")}
    alone |= {*rule.numbers}
    return [value if name in alone else 0 * param + value for name, value in rule.init(param).items()]


def walk(rule: Rule, param: Any = START, gradients: Any = GRADIENTS) -> list[Any]:
    """The parameter after each step; the gradients do not depend on where it is."""
    state, path = begin(rule, param), []
    for step, gradient in enumerate(gradients, 1):
        delta, *state = rule.update(gradient, param, step, *state)
        param = param + delta
        path.append(param)
    return path


def assert_close(path: Any, expected: Any, dtype: torch.dtype = torch.float64) -> None:
    """Paths of `STEPS` steps agree but for twice `rounding`: libraries' powers may differ by an ulp more."""
    path, expected = np.asarray(path), np.asarray(expected)
    allowed = 2 * rounding(dtype, STEPS) * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(path, expected, rtol=0, atol=allowed)


def rounding(dtype: torch.dtype, steps: int = STEPS) -> float:
    """How far two runs may part when only the order of their operations differs, as a part of the largest coordinate.

    A step rounds about 10 times, each time by at most half an ulp of the number at hand, and where the problem's slope
    is of order 1, the errors add up and do not grow: 60 steps in float64 come to 7e-14 (observed: 3e-14).
    """
    return steps * 10 * torch.finfo(dtype).eps / 2


def bits(values: Any) -> list[bytes | None]:
    """Every bit of some arrays or numbers, to tell the same from the equal."""
    return [None if value is None else np.asarray(value).tobytes() for value in values]


def neighbours(value: Any) -> list[Any]:
    """Other values of a hyperparameter, one for each of its elements."""
    match value:
        case bool():
            return [not value]
        case tuple():
            return [
                (*value[:i], other, *value[i + 1 :]) for i, element in enumerate(value) for other in neighbours(element)
            ]
        case int():
            return [value + 5]
        case float():
            return [value / 2 + 0.01 if abs(value) < 1 else value + 0.1]
        case None:
            return [0.01]
    raise TypeError(f"cannot vary {value!r}; name other values")


def _with_number(rule: type[Rule], name: str, index: int | None, base: Settings, value: Any) -> Rule:
    """The rule with one of its numbers replaced."""
    if index is not None:
        value = (*base[name][:index], value, *base[name][index + 1 :])
    return rule(**{**base, name: value})


def _assert_refused(message: str, make: Callable[[], object]) -> None:
    try:
        made = make()
    except InvalidValue as error:
        assert message in str(error), f"expected {message!r}, got {error}"
    else:
        raise AssertionError(f"{made} is accepted; expected {message!r}")


# --- the update -------------------------------------------------------------------------------------------------------


def update_is_pure(rule: Rule, library: Callable[..., Any]) -> None:
    """Its inputs stay bit by bit, and the same inputs give the same results."""
    param, gradients = library(START.copy()), library(GRADIENTS.copy())
    state = begin(rule, param)
    for step, gradient in enumerate(gradients, 1):
        before = bits([gradient, param, *state])
        first, again = (rule.update(gradient, param, step, *state) for _ in range(2))
        assert bits([gradient, param, *state]) == before, f"{rule}: update changes its inputs"
        assert bits(first) == bits(again), f"{rule}: the same inputs give other results"
        param, state = param + first[0], list(first[1:])


def torch_equals_numpy(rule: Rule, dtype: torch.dtype) -> None:
    """On tensors the path is that on arrays, in their dtype."""
    param, gradients = torch.asarray(START, dtype=dtype), torch.asarray(GRADIENTS, dtype=dtype)
    path, expected = torch.stack(walk(rule, param, gradients)), walk(rule, param.numpy(), gradients.numpy())
    assert path.dtype == dtype
    assert expected[-1].dtype == path.numpy().dtype
    assert_close(path, expected, dtype)


def plain_numbers_equal_numpy(rule: Rule) -> None:
    """On Python's numbers the path is that of one coordinate."""
    path = walk(rule, float(START[1, 2]), GRADIENTS[:, 1, 2].tolist())
    assert {type(value) for value in path} == {float}
    assert_close(path, np.array(walk(rule))[:, 1, 2])


def order_of_coordinates_does_not_matter(rule: Rule) -> None:
    """An elementwise rule treats each coordinate alike."""
    order = np.random.default_rng(3).permutation(START.size)
    path = walk(rule, START.ravel()[order], GRADIENTS.reshape(STEPS, -1)[:, order])
    assert bits(path) == bits(point.ravel()[order] for point in walk(rule))


def state_keeps_its_names_and_shapes(rule: Rule) -> None:
    """The new state is that of `init`, in order, and `symbols` and `numbers` name it."""
    start = begin(rule, START)
    _, *state = rule.update(GRADIENTS[0], START, 1, *start)
    assert [np.shape(value) for value in state] == [np.shape(value) for value in start]
    assert [value is None for value in state] == [value is None for value in start]
    assert list(rule.symbols) == list(rule.init(START))
    assert {*rule.shared} <= {*rule.numbers} <= {*rule.symbols}


def evaluation_has_an_inverse(rule: type[Rule]) -> None:
    """The parameter follows from the weights to evaluate and the state."""
    made, param = rule(lr=0.1), START
    state = begin(made, param)
    for step, gradient in enumerate(GRADIENTS, 1):
        delta, *state = made.update(gradient, param, step, *state)
        param = param + delta
    weights = made.evaluation(param, *state)
    assert np.abs(weights - param).max() > 0
    assert_close(made.from_evaluation(weights, *state), param)


# --- hyperparameters --------------------------------------------------------------------------------------------------


def hyperparameter_is_alive(base: Rule, changed: Rule) -> None:
    """Another value leads elsewhere, by more than a millionth of the way."""
    path, other = np.array(walk(base)), np.array(walk(changed))
    assert np.abs(path - other).max() > 1e-6 * np.abs(path - START).max(), f"{changed} goes where {base} goes"


def many_settings_equal_one_at_a_time(
    rule: type[Rule], name: str, index: int | None, base: Settings, library: Callable[..., Any]
) -> None:
    """An array for a hyperparameter gives each trajectory its own value."""
    default = rule.defaults()[name] if index is None else rule.defaults()[name][index]
    values = [default, *neighbours(default), *neighbours(*neighbours(default))]
    param, gradients = library(START[0]), library(GRADIENTS[:, 0])
    many = library(np.array(values, dtype=float)[:, None])
    together = walk(_with_number(rule, name, index, base, many), param, gradients)[-1]
    apart = [walk(_with_number(rule, name, index, base, value), param, gradients)[-1] for value in values]
    assert together.shape == (len(values), *param.shape)
    assert_close(together, np.stack(apart))


def numbers_out_of_the_interval_are_refused(rule: type[Rule], name: str, index: int | None, base: Settings) -> None:
    """With a message that names the hyperparameter and its interval."""
    interval = rule.hyperparameters()[name].metadata["facts"].within
    low, high = (float(end) for end in interval[1:-1].split(","))
    beyond = [low - 0.1, low if interval[0] == "(" else None, high if interval[-1] == ")" else None, high + 0.1]
    message = f"{rule.title}: {name} must lie in {interval}, got"
    for value in (math.nan, math.inf, -math.inf, *(value for value in beyond if value is not None)):
        _assert_refused(message, partial(_with_number, rule, name, index, base, value))


def only_numbers_are_accepted(rule: type[Rule], name: str, index: int | None, base: Settings, value: Any) -> None:
    """For a hyperparameter whose default is a number."""
    make = partial(_with_number, rule, name, index, base, value)
    _assert_refused(f"{rule.title}: {name} must be a number, got", make)


def none_stands_for(rule: type[Rule], name: str, base: Settings, value: Any) -> None:
    """For a hyperparameter that is None where the authors' code has a number here."""
    assert rule(**{**base, name: None}) == rule(**{**base, name: value})


def only_booleans_are_accepted(rule: type[Rule], name: str, base: Settings) -> None:
    """For a switch."""
    for value in ("false", None):
        _assert_refused(f"{rule.title}: {name} must be true or false, got", partial(rule, **{**base, name: value}))


def tuples_have_a_fixed_length(rule: type[Rule]) -> None:
    """For a hyperparameter of several numbers."""
    for name, default in rule.defaults().items():
        if isinstance(default, tuple):
            for value in (default[:-1], (*default, default[-1]), default[0]):
                _assert_refused(
                    f"{rule.title}: {name} needs {len(default)} values", partial(rule.configure, **{name: value})
                )


# --- facts ------------------------------------------------------------------------------------------------------------


def facts_are_complete(rule: type[Rule]) -> None:
    """Everything that pages and tables show is there."""
    assert (rule.eps_stands is None) == ("eps" not in rule.hyperparameters()), "eps_stands says where eps stands"
    assert (rule.decay is None) == ("weight_decay" not in rule.hyperparameters()), "decay is the kind of weight_decay"
    assert all((rule.title, rule.reference, rule.helps, rule.fails, rule.summary()))
    assert all(field.metadata["facts"].about.en for field in rule.hyperparameters().values())


def learning_rate_is_searched_within_its_interval(rule: type[Rule]) -> None:
    """A comparison has a range to search, and every end of a range is allowed."""
    searched = {name: field.metadata["facts"].search for name, field in rule.hyperparameters().items()}
    assert searched["lr"], "declare a range: hyperparameter(..., search=(1e-4, 1.0))"
    for name, (low, high) in ((name, ends) for name, ends in searched.items() if ends):
        assert 0 < low < high
        assert rule(**{name: low}) != rule(**{name: high})


def instances_are_frozen(rule: type[Rule]) -> None:
    """A rule is a value: it cannot be changed."""
    try:
        rule().lr = 0.1  # type: ignore[misc]
    except AttributeError as error:
        assert "cannot assign" in str(error)
    else:
        raise AssertionError("write @dataclass(frozen=True, kw_only=True) above the class")


def instances_are_found(rule: type[Rule]) -> None:
    """A class and an instance stand for the rule, and further settings take precedence."""
    assert find(rule) == rule()
    assert find(rule, lr=0.25) == find(rule(lr=0.25)) == rule(lr=0.25)
    assert find(rule(lr=0.25), lr=0.5) == rule(lr=0.5)


def _second_delta(rule: Rule, state: Sequence[Any], gradient: Any) -> Any:
    return rule.update(gradient, START, 2, *state)[0]


def coupled_decay_is_added_to_the_gradient(rule: type[Rule]) -> None:
    """As an L2 penalty is."""
    decaying, plain = rule(lr=0.05, weight_decay=0.3), rule(lr=0.05, weight_decay=0.0)  # type: ignore[call-arg]
    _, *state = plain.update(GRADIENTS[0], START, 1, *begin(plain, START))
    expected = _second_delta(plain, state, GRADIENTS[1] + 0.3 * START)
    assert_close(_second_delta(decaying, state, GRADIENTS[1]), expected)


def decoupled_decay_is_a_share_of_the_parameter(rule: type[Rule]) -> None:
    """Of lr times the decay, or less where the step is an average."""
    decaying, plain = rule(lr=0.05, weight_decay=0.3), rule(lr=0.05, weight_decay=0.0)  # type: ignore[call-arg]
    _, *state = plain.update(GRADIENTS[0], START, 1, *begin(plain, START))
    decay = _second_delta(plain, state, GRADIENTS[1]) - _second_delta(decaying, state, GRADIENTS[1])
    share = decay / START
    np.testing.assert_allclose(share, share[0, 0], rtol=1e-9)
    assert 0 < share[0, 0] < 0.05 * 0.3 * (1 + 1e-9)
