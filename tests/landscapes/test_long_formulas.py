"""Formulas of many factors or levels: their derivatives are made in time that grows as the text does."""

import time

import numpy as np
import pytest

from steepest.landscapes import LANDSCAPES, base, geometry
from steepest.landscapes.custom import formula

KINDS = {
    "factors": lambda n: "*".join(f"(x-{i})" for i in range(n)),
    "levels": lambda n: "sin(" * n + "x" + ")" * n,
    "fractions": lambda n: "/(1+".join(["x"] * n) + ")" * (n - 1),
    "a tower": lambda n: "x^" * n + "x",
    "two coordinates": lambda n: "*".join(f"sin(x-{i}*y)" for i in range(n)),
    "maxima": lambda n: "max(x*y," * n + "x" + ")" * n,
    "sums": lambda n: "+".join(f"(x-{i}*y)**2*|sin(x*{i + 1})|" for i in range(n)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_to_differentiate_agree(kind, monkeypatch):
    short, long = formula(KINDS[kind](8)), formula(KINDS[kind](8))
    points = np.array([[0.3, 1.2], [0.4, 0.9]][: short.dims])
    expected = short.gradient(points), short.hessian(points)
    monkeypatch.setattr(base, "LONG", 0)
    assert long.is_long
    for ours, theirs in zip((long.gradient(points), long.hessian(points)), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_twenty_five_take_seconds_not_minutes(kind):
    long, began = formula(KINDS[kind](25)), time.process_time()
    point = np.full(long.dims, 0.3)
    assert long.gradient(point).shape == (long.dims,)
    assert long.hessian(point).shape == (long.dims, long.dims)
    assert not geometry.is_quadratic(long)
    assert time.process_time() - began < 10


def test_our_own_landscapes_are_short_and_a_long_bowl_is_a_bowl():
    assert not [name for name, landscape in LANDSCAPES.items() if landscape.is_long]
    bowl = formula("+".join(f"(x-{i}*y)*(x+{i})" for i in range(12)))
    assert geometry.is_quadratic(bowl)
