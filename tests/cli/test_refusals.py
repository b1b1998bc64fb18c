"""What is refused in one line before any work: senseless numbers, contradictions, empty options, places of files."""

import time

import numpy as np
import pytest

from steepest import rules
from steepest.base.errors import InvalidValue
from steepest.base.files import check_place
from steepest.landscapes import LANDSCAPES, find
from steepest.paths.rates import proposed_rate
from steepest.paths.tracing import trace
from steepest.rules import RULES
from steepest.statistics.ranges import wider_range
from steepest.study import extend
from steepest.study.planning import make_plan
from steepest.study.ranges import points
from steepest.workloads import find as find_workload

REFUSED = {
    # numbers
    "trace sgd --steps 1000000000000": "steps: must be at most 1,000,000, got 1,000,000,000,000",
    "compare digits --trials 1000000000": "trials: must be at most 10000, got 1000000000",
    "compare digits --search-seeds 1000000000": "search-seeds: must be at most 1000, got 1000000000",
    "compare digits --steps 1000000000000": "steps: must be at most 100000000, got 1000000000000",
    "compare digits --jobs 100000": "jobs: must be at most 1,024, got 100,000",
    "compare digits --range lr=1e-320:1": "--range 'lr=1e-320:1': 9.99989e-321:1 is too wide",
    "map basin sgd --size 9000 --steps 1000000": "size, steps: 81,000,000 runs of 1,000,000 steps are too many",
    "map sweep sgd --over lr=0.1:1 --over momentum=0:0.9 --size 2000 --steps 9000000": "size, steps: 4,000,000 runs of",
    "trace sgd --set lr=0.1,0.2": "SGD: lr must be one number, got (0.1, 0.2)",
    "trace 'sgd(lr=(1,2))'": "SGD: lr must be one number, got (1, 2)",
    "trace 'adam(betas=(0.9,(1,2)))'": "Adam: betas must be numbers, got (0.9, (1, 2))",
    "compare digits --optimizers 'sgd(lr=(1,2))'": "SGD: lr must be one number, got (1, 2)",
    # places
    "trace sgd --save /nowhere/x.png": "/nowhere/x.png: cannot be written (No such file or directory)",
    "trace sgd --save /nowhere/x.gif": "/nowhere/x.gif: cannot be written (No such file or directory)",
    "map basin sgd --size 9000 --save /nowhere/x.png": "/nowhere/x.png: cannot be written",
    "map sweep sgd --over lr=0.1:1 --over momentum=0:0.9 --save /nowhere/x.png": "/nowhere/x.png: cannot be written",
    "play --save /nowhere/x.html": "/nowhere/x.html: cannot be written (No such file or directory)",
    "play --save x.txt": "x.txt: a page is an .html file",
    # options together
    "trace sgd --f x**2 --on bowl": "--on, --f: both say on what to run; leave out one",
    "map basin sgd --f x**2+y**2 --on bowl": "--on, --f: both say on what to run; leave out one",
    "trace sgd --set lr=0.1 --lr 0.2": "lr is given twice (--lr is one); leave out one",
    "trace sgd --set momentum=0.1 --set momentum=0.2": "momentum is given twice; leave out one",
    "trace 'sgd(lr=0.1)' --lr 0.2": "--lr has no effect: each rule has its own lr; leave out one",
    "map sweep sgd --over lr=0.1:1 --over momentum=0:0.9 --lr 0.2": "lr is given by --over and by --lr; leave out one",
    "map sweep sgd --over lr=0.1:1 --over lr=1:2": "--over lr is there twice; name another hyperparameter",
    "trace sgd --seed 3": "--seed has no effect without --noise",
    "trace sgd --dark": "--dark has no effect without --save",
    "trace sgd --frames 9 --save x.png": "--frames has no effect without an animation (--save x.gif)",
    "map basin sgd --dark": "--dark has no effect without --save",
    "compare digits --range lr=0.1:1 --range lr=0.1:2": "--range lr is there twice; leave out one",
    "trace sgd --lang de": "lang: must be en or zh, got 'de'",
    # empty
    "compare digits --out ''": "--out: is empty; give a value, or leave it out",
    "compare --resume=": "--resume: is empty; give a value, or leave it out",
    "trace sgd --on ''": "--on: is empty; give a value, or leave it out",
    "trace ''": "an argument: is empty; give a value, or leave it out",
    "trace sgd --save ' '": "--save: is empty; give a value, or leave it out",
    # the right spelling
    "compare w.py sgd adam": "'sgd' is an optimizer; write  steepest compare w.py --optimizers sgd,adam",
    "compare sgd,adam": "'sgd' is an optimizer; write  steepest compare --optimizers sgd,adam",
    "compare digits,airfoil": "workload: put spaces between several:  steepest compare digits airfoil",
}


@pytest.mark.parametrize("line", REFUSED)
def test_it_is_refused_in_one_line_before_any_work(line, command, tmp_path):
    began = time.process_time()
    code, printed, complaint = command(line)
    assert (code, printed, complaint.count("\n")) == (2, "", 1)
    assert complaint.startswith(f"steepest: {REFUSED[line]}")
    assert time.process_time() - began < 10
    assert not list(tmp_path.iterdir())


