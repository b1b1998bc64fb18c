"""Optimizers that are not steepest's own in a study: planned, run in workers, added later, reported and guarded."""

import json
from pathlib import Path

import pytest

import steepest
from steepest import verbs
from steepest.base.errors import InvalidValue
from steepest.report.sentences import external_sentence
from steepest.study import Comparison, Plan, extend, make_plan
from steepest.study.code import check_code, code_fingerprint, foreign_code
from steepest.study.ranges import read_range
from steepest.study.results import rule_facts
from steepest.workloads import find

MINE = """
import torch

from beside import factor

class Drawing(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for param in group["params"]:
                param -= factor * group["lr"] * (param.grad + 0.01 * torch.randn_like(param))
"""

STILL = """
import torch

class Still(torch.optim.Optimizer):
    def __init__(self, params, size=0.1):
        super().__init__(params, dict(size=size))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for param in group["params"]:
                param -= group["size"] * param.grad
"""


@pytest.fixture
def mine(write_file):
    write_file("beside.py", "factor = 1.0\n")
    return write_file("mine.py", MINE)


SHORT = {"trials": 2, "seeds": 2, "searches": 1, "search_seeds": 1}


def test_a_study_of_classes_runs_in_workers_and_goes_on_with_others(write_workload, mine, tmp_path, without_report):
    out, workload = tmp_path / "out", write_workload()
    optimizers = ["torch.optim:ASGD", "torch.optim:LBFGS(max_iter=3)", mine]
    result = steepest.compare(workload, optimizers, **SHORT, jobs=2, out=out)
    labels = ["ASGD (torch)", "LBFGS (torch) max_iter=3", "Drawing"]
    assert [contestant.label for contestant in result.plan.contestants] == labels
    assert result.complete
    assert not (result.runs["status"] == "failed").any()
    assert result.several_evaluations == {"LBFGS (torch) max_iter=3": None}
    assert result.measure == "steps_to_target"
    said = external_sentence(result)
    assert "ASGD (torch) and Drawing declare no range of learning rates; 1e-05 to 1 was searched" in said.en
    assert "Steps are evaluations of the gradient: LBFGS (torch) max_iter=3 makes an update of as many as it" in said.en
    assert "步数按梯度求值次数计：LBFGS (torch) max_iter=3 每次更新" in said.zh

    extended = verbs.resume(out, add_rules="torch.optim:NAdam", jobs=1)
    assert extended.complete
    assert "NAdam (torch)" in extended.table.index
    assert extended.facts_of_rule("torch.optim:NAdam")["external"]


def test_lbfgs_competes_by_name_and_counts_its_gradients(write_workload, tmp_path, without_report):
    out, workload = tmp_path / "out", write_workload()
    result = steepest.compare(workload, ["lbfgs", "sam(sgd)", "sgd"], **SHORT, schedule="cosine", jobs=2, out=out)
    assert [one.label for one in result.plan.contestants] == ["L-BFGS", "SAM SGD", "SGD"]
    assert [one.schedule for one in result.plan.contestants] == ["constant", "cosine", "cosine"]
    assert result.several_evaluations == {"L-BFGS": None, "SAM SGD": 2}
    assert (result.measure, result.counted_in_updates) == ("steps_to_target", ())
    steps = result.plan.contestants[0].steps
    assert result.curves["step"].max() == steps
    said = external_sentence(result)
    assert "SAM SGD makes an update of two of them" in said.en
    assert "; L-BFGS makes an update of as many as it takes" in said.en
    assert "steepest" not in code_fingerprint(result.plan)
    assert "steepest/optim/" in code_fingerprint(result.plan)

    extended = verbs.resume(out, add_rules="lbfgs(history_size=2)", jobs=1)
    assert extended.complete
    assert "L-BFGS history_size=2" in extended.table.index


def test_a_study_that_counted_updates_is_ranked_by_seconds_as_before(write_workload, tmp_path, without_report):
    """An older steepest stored of a class that it takes a closure, and no number of evaluations."""
    out = tmp_path / "out"
    steepest.compare(write_workload(), ["torch.optim:LBFGS", "sgd"], **SHORT, jobs=1, out=out)
    old = Comparison.read(out)
    facts = json.loads(old.facts["rules"])
    del facts["torch.optim:LBFGS"]["evaluations"]
    old.facts["rules"] = json.dumps(facts)
    assert (old.measure, old.counted_in_updates) == ("seconds_to_target", ("LBFGS (torch)",))
    assert old.several_evaluations == {}
    assert "LBFGS (torch) computes the gradient several times" in external_sentence(old).en


