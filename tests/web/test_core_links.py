"""Links and exports: what the playground's state becomes outside of the page."""

import json
import random
import string
import subprocess
import sys

import numpy as np
import pytest

from steepest import landscapes
from steepest.landscapes import LANDSCAPES
from steepest.paths.rates import proposed_rate
from steepest.playground.tour import TOUR
from steepest.rules import RULES, find

from .web_node import ask, call

EVERY = [name for name, rule in RULES.items() if rule.elementwise]

# --- links ------------------------------------------------------------------------------------------------------------

ADAM = {"id": "adam", "settings": {"betas": [0.5, 0.9]}}
RMSPROP = {"id": "rmsprop", "settings": {"centered": True, "lr": 1e-7}}
STATES = [
    {"landscape": "ravine"},
    {"landscape": {"formula": "x**2 + y**2 # a & b"}, "start": [1, -2.5], "rules": [ADAM]},
    {
        "landscape": "quadratic(condition=100, rotation=30)",
        "rules": [{"id": name, "settings": {}} for name in EVERY[:6]],
        "steps": 500,
        "schedule": {"id": "exponential", "rate": 0.05},
        "noise": 0.5,
        "seed": 7,
        "step": 12,
        "selected": 2,
        "predicted": True,
        "view": {"mode": "sweep", "window": [[-1, 1], [-2, 2.5]], "turn": [0.5, -0.25]},
        "lang": "zh",
        "map": {"x": "lr", "y": "weight_decay", "show": "steps"},
    },
    {"landscape": "parabola", "rules": [RMSPROP], "noise": 1e-12},
]


@pytest.mark.parametrize(
    "state", STATES + [each.state for each in TOUR], ids=lambda state: str(state["landscape"])[:20]
)
def test_a_link_holds_the_whole_state(state):
    whole = call("checkedState", state)
    text = call("link.encode", state)
    assert call("link.decode", text) == {"state": whole} and call("link.decode", f"#{text}") == {"state": whole}
    allowed = string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/?%"  # RFC 3986, of the part behind #
    assert not set(text) - set(allowed)


def test_a_link_can_be_read_by_people():
    state = {
        "landscape": "ravine",
        "steps": 20,
        "rules": [{"id": "momentum", "settings": {"lr": 0.6, "momentum": 0.25}}],
    }
    assert call("link.encode", state) == "on=ravine&rule=momentum(lr=0.6,momentum=0.25)&steps=20"


BAD_LINKS = {
    "on=ravin": "unknown landscape 'ravin'; did you mean 'ravine'?",
    "": "it names no landscape",
    "f=x%262": "formula: '&' is not allowed; use numbers, coordinates, + - * / ^ and functions",
    "f=x1%2Bx2%2Bx3": "formula: has 3 coordinates; the page shows up to 2",
    "on=bowl&start=1": "start: needs 2 numbers",
    "on=bowl&start=1,abc": "start: must be finite numbers",
    "on=bowl&start=1,1e400": "start: must be finite numbers",
    "on=bowl&rule=sdg(lr=1)": "unknown rule 'sdg'",
    "on=bowl&rule=sgd(lr=-1)": "SGD: lr must be a number in [0, inf)",
    "on=bowl&rule=sgd(lr=0x10)": "SGD: lr must be a number in [0, inf)",
    "on=bowl&rule=adam(betas=(0.9,1))": "Adam: betas must be a number in [0, 1)",
    "on=bowl&rule=adam(amsgrad=2)": "Adam: amsgrad must be true or false",
    "on=bowl&rule=sgd(mometum=1)": "SGD has no setting 'mometum'; did you mean 'momentum'?",
    "on=bowl&rule=sgd(": "cannot read 'sgd('",
    "on=bowl" + "&rule=sgd" * 7: "at most 6 rules fit into the picture",
    "on=bowl&steps=0": "steps: must be a whole number from 1 to 5000",
    "on=bowl&steps=1e9": "steps: must be a whole number from 1 to 5000",
    "on=bowl&steps=2.5": "steps: must be a whole number from 1 to 5000",
    "on=bowl&noise=-1": "noise: must be a number from 0",
    "on=bowl&seed=0.5": "seed: must be a whole number",
    "on=bowl&step=99": "step: must be a whole number from 0 to 60",
    "on=bowl&schedule=linear": "unknown schedule 'linear'",
    "on=bowl&schedule=exponential(rate=-1)": "exponential: rate must be a number in [0, inf)",
    "on=bowl&schedule=cosine(rate=1)": "cosine: has no setting 'rate'",
    "on=bowl&window=1:0,0:1": "window: needs a lower and a higher end",
    "on=bowl&view=4d": "view: must be one of",
    "on=bowl&lang=fr": "lang: must be en or zh",
    "on=bowl&rule=sgd&map=lr,momentun": "map: no setting 'momentun'; did you mean 'momentum'?",
    "on=bowl&on2=1": "the link has an unknown part 'on2'",
    "on=%E4%B8": "the link is cut off or mistyped",
    "on=constructor": "unknown landscape 'constructor'",
    "on=bowl&__proto__=1": "the link has an unknown part '__proto__'",
    "on=bowl&rule=toString": "unknown rule 'toString'",
    "f=" + "x" * 5000: "the link is too long",
}


