"""The contract that steepest has for everything of its own; an oracle for the formulas comes on top of it."""

import pytest
from steepest_example.landscapes import crater
from steepest_example.rules import MatrixLength, SoftSignum

from steepest.testing import landscape_checks, rule_checks, workload_checks

CHECKS = [
    pytest.param(check, id=f"{of}-{name}")
    for of, checks in {
        "softsignum": rule_checks(SoftSignum),
        "matrixlength": rule_checks(MatrixLength),
        "crater": landscape_checks(crater),
        "rings": workload_checks("rings"),
    }.items()
    for name, check in checks.items()
]


@pytest.mark.parametrize("check", CHECKS)
def test_contract(check):
    check()