def test_rules_may_have_commas_between(command):
    assert command("trace sgd,adam --on bowl --steps 3") == command("trace sgd adam --on bowl --steps 3")
    assert command("trace 'sgd,adam(betas=(0.9,0.98))' --on bowl --steps 3")[0] == 0


def test_a_folder_and_a_device_are_known_before_writing(tmp_path):
    with pytest.raises(InvalidValue, match="is a folder; name a file in it"):
        check_place(tmp_path)
    check_place("/dev/null")
    check_place(tmp_path / "new.png")
    assert not list(tmp_path.iterdir())


def test_points_and_wider_ranges_stay_where_the_rule_allows():
    assert wider_range(0.0, 1.0, "low", (0.0, np.inf)) == (0.0, 1.0)
    assert wider_range(0.5, 0.9999999, "high", (0.0, 1.0))[1] < 1
    assert all(point["momentum"] < 1 for point in points({"momentum": (0.999, 0.99999)}, 64))
    plan = make_plan(find_workload("quadratic"), ["sgd"], ranges={"lr": (0.0, 1.0), "momentum": (0.5, 0.99999)})
    assert all(rules.find("sgd", **point) for point in extend.add_trials(plan, 64).contestants[0].trials)


@pytest.mark.parametrize("on", LANDSCAPES)
@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.least_axes < 2])
def test_a_proposed_rate_moves_and_does_not_diverge(name, on):
    rule, landscape = RULES[name](), find(on)
    rate = proposed_rate(rule, landscape)
    path = trace(rule, landscape, lr=rate, steps=100)
    assert np.isfinite(path.f).all()
    if landscape.minimum is not None and name not in ("adadelta", "prodigy"):
        assert path.f.min() < path.f[0]


def test_the_output_says_that_rates_were_chosen(command):
    line = "(learning rates that suit this landscape; --lr gives another)"
    assert line in command("trace sgd adam --on ravine --steps 3")[1]
    assert line in command("trace sgd 'adam(lr=0.1)' --on ravine --steps 3")[1]
    assert line not in command("trace sgd --lr 0.1 --on ravine --steps 3")[1]
    assert line in command("map basin sgd --size 9 --steps 9")[1]


def test_rules_of_a_file_are_in_the_playground(command, write_file, tmp_path):
    mine = write_file(
        "mine.py",
        """
        from dataclasses import dataclass

        from steepest import Rule
        from steepest.rules.base import hyperparameter


        @dataclass(frozen=True, kw_only=True)
        class Halves(Rule):
            period: float = hyperparameter(5, "k", "period", within="[1, inf)")

            def init(self, param):
                return {"long_name": 0.0}

            def update(self, grad, param, step, long_name):
                return -self.lr * grad / (1 + step // self.period), 0.5 * long_name + grad
        """,
    )
    code, printed, complaint = command(f"play --rules {mine} --save page.html")
    assert (code, complaint) == (0, "")
    assert printed.startswith("saved to page.html;")
    assert 'data-state="on=ravine&amp;rule=halves(lr=' in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert (tmp_path / "page.html").stat().st_size > 1e5
    code, _, complaint = command("play --rules muon --save page.html")
    assert code == 2 and "cannot run in the playground: Muon is not elementwise" in complaint


@pytest.mark.parametrize(
    ("text", "reason", "loaded"),
    [("x = (", "line 1: SyntaxError", []), ("import torch\nraise OSError('no')", "line 2: OSError: no", ["torch"])],
    ids=["no Python", "raises"],
)
def test_a_mistake_in_a_file_is_told_before_anything_slow_is_imported(text, reason, loaded, write_file, python):
    file = write_file("mine.py", text)
    printed = python(
        "import sys\nfrom steepest.cli import main\nsys.stderr = sys.stdout\n"
        f"sys.argv = ['steepest', 'compare', {file!r}]\ntry:\n    main()\nexcept SystemExit as ending:\n"
        "    slow = {'torch', 'pandas', 'scipy', 'sklearn', 'matplotlib', 'sympy', 'numba'}\n"
        "    print(ending.code, sorted(slow & set(sys.modules)))"
    )
    told, last = printed.splitlines()[-2:]
    assert reason in told and "mine.py" in told
    assert last == f"2 {loaded}"


def test_a_terminal_of_no_columns_has_the_usual_number(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "0")
    assert len(command("list")[1].splitlines()) > 30


def test_the_rate_of_a_sweep_is_each_rules_own_and_its_help_says_so(command):
    over = "--over momentum=0:0.5 --over weight_decay=0:0.1 --size 2 --steps 3"
    own = command(f"map sweep sgd --on bowl {over}")
    assert own == command(f"map sweep sgd --on bowl {over} --lr {RULES['sgd']().lr}")
    assert "default: each rule's own" in " ".join(command("map sweep --help")[1].split())