def test_a_bad_link_is_a_sentence_in_both_languages():
    answers = ask("calls", [["link.decode", text] for text in BAD_LINKS])
    for answer, (text, reason) in zip(answers, BAD_LINKS.items(), strict=True):
        assert answer["state"] is None and answer["reason"]["en"].startswith(reason), (text, answer)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in answer["reason"]["zh"])


def test_no_link_whatever_breaks_the_page():
    seeded = random.Random(3)
    good = ask("calls", [["link.encode", state] for state in STATES])
    pieces = [*"&=(),%+-:", "%25", "1e999", "NaN", "null", "rule", "on", "f", "\u2028", "__proto__", "\ud800", "x**"]
    texts = []
    for _ in range(1500):
        letters = list(seeded.choice(good))
        for _ in range(seeded.randint(1, 6)):
            place = seeded.randrange(len(letters) + 1)
            letters[place : place + seeded.randrange(3)] = [seeded.choice(pieces)] * seeded.randrange(2)
        texts.append("".join(letters))
    answers = ask("calls", [["link.decode", text] for text in texts])
    assert all("error" not in answer and (answer.get("state") or answer["reason"]["zh"]) for answer in answers)
    assert 0.02 < sum(answer["state"] is not None for answer in answers) / len(answers) < 0.9


# --- exports ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES[1:], ids=lambda state: str(state["landscape"])[:20])
def test_the_python_code_gives_the_same_paths(state, tmp_path):
    file = tmp_path / "paths.py"
    file.write_text(
        call("exports.python", state) + "import json\nprint(json.dumps([path.x.tolist() for path in paths]))\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    whole = call("checkedState", state)
    specs = [whole | {"rule": each["id"], "settings": each["settings"]} for each in whole["rules"]]
    for path, answer in zip(json.loads(done.stdout.splitlines()[-1]), ask("paths", specs), strict=True):
        np.testing.assert_allclose(np.reshape(answer["x"], (-1, answer["dims"])), path, rtol=1e-10, atol=1e-10)


def test_the_table_has_a_line_for_each_point():
    text = ask("csv", {"landscape": "bowl", "rule": "sgd", "settings": {"lr": 0.1}, "steps": 3})
    head, *lines = text.splitlines()
    assert head == "path,rule,step,x,y,f" and len(lines) == 4
    assert lines[1] == '1,"SGD lr=0.1",1,-4,-1.2,18.88'


def test_a_stop_of_the_tour_is_a_link_of_one_word():
    stops = [stop["id"] for stop in call("tour")]
    states = [answer["state"] for answer in ask("calls", [["link.decode", f"tour={stop}"] for stop in stops])]
    assert [(state["tour"], state["step"]) for state in states] == [(stop, 0) for stop in stops]
    assert ask("calls", [["link.encode", state] for state in states]) == [f"tour={stop}" for stop in stops]
    moved = states[0] | {"start": [0.35], "step": 3, "lang": "zh"}
    assert call("link.decode", call("link.encode", moved))["state"] == moved
    refused = call("link.decode", "tour=sadle")["reason"]
    assert "did you mean 'saddle'" in refused["en"] and "saddle" in refused["zh"]


def test_rates_that_suit_a_landscape_are_those_of_trace():
    names = [*(name for name in LANDSCAPES), "100*x**2 + y**2", "-x**2 - y**2"]
    chosen = ("sgd", "momentum", "adam", "lion")
    specs = [
        {"landscape": on if on in LANDSCAPES else {"formula": on}, "rule": rule, "settings": {}}
        for on in names for rule in chosen
    ]  # fmt: skip
    found = ask("calls", [["proposedRate", spec] for spec in specs])
    expected = [proposed_rate(find(rule), landscapes.find(on)) for on in names for rule in chosen]
    differ = [(spec, one, other) for spec, one, other in zip(specs, found, expected, strict=True) if one != other]
    assert len(differ) <= 1, differ  # where rounding to one digit, or a chaotic path, is on the edge
