"""The search space of a comparison: what is searched for each rule, and quasi-random or grid points in it."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import schedules
from ..base.errors import InvalidValue, did_you_mean
from ..rules import External, Reference, Rule, check_numbers
from ..rules.elements import elements_of, with_elements
from ..rules.external import REQUIRED
from ..statistics.ranges import Range, Span
from .space import Dimension, Part, Value, checked, read_dimension, same

__all__ = [
    "RUN_SETTINGS", "Range", "Ranges", "Settings", "check_of_run", "check_used", "dimension_of", "grid_points",
    "is_given", "names_of", "normalized", "own_ranges", "points", "read_range", "values_of", "with_span",
]  # fmt: skip

Ranges = Mapping[str, Range | str]
"""By name of the setting: two numbers, or a text of the grammar in `space.py`."""

Settings = Mapping[str, Value]

RUN_SETTINGS = ("batch_size", "schedule", "warmup")
"""Settings of a run, not of a rule, that can be searched too."""


# --- reading ----------------------------------------------------------------------------------------------------------


def read_range(text: str, option: str = "--range") -> tuple[str, Range | str]:
    """The name of a setting and what is searched, as typed: `lr=1e-4:1` for all optimizers, `adam.lr=1e-3:0.1` for one.

    Raises:
        InvalidValue: it is not of the grammar; see `steepest.study.space`.

    >>> read_range("momentum.momentum=0.5:0.99"), read_range("adam.betas.1=0.9,0.99")
    (('momentum.momentum', (0.5, 0.99)), ('adam.betas.1', '0.9,0.99'))
    """
    name, equals, values = text.partition("=")
    if not (name.strip() and equals and values.strip()):
        if option == "--grid":
            raise InvalidValue(f"--grid {text!r}: write it as name=value,value, for example lr=1e-3,1e-2")
        raise InvalidValue(f"{option} {text!r}: write it as name=low:high or name=value,value, for example lr=1e-4:1")
    try:
        return name.strip(), _stored(read_dimension(values))
    except InvalidValue as error:
        raise InvalidValue(f"{option} {text!r}: {error}") from None


def normalized(ranges: Mapping[str, Any]) -> dict[str, Range | str]:
    """Ranges as a caller gives them: a tuple of two numbers, a text of the grammar, or a list of values.

    Raises:
        InvalidValue: anything else.

    >>> normalized({"lr": (1e-3, 1), "adam.betas.1": [0.9, 0.99], "weight_decay": "1e-5:1 or 0"})
    {'lr': (0.001, 1.0), 'adam.betas.1': '0.9,0.99', 'weight_decay': '1e-05:1.0 or 0'}
    """
    if not isinstance(ranges, Mapping):
        raise InvalidValue(f'ranges: must be a dict such as {{"lr": (1e-4, 1)}}, got {ranges!r}')
    return {name: _stored(_dimension(name, given)) for name, given in ranges.items()}


def _dimension(name: str, given: Any) -> Dimension:
    if isinstance(given, Dimension):
        return given
    if isinstance(given, tuple) and len(given) == 2 and all(map(_is_number, given)):
        return Dimension((Span(float(given[0]), float(given[1])),))  # its ends are judged with the rule
    try:
        if isinstance(given, str):
            return read_dimension(given)
        if isinstance(given, list) and given:
            values = [tuple(map(float, value)) if isinstance(value, list | tuple) else value for value in given]
            return read_dimension(str(Dimension(tuple(values))))
    except (InvalidValue, TypeError, ValueError) as error:
        raise InvalidValue(f"range: {name}: {error}") from None
    raise InvalidValue(f"range: {name}: write (low, high), [value, value] or a text, '1e-5:1 or 0', got {given!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _stored(dimension: Dimension) -> Range | str:
    """A dimension as a plan has it."""
    return dimension.spans[0][:2] if dimension.is_plain else str(dimension)


def dimension_of(stored: Range | str) -> Dimension:
    """The dimension that a plan has as two numbers or as text."""
    return read_dimension(stored) if isinstance(stored, str) else Dimension((Span(*stored),))


def with_span(stored: Range | str, ends: Range, alone: bool = False) -> Range | str:
    """A dimension with another interval in the place of its own; `alone`: without its exact values.

    >>> with_span("1-0.5:1-0.01 or 0.0", (0.5, 0.999)), with_span((1e-3, 1.0), (1.0, 10.0))
    ('1-0.5:1-0.001 or 0.0', (1.0, 10.0))
    """
    dimension = dimension_of(stored)
    parts = [part._replace(low=ends[0], high=ends[1]) if isinstance(part, Span) else part for part in dimension.parts]
    kept = tuple(part for part in parts if isinstance(part, Span) or not alone)
    return _stored(Dimension(kept, dimension.condition))


# --- the space of a rule ----------------------------------------------------------------------------------------------


def values_of(rule: Rule) -> dict[str, Any]:
    """The hyperparameters of a rule, and behind one of several numbers each of these."""
    return elements_of({name: getattr(rule, name) for name in rule.hyperparameters()})


def own_ranges(
    reference: Reference, user_ranges: Ranges, run: Mapping[str, Value] | None = None
) -> dict[str, Range | str]:
    """What is searched for a rule: the ranges that it declares, or the user's in their place.

    A setting fixed in the spec is not searched. The user's `adam.lr` takes precedence over `lr`.

    Args:
        reference: the rule with the settings that its spec fixes.
        user_ranges: by `name` or `rule.name`.
        run: settings of the run that may be searched, with their values where they are not.

    Raises:
        InvalidValue: the ends are not in order, a value is not allowed by the rule, or a condition cannot hold.

    >>> from steepest.rules import resolve
    >>> own_ranges(resolve("adam"), {"lr": (1e-3, 0.1)}), own_ranges(resolve("adam(lr=0.1)"), {})
    ({'lr': (0.001, 0.1)}, {})
    """
    rule, found = reference.rule(), {}
    values = {**(run or {}), **values_of(rule)}
    own = values_of(rule)
    for name in [*own, *(name for name in run or {} if name not in own)]:
        setting, _, index = name.partition(".")
        field = rule.hyperparameters().get(setting)
        declared = field.metadata["facts"].search if field and not index else None
        given = next((user_ranges[text] for text in _names(reference, name) if text in user_ranges), declared)
        if given is None or setting in reference.settings:
            continue
        dimension = dimension_of(given)
        if field is None:
            found[name] = _of_run(name, dimension, values[name])
        else:
            found[name] = _of_rule(rule, name, dimension, field.metadata["facts"].near_one and bool(index))
        if index and setting in found:
            raise InvalidValue(f"range: {rule.title}: {setting} and {name} are both searched; leave out one")
    for name in found:
        _check_condition(f"range: {rule.title}: {name}", name, found, values)
    return {name: _stored(dimension) for name, dimension in found.items()}


def _of_rule(rule: Rule, name: str, dimension: Dimension, near_one: bool) -> Dimension:
    """The dimension after validation; the rule itself judges both ends and every value."""
    where, default = f"range: {rule.title}: {name}", values_of(rule)[name]
    for span in dimension.spans:
        _check_span(f"range: {name}", span)
        if not (_is_number(default) or default is REQUIRED):
            raise InvalidValue(f"{where} is not one number; write values with commas, or give it by hand")
    for value in dimension.values:
        if isinstance(default, bool) != isinstance(value, bool) and default is not REQUIRED:
            expected = "true or false" if isinstance(default, bool) else "no switch"
            raise InvalidValue(f"{where} must be {expected}, got {value!r}")
        if isinstance(default, int) and not isinstance(default, bool) and not isinstance(value, int):
            raise InvalidValue(f"{where} must be a whole number, got {value!r}")
        check_numbers(type(rule), {name: value})
    settings = {setting: getattr(rule, setting) for setting in rule.hyperparameters()}
    for value in [*dimension.values, *(end for span in dimension.spans for end in span[:2])]:
        changed = with_elements({**settings, name: value}, settings)
        if dimension.is_plain:
            type(rule).configure(**changed)
        else:  # what goes with the other settings is seen when there are trials
            setting = name.partition(".")[0]
            field = rule.hyperparameters()[setting]
            field.metadata["facts"].check(rule.title, setting, changed[setting], field.default)
    parts: list[Part] = [
        part._replace(scale="near one")
        if isinstance(part, Span) and near_one and not part.scale and part.low >= 0 and part.high < 1
        else part
        for part in dimension.parts
    ]
    return Dimension(tuple(parts), dimension.condition)


def _check_span(where: str, span: Span) -> None:
    try:
        checked(span)
    except InvalidValue as error:
        raise InvalidValue(f"{where}: {error}") from None


def _of_run(name: str, dimension: Dimension, default: Value) -> Dimension:
    """A dimension of a setting of the run after validation."""
    for span in dimension.spans:
        _check_span(f"range: {name}", span)
    ends = [end for span in dimension.spans for end in span[:2]]
    if name == "schedule":
        if ends or not all(isinstance(value, str) for value in dimension.values):
            raise InvalidValue(
                "range: schedule: write names of schedules with commas, for example schedule=constant,cosine"
            )
        names = tuple(schedules.name_of(str(value)) for value in dimension.values)
        return Dimension(names, dimension.condition)
    for value in [*dimension.values, *ends]:
        check_of_run("range", name, value)
    return dimension


def check_of_run(where: str, name: str, value: Value) -> None:
    """Raise `InvalidValue` unless a setting of the run may have this value."""
    if name == "schedule":
        if not isinstance(value, str):
            raise InvalidValue(f"{where}: schedule: must be the name of a schedule, got {value!r}")
        schedules.name_of(value)
    elif not _is_number(value):
        raise InvalidValue(f"{where}: {name}: must be numbers, got {value!r}")
    elif name == "warmup" and not 0 <= value < 1:  # type: ignore[operator]
        raise InvalidValue(f"{where}: warmup: is a share of the steps, in [0, 1), got {value!r}")
    elif name == "batch_size" and not (value >= 1 and value == math.floor(value)):  # type: ignore[arg-type,operator]
        raise InvalidValue(f"{where}: batch_size: must be whole numbers from 1, got {value!r}")


def _check_condition(where: str, name: str, found: Mapping[str, Dimension], values: Mapping[str, Value]) -> None:
    """Check that what a condition depends on is there, and does not depend on what depends on it."""
    seen = [name]
    while (condition := found[seen[-1]].condition if seen[-1] in found else None) is not None:
        if condition.name not in values:
            raise InvalidValue(
                f"{where}: depends on {condition.name}, which is no setting; {did_you_mean(condition.name, values)}"
            )
        if condition.name in seen:
            raise InvalidValue(f"{where}: its condition leads back to itself: {', '.join([*seen, condition.name])}")
        other = found.get(condition.name)
        allowed = [values[condition.name]] if other is None else [values[condition.name], *other.values]
        if other is None or not other.spans:
            for value in condition.values:
                if not any(same(value, own) for own in allowed):
                    raise InvalidValue(
                        f"{where}: {condition.name} never is {value!r}; its values are {_listed(allowed)}"
                    )
        seen.append(condition.name)


def _listed(values: Iterable[Value]) -> str:
    return ", ".join(str(value) for value in dict.fromkeys(values))


def names_of(reference: Reference) -> list[str]:
    """What a user may call an optimizer, the closest name first: `torch.optim:SGD`, `SGD`, `sgd`."""
    name = reference.rule_class.__name__
    own = [name, reference.name] if issubclass(reference.rule_class, External) else [reference.name]
    return [f"{reference.module}:{name}", *own] if reference.module else own


def _names(reference: Reference, setting: str) -> list[str]:
    """What a user may call a setting in a range, the closest first: `sgd.lr`, `lr`."""
    return [*(f"{rule}.{setting}" for rule in names_of(reference)), setting]


def is_given(reference: Reference, setting: str, user_ranges: Ranges) -> bool:
    """Whether the user gives a range of this setting of the rule, or of all that have it."""
    return any(name in user_ranges for name in _names(reference, setting))


def check_used(user_ranges: Ranges, references: Sequence[Reference]) -> None:
    """Check that every range given by the user is searched by one of the rules that compete.

    Raises:
        InvalidValue: no rule searches it, for example because its name is misspelt.
    """
    searchable, of_all = set(RUN_SETTINGS), set(RUN_SETTINGS)
    for reference in references:
        settings = [name for name in values_of(reference.rule()) if name.partition(".")[0] not in reference.settings]
        of_all |= {*settings}
        searchable |= {name for setting in [*settings, *RUN_SETTINGS] for name in _names(reference, setting)}
    for name in user_ranges:
        if name not in searchable:
            hint = did_you_mean(name, searchable, listed=of_all)
            raise InvalidValue(f"range: no optimizer here has {name!r} to search; {hint}")


# --- points -----------------------------------------------------------------------------------------------------------


def points(
    ranges: Ranges, count: int, skip: int = 0, whole: frozenset[str] = frozenset(), scramble: int = 0,
    defaults: Settings | None = None,
) -> tuple[Settings, ...]:  # fmt: skip
    """Quasi-random points of a scrambled Sobol sequence, on the scale of each setting.

    Args:
        ranges: by name; each is one dimension.
        count: number of points.
        skip: number of points to leave out at the beginning of the sequence.
        whole: names whose values are rounded to whole numbers.
        scramble: seed of the scramble; two sequences are independent.
        defaults: values of settings where their condition does not hold, and of those that conditions depend on.

    Returns:
        The settings of each point, by name, rounded to three significant digits.

    >>> [f"{point['lr']:.0e}" for point in sorted(points({"lr": (1e-4, 1.0)}, 4), key=lambda p: p["lr"])]
    ['1e-04', '8e-03', '2e-02', '9e-01']
    """
    import torch  # a workload has loaded it already; importing SciPy's generator would take seconds more

    dimensions = {name: dimension_of(stored) for name, stored in ranges.items()}
    sequence = torch.quasirandom.SobolEngine(len(ranges), scramble=True, seed=scramble)  # type: ignore[no-untyped-call]
    sequence.fast_forward(skip)  # type: ignore[no-untyped-call]
    unit = sequence.draw(count, dtype=torch.float64).tolist()
    drawn = [
        {name: one.at(position, name in whole) for position, (name, one) in zip(row, dimensions.items(), strict=True)}
        for row in unit
    ]
    return tuple(where_they_hold(point, dimensions, defaults or {}) for point in drawn)


def grid_points(ranges: Ranges, defaults: Settings, most: int = 10_000) -> tuple[Settings, ...]:
    """Every combination of the exact values, the last setting fastest, each once.

    Raises:
        InvalidValue: there are more than `most`.

    >>> grid_points({"lr": "0.1,0.2", "momentum": "0,0.9"}, {})[:3]
    ({'lr': 0.1, 'momentum': 0}, {'lr': 0.1, 'momentum': 0.9}, {'lr': 0.2, 'momentum': 0})
    """
    dimensions = {name: dimension_of(stored) for name, stored in ranges.items()}
    found: dict[str, Settings] = {}
    total = math.prod(len(dimension.values) for dimension in dimensions.values())
    for tried, values in enumerate(itertools.product(*(dimension.values for dimension in dimensions.values()))):
        point = where_they_hold(dict(zip(dimensions, values, strict=True)), dimensions, defaults)
        found.setdefault(repr(point), point)
        if len(found) > most or tried > 100 * most:  # conditions make some the same
            raise InvalidValue(f"--grid: settings: must be at most {most}, got {total}")
    return tuple(found.values())


def where_they_hold(point: Settings, dimensions: Mapping[str, Dimension], defaults: Settings) -> dict[str, Value]:
    """The point with the default in the place of every setting whose condition does not hold."""

    def value(name: str) -> Value:
        if name not in dimensions:
            return defaults[name]
        condition = dimensions[name].condition
        return point[name] if condition is None or condition.holds(value(condition.name)) else defaults[name]

    return {name: value(name) for name in point}
