"""What to write in one's own script: lines that run and train as the winner did, and specs that are read back."""

import json
import re
from dataclasses import replace

import pytest
import torch
from markupsafe import escape

import steepest
from steepest.report.code import recipe_of, spec_of
from steepest.report.markdown import as_markdown
from steepest.report.page import render
from steepest.report.rows import packed_runs
from steepest.report.sentences import external_sentence
from steepest.rules import find, resolve
from steepest.training.trainer import Trainer
from steepest.workloads import find as find_workload
from steepest.workloads.seeding import seeded

MINE = """
from dataclasses import dataclass

import torch
from steepest import Rule
from steepest.rules.base import hyperparameter


@dataclass(frozen=True, kw_only=True)
class Plain(Rule):
    lr: float = hyperparameter(0.1, "x", "learning rate", search=(1e-2, 1.0))

    def init(self, param):
        return {}

    def update(self, grad, param, step):
        return (-self.lr * grad,)


class Halved(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, dict(lr=lr))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for param in group["params"]:
                param -= 0.5 * group["lr"] * param.grad
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of every kind of contestant, with a schedule."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "of_mine.py").write_text(MINE)
    return steepest.compare(
        "digits",
        ["adam(betas=(0.8, 0.99))", "muon", "schedulefreesgd", "torch.optim:SGD(momentum=0.9,nesterov=True)",
         "torch.optim:Muon", "torch.optim:LBFGS(max_iter=2)", str(folder / "of_mine.py")],
        trials=2, seeds=1, search_seeds=1, steps=4, schedule="warmup+cosine(0.5)", jobs=1,
    )  # fmt: skip


@pytest.mark.parametrize("index", range(8))
def test_the_lines_make_the_optimizer_of_the_winner(study, index, monkeypatch):
    """Steps of a session by the code's optimizer, and by the trainer of the same trial: the same weights.

    Three of them; of a class that evaluates the gradient as often as it likes one, which the trainer counts as several.
    """
    contestant = study.plan.contestants[index]
    if ".py:" in contestant.rule:
        monkeypatch.syspath_prepend(contestant.rule.rpartition("/")[0])
    recipe = recipe_of(study, contestant.label)
    assert ("schedules.scheduler(optimizer, 'warmup_cosine(0.5)', steps=4)" in recipe.code) == (index != 2)
    with seeded(3):
        trainer = Trainer(find_workload("digits"), contestant.make_rule(study.chosen[contestant.label]), 3, 4, None,
                          contestant.schedule)  # fmt: skip
        updates = 3 if trainer.spend(1) == 1 else 1
        trainer.advance(updates - 1)
    with seeded(3):
        session = find_workload("digits").begin(3, "cpu")
        names = {"model": session.model}
        exec(recipe.code, names)
        for _ in range(updates):
            session.advance(names["optimizer"], 1)
            if "scheduler" in names:
                names["scheduler"].step()
    pairs = zip(session.model.parameters(), trainer.session.model.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


def test_the_notes_say_what_a_loop_must_do(study):
    notes = {one.label: recipe_of(study, one.label).note for one in study.plan.contestants}
    assert notes["LBFGS (torch) max_iter=2"].en.endswith(
        "Call scheduler.step() once for each gradient that optimizer.step() has evaluated. Its step takes a closure"
        " that clears the gradients and"
        " computes the loss and them anew."
    )
    assert "optimizer.eval() before you evaluate" in notes["Schedule-Free SGD"].en
    assert "optimizer.eval()" in notes["Schedule-Free SGD"].zh
    assert all("64" in note.en and "64" in note.zh for note in notes.values())


def test_every_spec_of_the_table_of_runs_is_read_back_as_its_trial(study):
    packed = packed_runs(study, study.plan.short_names)
    specs = [packed["spec"]["texts"][code] for code in packed["spec"]["codes"]]
    for (_, run), spec in zip(study.runs.iterrows(), specs, strict=True):
        assert resolve(spec).rule() == find(run["rule"], **json.loads(run["settings"]))


@pytest.mark.parametrize(
    ("rule", "settings", "expected"),
    [
        ("adam", {"lr": 1e-05, "betas.0": 0.95}, "adam(lr=1e-05, betas=(0.95, 0.999))"),
        ("adam(betas=(0.8, 0.9))", {"betas.1": 0.99, "lr": 1.0}, "adam(betas=(0.8, 0.99), lr=1.0)"),
        ("/a b/mine.py:Mine(x='a')", {"n": 3}, "/a b/mine.py:Mine(x='a', n=3)"),
        ("torch.optim:SGD", {}, "torch.optim:SGD"),
    ],
)
def test_a_spec_has_the_settings_of_a_trial(rule, settings, expected):
    assert spec_of(rule, settings) == expected


def test_the_page_has_every_recipe_and_says_what_to_know_of_classes(study):
    page = render(study, {"": {}, "digits": {}})
    assert page.count('<div class="recipe"') == len(study.plan.contestants)
    assert "LBFGS (torch) max_iter=2" in page
    said = external_sentence(study)
    read = re.sub(r'<span class="option">(.*?)</span>', r"\1", page)  # options are kept on one line
    assert str(escape(said.en)) in read and str(escape(said.zh)) in read


def test_markdown_has_the_first_as_code_to_copy(study):
    text = as_markdown(study)
    first = str(study.table.index[0])
    assert f"```python\n{recipe_of(study, first).code}\n```" in text
    assert text.count("What to write in your script") == 1


def test_an_older_study_has_no_stored_facts_of_rules_and_code_all_the_same(study):
    old = replace(study, facts={key: value for key, value in study.facts.items() if key != "rules"})
    for label in ("Adam betas=(0.8, 0.99)", "Muon", "Schedule-Free SGD"):
        assert recipe_of(old, label).code == recipe_of(study, label).code