def test_a_class_counts_among_the_code_and_a_change_of_it_is_refused(write_workload, mine, tmp_path):
    plan = make_plan(find(write_workload()), ["torch.optim:Rprop", mine])
    code = code_fingerprint(plan)
    assert {Path(name).name for name in code} >= {"mine.py", "beside.py", "torch.optim.rprop"}
    assert foreign_code(plan) == sorted([mine + ":Drawing".removeprefix(":Drawing"), plan.workloads[0].name])
    Path(mine).write_text(MINE.replace("0.01", "0.02"))
    with pytest.raises(InvalidValue, match=r"mine\.py has changed since this study began"):
        check_code(json.dumps(code), plan, tmp_path)
    code["torch.optim.rprop"] = "2.0 of another torch"
    Path(mine).write_text(MINE)
    with pytest.raises(InvalidValue, match=r"torch\.optim\.rprop has changed"):
        check_code(json.dumps(code), plan, tmp_path)


def test_going_on_with_a_study_says_whose_code_runs():
    pytest.importorskip("schedulefree")
    plan = make_plan(find("digits"), ["torch.optim:Rprop", "schedulefree:SGDScheduleFree"])
    assert foreign_code(plan) == ["schedulefree"]
    assert "schedulefree" in code_fingerprint(plan)
    assert plan.contestants[1].schedule == "constant"


@pytest.mark.parametrize("name", ["lr", "Rprop.lr", "rprop.lr", "torch.optim:Rprop.lr"])
def test_a_range_is_given_by_any_of_its_names(name):
    plan = make_plan(find("digits"), ["torch.optim:Rprop"], ranges=dict([read_range(f"{name}=1e-3:0.1")]))
    assert plan.contestants[0].ranges == {"lr": (1e-3, 0.1)}
    assert Plan.from_json(plan.to_json()) == plan


def test_a_range_may_name_one_of_two_namesakes():
    ranges = {"torch.optim:Adam.lr": (1e-3, 0.1), "adam.lr": (1e-2, 0.2)}
    plan = make_plan(find("digits"), ["adam", "torch.optim:Adam"], ranges=ranges)
    assert [dict(contestant.ranges) for contestant in plan.contestants] == [{"lr": (1e-2, 0.2)}, {"lr": (1e-3, 0.1)}]


def test_any_other_setting_is_searched_where_a_range_is_given(mine):
    plan = make_plan(find("digits"), [mine], ranges={"Drawing.momentum": (0.0, 0.9)}, trials=4)
    momenta = [trial["momentum"] for trial in plan.contestants[0].trials]
    assert any(0 < momentum < 0.9 for momentum in momenta)


def test_a_class_without_learning_rate_has_one_trial_unless_another_range_is_given(
    write_file, write_workload, tmp_path, without_report
):
    still = write_file("still.py", STILL)
    result = steepest.compare(write_workload(), [still, "sgd"], **SHORT, jobs=1, out=tmp_path / "out")
    assert result.complete
    assert result.plan.contestants[0].trials == ({},)
    assert Comparison.read(tmp_path / "out").plan == result.plan
    wide = steepest.compare(
        write_workload(), [still], **SHORT, ranges={"Still.size": (1e-2, 1.0)}, jobs=1, out=tmp_path / "wide"
    )
    assert set(wide.plan.contestants[0].trials[0]) == {"size"}
    assert wide.complete


