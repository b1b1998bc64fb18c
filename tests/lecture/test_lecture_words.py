"""The words of the lecture: every number computed and true, both languages complete, nothing left unsaid."""

import re

import pytest

from steepest.lecture import STATIONS, build_lecture
from steepest.lecture.numbers import NUMBERS
from steepest.lecture.stations import filled, written
from steepest.program.mathml import mathml

from .oracle import ORACLE, PRINTED

IDS = [station.id for station in STATIONS]
BY_ID = {station.id: station for station in STATIONS}
ORACLES = {function.__name__.replace("_", "-"): function for function in ORACLE}


DOUBLE_ROOT = 4 * 2.0**-26
"""A double eigenvalue, as momentum's best pair has it, is known to the root of the machine's precision only."""

TRAINED = 1e-6
"""Hundreds of steps multiply what rounding differs by; these numbers are shown with three digits."""

OF_DOUBLE_ROOTS = [("best-pair", "share"), ("best-pair", "steps")]


def texts(value):
    """All pairs [English, Chinese] of a station's file."""
    if isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        if len(value) == 2 and all(isinstance(part, str) for part in value) and re.search("[一-鿿]", value[1]):
            yield value
        else:
            for part in value:
                yield from texts(part)


@pytest.mark.quick
def test_every_station_with_numbers_has_an_oracle():
    assert set(ORACLES) == set(NUMBERS) <= set(IDS)


@pytest.mark.parametrize("name", ORACLES)
def test_numbers_are_those_of_plain_arithmetic(name):
    """Each number, and each text as it is filled in with either."""
    station, expected = BY_ID[name], ORACLES[name]()
    numbers = station.numbers()
    assert numbers.keys() == expected.keys()
    for key, value in numbers.items():
        close = DOUBLE_ROOT if (name, key) in OF_DOUBLE_ROOTS else 1e-9
        close = TRAINED if name in ("race", "loss-slice", "rare-words") else close
        if isinstance(value, str):
            assert value == expected[key], key
        else:
            assert value == pytest.approx(expected[key], rel=close, abs=1e-12), key
    facts = dict(station.facts)
    for pair in texts(facts):
        assert filled(pair, numbers) == filled(pair, expected)


@pytest.mark.quick
@pytest.mark.parametrize("name", PRINTED)
def test_the_printed_values_of_the_lecture(name):
    numbers, shown = BY_ID[name].numbers(), " ".join(text for pair in texts(dict(BY_ID[name].facts)) for text in pair)
    for key, printed in PRINTED[name].items():
        digits = len(printed.partition(".")[2])
        assert f"{numbers[key]:.{digits}f}" == printed
        assert printed.replace("-", "−") in written(shown, numbers)


@pytest.mark.quick
@pytest.mark.parametrize("name", IDS)
def test_no_number_is_written_by_hand(name):
    """Digits stand in fields, or in the definitions that the station declares."""
    facts = dict(BY_ID[name].facts)
    pieces = sorted(facts.pop("fixed", []), key=len, reverse=True)
    for pair in texts(facts):
        for text in pair:
            bare = re.sub(r"\{[^{}]*\}", "", text)
            for piece in pieces:
                bare = bare.replace(piece, "")
            assert not re.search("[0-9]", bare), text


@pytest.mark.quick
@pytest.mark.parametrize("name", IDS)
def test_both_languages_are_complete(name):
    facts = BY_ID[name].facts
    for key in ("title", "question", "told"):
        assert len(facts[key]) == 2 and all(facts[key]), key
    for english, chinese in texts(dict(facts)):
        assert not re.search("[一-鿿]", english), english
        assert re.search("[一-鿿]", chinese), chinese
        fields = [sorted(re.findall(r"\{(\w+)", text)) for text in (english, chinese)]
        assert fields[0] == fields[1], (english, chinese)
        assert english.count("*") == chinese.count("*"), (english, chinese)


@pytest.mark.quick
@pytest.mark.parametrize("name", IDS)
def test_chinese_is_written_by_rule(name):
    for _, chinese in texts(dict(BY_ID[name].facts)):
        assert not re.search("(?<!梯度)下降", chinese), chinese  # the method is 梯度下降
        assert not re.search("[一-鿿][,;:?!]|[,;:?!][一-鿿]", chinese), chinese  # full-width punctuation
        bare = re.sub(r"\{[^{}]*\}", "0", chinese)
        assert not re.search(r"[一-鿿][A-Za-z0-9]|[A-Za-z0-9%][一-鿿]", bare), bare  # a space between


@pytest.mark.quick
@pytest.mark.parametrize("name", IDS)
def test_a_station_is_whole(name):
    facts = BY_ID[name].facts
    assert {"title", "question", "guess", "figure", "told", "formulas", "exercise"} <= facts.keys()
    assert {"ask", "hint", "done", "goals", "solution"} <= facts["exercise"].keys()
    assert any(not formula.get("plain") for formula in facts["formulas"])  # with the figure's numbers


def test_every_formula_is_mathml_to_the_last_sign():
    formulas = [formula for station in STATIONS for formula in station.facts.get("formulas", []) if "latex" in formula]
    assert len(formulas) > 10
    for formula in formulas:
        assert "\\" not in mathml(formula["latex"], formula.get("names", {})), formula["latex"]
        assert formula.get("plain") or "result" in formula or "names" in formula


def test_stations_follow_the_rows_of_the_lecture():
    rows = [station.row for station in STATIONS]
    assert rows == sorted(rows) and len(set(IDS)) == len(IDS)


def test_a_field_without_a_number_stops_the_build():
    with pytest.raises(KeyError):
        filled({"told": ["at {nowhere:.2f}", "在 {nowhere:.2f}"]}, {})


def test_the_page_is_small():
    assert len(build_lecture().html.encode()) < 450_000
