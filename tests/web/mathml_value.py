"""What MathML comes to when it is read as a person reads it: the oracle of everything that the page typesets."""

import math
from collections.abc import Mapping
from xml.etree import ElementTree

Element = ElementTree.Element
Numbers = Mapping[str, float]

FUNCTIONS = {
    "max": max, "min": min, "sign": lambda x: math.copysign(1, x) if x else 0, "arctan": math.atan,
    **{name: getattr(math, name) for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "relu": lambda x: max(x, 0), "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "cot": lambda x: 1 / math.tan(x),
}  # fmt: skip
RELATIONS = {
    "=": lambda a, b: a == b, "<": lambda a, b: a < b, ">": lambda a, b: a > b, "≤": lambda a, b: a <= b,
    "≥": lambda a, b: a >= b,
}  # fmt: skip
APPLY, INVISIBLE_TIMES = "\u2061", "\u2062"


def sides(mathml: str) -> tuple[list[Element], list[Element]]:
    """The elements left and right of the first sign of equality."""
    elements = list(ElementTree.fromstring(mathml))
    at = next(i for i, element in enumerate(elements) if element.text == "=")
    return elements[:at], elements[at + 1 :]


def value_of_row(elements: list[Element], numbers: Numbers) -> float:
    """The value of elements in a row; `numbers` by the names of marked symbols and by letters."""
    relation = next(
        (i for i, element in enumerate(elements) if tag(element) == "mo" and element.text in RELATIONS), None
    )
    if relation is not None:
        left, right = elements[:relation], elements[relation + 1 :]
        return RELATIONS[elements[relation].text](value_of_row(left, numbers), value_of_row(right, numbers))
    total, product, sign, rest = 0.0, None, 1, list(elements)
    while rest:
        element = rest.pop(0)
        if tag(element) == "mo" and element.text in ("+", "−"):
            total += 0 if product is None else sign * product
            product, sign = None, -1 if element.text == "−" else 1
        elif tag(element) != "mo":
            assert len(elements) == 1 or tag(element) != "mrow" or is_one_thing(element), ElementTree.tostring(element)
            is_called = len(rest) > 1 and rest[0].text == APPLY
            factor = called(element, rest[1], numbers) if is_called else value(element, numbers)
            rest = rest[2:] if is_called else rest
            product = factor if product is None else product * factor
        else:
            assert element.text in (INVISIBLE_TIMES, "⋅"), element.text
    assert product is not None
    return total + sign * product


def called(name: Element, arguments: Element, numbers: Numbers) -> float:
    parts = [[]]
    for element in list(arguments)[1:-1]:
        if element.text == ",":
            parts.append([])
        else:
            parts[-1].append(element)
    values = [value_of_row(part, numbers) for part in parts]
    if tag(name) == "msub":
        return math.log(*values, value(name[1], numbers))
    return FUNCTIONS[name.text](*values)


def value(element: Element, numbers: Numbers) -> float:
    children = list(element)
    match tag(element):
        case "mstyle":
            return numbers[element.get("data-v")]
        case "mn":
            return float(element.text)
        case "mi":
            return {"π": math.pi, "e": math.e}.get(element.text) or numbers[element.text]
        case "msub":
            return numbers[f"{children[0].text}{children[1].text}"]
        case "mfrac":
            return value(children[0], numbers) / value(children[1], numbers)
        case "msqrt":
            return math.sqrt(value_of_row(children, numbers))
        case "mroot":
            return math.cbrt(value(children[0], numbers))
        case "msup":
            assert is_one_thing(children[0]), ElementTree.tostring(element)
            return value(children[0], numbers) ** value(children[1], numbers)
        case "mrow" if children[0].text == "{":
            return next(value(then, numbers) for then, when in children[1] if holds(when, numbers))
        case "mrow" if children[0].text == "|":
            return abs(value_of_row(children[1:-1], numbers))
        case "mrow" if children[0].text == "(":
            return value_of_row(children[1:-1], numbers)
        case "mrow" | "mtd":
            return value_of_row(children, numbers)
    raise AssertionError(element.tag)


def holds(cell: Element, numbers: Numbers) -> bool:
    """Whether a line of cases applies: "otherwise", or "if" before a relation."""
    inside = list(cell[0]) or [cell[0]]
    if "otherwise" in inside[0].text:
        return True
    condition = inside[1:]
    return bool(value(condition[0], numbers) if len(condition) == 1 else value_of_row(condition, numbers))


def is_one_thing(element: Element) -> bool:
    """Whether a reader sees where it begins and ends: a plain row shows nothing of its own."""
    if tag(element) != "mrow":
        return tag(element) != "mfrac"
    children = list(element)
    if children[0].get("fence"):
        return True
    return is_one_thing(children[0]) if len(children) == 1 else len(children) == 3 and children[1].text == APPLY


def tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]
