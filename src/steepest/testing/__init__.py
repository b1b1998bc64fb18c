"""The contract tests of this project, for rules, landscapes and workloads of your own; with pytest or without it.

    import pytest
    from steepest.testing import rule_checks

    checks = rule_checks(MyRule)

    @pytest.mark.parametrize("check", checks.values(), ids=checks)
    def test_my_rule(check):
        check()

Each check takes no arguments and raises `AssertionError` where the contract is broken. What they cannot know is whether
the formula is the one that you mean: compare with another library, or with the paper's equations in plain float64.
"""

from .landscapes import landscape_checks
from .rules import rule_checks
from .workloads import workload_checks

__all__ = ["landscape_checks", "rule_checks", "workload_checks"]
