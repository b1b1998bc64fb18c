"""Rules from a user's file: facts that may be left out, and mistakes that are told in one line with their place."""

import re

import pytest

import steepest
from steepest import rules
from steepest.base.errors import InvalidValue
from steepest.program import showing

HEAD = """from dataclasses import dataclass

from steepest import Rule
from steepest.rules.base import hyperparameter


"""
DATACLASS = "@dataclass(frozen=True, kw_only=True)\n"
INIT = '    def init(self, param):\n        return {"m": 0.0}\n\n'
UPDATE = "    def update(self, grad, param, step, m):\n        m = 0.9 * m + grad\n        return -self.lr * m, m\n"


def rule(tmp_path, body, statement="class Mine(Rule):\n", above=DATACLASS):
    file = tmp_path / "mine.py"
    file.write_text(HEAD + above + statement + body, encoding="utf-8")
    return str(file)


def test_a_rule_of_two_functions_is_complete(tmp_path):
    file = rule(tmp_path, INIT + UPDATE)
    (page,) = showing.show([file])
    assert page.title == "Mine  (mine)"
    assert [name for name, text in page.facts.rows if not text] == []
    assert steepest.trace(file, "ravine", steps=5).rule.label() == "Mine lr=0.001"


def test_a_plain_field_is_a_hyperparameter_with_its_name_as_symbol(tmp_path):
    body = (
        "    my_factor: float = 2.0\n    pair: tuple = (0.5, 0.25)\n\n"
        + INIT
        + UPDATE.replace("lr", "lr * self.my_factor")
    )
    file = rule(tmp_path, body)
    slow, fast = (steepest.trace(f"{file}:Mine", "ravine", steps=5, my_factor=factor) for factor in (1.0, 2.0))
    assert slow.x[1] == pytest.approx(fast.x[1] / 2 + slow.x[0] / 2)
    assert ("my_factor", "my_factor", "2", "", "my_factor") in showing.show([file])[0].settings.rows


def test_a_character_in_one_language_is_shown_in_both(tmp_path):
    file = rule(tmp_path, "    helps = 'Always.'\n\n" + INIT + UPDATE)
    assert all("Always." in dict(showing.show([file], lang=lang)[0].facts.rows).values() for lang in ("en", "zh"))


def test_a_subclass_has_a_title_of_its_own(tmp_path):
    body = "    title = 'Other'\n\n" + INIT + UPDATE + "\n\nclass Second(Mine):\n    pass\n"
    assert [reference.label for reference in rules.resolve_all(rule(tmp_path, body))] == ["Other", "Second"]


def test_an_abstract_base_is_no_rule_of_the_file(tmp_path):
    file = rule(tmp_path, INIT + "\n" + DATACLASS + "class Second(Mine):\n" + UPDATE)
    assert [reference.name for reference in rules.resolve_all(file)] == ["second"]


MATRICES = "    elementwise = False\n    least_axes = 2\n"

MISTAKES = {
    "a partner that is none": (
        MATRICES + '    partner = "adamww"\n' + INIT + UPDATE,
        "Mine: partner: unknown rule 'adamww'; did you mean 'adamw'",
    ),
    "a setting of the partner": (
        MATRICES + '    partner = "adamw(beta=1)"\n' + INIT + UPDATE,
        "Mine: partner: .*did you mean 'betas'",
    ),
    "no dataclass": ('    beta: float = hyperparameter(0.9, "b", "memory")\n' + INIT + UPDATE, "write @dataclass"),
    "no init": (UPDATE, "Mine: line 7: must define init"),
    "no update": (INIT, "Mine: line 7: must define update"),
    "no number": (INIT + UPDATE.replace("-self.lr", "float('nan')"), "line 12: .*returns nan for step 1, gradient 0.5"),
    "raises later": (
        INIT + UPDATE.replace("        return", "        if step == 9:\n            raise OSError\n        return"),
        "line 15: OSError",
    ),
    "no default": ("    beta: float\n" + INIT + UPDATE, "beta needs a default"),
    "init returns a list": ("    def init(self, param):\n        return [0.0]\n" + UPDATE, "`init` must return a dict"),
    "init returns nothing": ("    def init(self, param):\n        pass\n" + UPDATE, "`init` must return a dict"),
    "no tuple": (INIT + UPDATE.replace(", m\n", "\n"), "`update` must return a tuple of 2"),
    "one too many": (INIT + UPDATE.replace(", m\n", ", m, m\n"), "`update` must return a tuple of 2"),
    "nothing": (INIT + UPDATE.replace("return -self.lr * m, m", "pass"), "`update` must return a tuple of 2"),
    "the wrong shape": (INIT + UPDATE.replace("-self.lr * m", "-self.lr"), "must have the parameter's shape"),
    "arguments": (INIT + UPDATE.replace(", step, m", ""), "takes 3 positional arguments"),
    "a misspelt name": (INIT + UPDATE.replace("+ grad", "+ gard"), "line 13: NameError: name 'gard' is not defined"),
    "an exit": (INIT + UPDATE.replace("+ grad", "+ exit(4)"), "line 13: SystemExit: 4"),
    "a branch on values": (
        INIT + UPDATE.replace("+ grad", "+ (grad if grad > 0 else 0)"),
        "line 13: ValueError: .*steepest.ops.where",
    ),
    "an interval": (
        '    b: float = hyperparameter(0.9, "b", "m", within="0..1")\n' + INIT + UPDATE,
        "line 9: .*interval",
    ),
    "a range": ('    b: float = hyperparameter(0.9, "b", "m", search=(1, 0))\n' + INIT + UPDATE, "line 9: .*range"),
}


@pytest.mark.parametrize(("body", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(body, message, tmp_path):
    file = rule(tmp_path, body, above="" if message == "write @dataclass" else DATACLASS)
    for call in (rules.resolve, rules.resolve_all):
        with pytest.raises(InvalidValue, match=f"{re.escape(file)}: .*{message}") as caught:
            call(file)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "look", [("reddish", "o", "solid"), ("#000000", "q", "solid"), ("#000000", "o", "wavy"), "red"]
)
def test_a_look_that_cannot_be_drawn_is_refused(look, tmp_path):
    file = rule(tmp_path, INIT + UPDATE, statement=f"class Mine(Rule, look={look!r}):\n")
    with pytest.raises(InvalidValue, match="Mine: look must be a colour, marker and dash"):
        rules.resolve(file)