@pytest.mark.parametrize(
    ("optimizers", "words"),
    [
        (["torch.optim:SparseAdam"], r"SparseAdam \(torch\) cannot train .*does not support dense gradients"),
        (["torch.optim:Rprop", "torch.optim.rprop:Rprop"], r"'Rprop \(torch\)' is there twice"),
        (["needs.py:Needs(lr=0.1)"], r"Needs: scale has no default; give it, .*needs\.py:Needs\(lr=0\.1\)\(scale="),
    ],
)
def test_what_cannot_compete_is_refused_before_anything_is_stored(
    optimizers, words, write_workload, write_file, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_file("needs.py", STILL.replace("Still", "Needs").replace("size=0.1", "lr, scale, size=0.1"))
    with pytest.raises(InvalidValue, match=words):
        steepest.compare(write_workload(), optimizers, **SHORT, jobs=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_loop_of_the_users_without_closures_is_told_to_an_optimizer_that_needs_one():
    own_loop = Path(__file__).parent.parent.parent / "examples" / "workloads" / "own_loop.py"
    with pytest.raises(InvalidValue, match=r"own_loop\.py, line \d+: TypeError: .*its step needs a closure"):
        make_plan(find(str(own_loop)), ["torch.optim:LBFGS"])


def test_an_added_class_is_tried_out_too(write_workload):
    plan = make_plan(find(write_workload()), ["sgd"], **SHORT)
    with pytest.raises(InvalidValue, match="does not support dense gradients"):
        extend.add_rules(plan, ["torch.optim:SparseAdam"])
    with pytest.raises(InvalidValue, match=r"^Muon \(torch\): this model has no matrix"):
        make_plan(find("zipf"), ["torch.optim:Muon"])


def test_facts_of_a_class_are_stored_and_read_without_it(write_workload, mine):
    plan = make_plan(find(write_workload()), [mine, "torch.optim:LBFGS"])
    facts = rule_facts(plan)
    assert facts["torch.optim:LBFGS"]["closure"]
    assert facts[plan.contestants[0].rule]["by_default"] == (1e-5, 1.0)


def test_the_command_takes_them(command, write_workload, mine, without_report):
    code, printed, _ = command(
        f"compare {write_workload()} --optimizers torch.optim:Rprop,{mine}:Drawing(lr=0.1) --trials 2 --seeds 2"
        " --searches 1 --search-seeds 1 --range Rprop.lr=1e-3:0.1 --jobs 1 --out out".replace("(lr=0.1)", "'(lr=0.1)'")
    )
    assert code == 0
    assert "Drawing lr=0.1" in printed
    assert "declare" not in printed
    code, _, complained = command("compare digits --optimizers torch.optim:Rprp --out other")
    assert (code, complained) == (2, "steepest: torch.optim:Rprp: torch.optim has no 'Rprp'; did you mean 'Rprop'?\n")


# --- schedulers -------------------------------------------------------------------------------------------------------

OWN_SCHEDULER = """
def scheduler(optimizer, steps):
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [group["lr"] for group in optimizer.param_groups], total_steps=steps, cycle_momentum=False
    )
"""


def test_every_optimizer_has_the_scheduler_of_the_workloads_file(write_workload, tmp_path, without_report):
    workload = write_workload(OWN_SCHEDULER, "own.py")
    plain = steepest.compare(
        write_workload(), ["adam(lr=0.1)"], **SHORT, jobs=1, out=tmp_path / "plain",
        schedule="torch.optim.lr_scheduler:OneCycleLR(cycle_momentum=False)",
    )  # fmt: skip
    own = steepest.compare(
        workload, ["adam(lr=0.1)", "torch.optim:SGD", "schedulefreesgd"], **SHORT, jobs=1, out=tmp_path / "own"
    )
    assert [contestant.schedule for contestant in own.plan.contestants] == ["workload", "workload", "constant"]
    losses = [study.runs[study.runs["label"] == "Adam lr=0.1"]["final_loss"].tolist() for study in (plain, own)]
    assert losses[0] == losses[1]
    more = extend.add_rules(own.plan, ["torch.optim:Rprop"])
    assert more.contestants[-1].schedule == "workload"
    with pytest.raises(InvalidValue, match=r"own\.py has a `scheduler` of its own; leave out one of the two"):
        make_plan(find(workload), ["adam"], schedule="cosine")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("scheduler = 3", "`scheduler` must be a function; write for example:  def scheduler"),
        ("def scheduler(optimizer, steps): return None", r"`scheduler` must return an object with step\(\), got None"),
        ("def scheduler(optimizer): return 1", "`scheduler` does not take what it is called with"),
        ("def scheduler(optimizer, steps): return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)",
         "missing 1 required positional argument: 'metrics'"),
    ],
)  # fmt: skip
def test_a_scheduler_that_cannot_be_stepped_is_refused_before_anything_is_stored(body, words, write_workload):
    with pytest.raises(InvalidValue, match=words):
        make_plan(find(write_workload(body)), ["adam"])


def test_a_scheduler_that_an_optimizer_cannot_take_is_told(write_workload):
    schedule = "torch.optim.lr_scheduler:OneCycleLR"
    with pytest.raises(InvalidValue, match=r"AdaGrad: schedule .*OneCycleLR.*must support momentum"):
        make_plan(find(write_workload()), ["adagrad"], schedule=schedule)
    plan = make_plan(find(write_workload()), ["momentum"], schedule=f" {schedule} ")
    assert plan.contestants[0].schedule == schedule
    with pytest.raises(InvalidValue, match="sets the same learning rates whatever the trial's is"):
        make_plan(find(write_workload()), ["momentum"], schedule=f"{schedule}(max_lr=0.1)")
