"""Specs, lists of them, and values, as text: what is read, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.base.errors import InvalidValue
from steepest.base.spec import Spec, parse, split, value

pytestmark = pytest.mark.quick

OURS = settings(derandomize=True, deadline=None)
SETTINGS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.tuples(inner, inner) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)
NAMES = st.from_regex(r"[a-z]{2,8}_[a-z]{2,8}", fullmatch=True)  # none of Python's own words


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("sgd", Spec("sgd")),
        ("  sgd ", Spec("sgd")),
        ("sgd()", Spec("sgd")),
        ("cosine(1, 2.5)", Spec("cosine", (1, 2.5))),
        ("adam(lr=0.1, betas=(0.9, 0.98))", Spec("adam", (), (("lr", 0.1), ("betas", (0.9, 0.98))))),
        ("a(-1, 'b', True, None, x=-1e-3)", Spec("a", (-1, "b", True, None), (("x", -1e-3),))),
        ("my-file.py", Spec("my-file.py")),
        ("mine.py:Mine", Spec("Mine", file="mine.py")),
        (" my folder/mine.py:Mine(lr=0.1)", Spec("Mine", (), (("lr", 0.1),), "my folder/mine.py")),
    ],
)
def test_a_spec_is_a_name_with_its_settings(text, spec):
    assert parse(text) == spec


@OURS
@given(NAMES, st.lists(SETTINGS, max_size=3), st.dictionaries(NAMES, SETTINGS, max_size=3))
def test_what_is_written_is_read_back(name, args, kwargs):
    text = f"{name}({', '.join([*map(repr, args), *[f'{key}={each!r}' for key, each in kwargs.items()]])})"
    assert parse(text) == Spec(name, tuple(args), tuple(kwargs.items()))
    assert split(f"{name}, sgd") == [name, "sgd"]


@pytest.mark.parametrize(
    "text",
    [
        "adam(lr=0.1", "adam)(", "(adam)", "adam(lr=)", "adam(lr=x)", "adam(lr=1+x)", "adam(lr=0.1, lr=0.2)", "(1)(2)",
        "a.b(1)", "adam(lr=__import__('os'))", "adam(*a)", "adam(**{'lr': 1})", "adam(lr=[i for i in x])", "adam(\0)",
        "adam(lr={[]: 1})", "adam(lr=" + "(" * 500 + ")" * 500 + ")", "adam(lr=" + "-" * 5000 + "1)", "adam(\n=)",
    ],
    ids=lambda text: ascii(text[:30]),
)  # fmt: skip
def test_what_is_no_spec_is_refused(text):
    with pytest.raises(InvalidValue, match=r"^cannot read .*; write it as name\(setting=value, .*\), texts in quotes$"):
        parse(text)


def test_a_list_is_split_at_its_own_commas_only():
    assert split("sgd, adam(lr=0.1, betas=(0.9, 0.98)),mine.py") == [
        "sgd",
        "adam(lr=0.1, betas=(0.9, 0.98))",
        "mine.py",
    ]
    assert split("a([1, 2], (3, 4)), b") == ["a([1, 2], (3, 4))", "b"]
    assert split("sgd,, adam,") == ["sgd", "adam"]
    assert split("") == split(" , ") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.9", 0.9), ("-1e-3", -1e-3), ("7", 7), ("0.9,0.98", (0.9, 0.98)), ("(0.9, 0.98)", (0.9, 0.98)),
        ("0.9,", (0.9,)), ("True", True), ("true", True), (" Yes ", True), ("on", True), ("FALSE", False),
        ("no", False), ("off", False), ("None", None),
        ("'text'", "text"),
    ],
)  # fmt: skip
def test_a_value_is_a_number_a_switch_or_a_tuple(text, expected):
    assert value(text) == expected and type(value(text)) is type(expected)


@pytest.mark.parametrize("text", ["", "fast", "1 2", "(1", "x=1", "__import__('os')", "{[]: 1}", "\0", "-" * 9999])
def test_what_is_no_value_is_refused(text):
    with pytest.raises(InvalidValue, match=r"^cannot read the value .*; write a number, true, false, or numbers with"):
        value(text)


@OURS
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    for read in (parse, value):
        try:
            read(text)
        except InvalidValue as error:
            assert str(error).startswith("cannot read")
    assert all(part and part == part.strip() for part in split(text))
