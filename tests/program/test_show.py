"""`steepest show`: what stands on a page, what differs between two rules, rules side by side, and how it reads."""

import shlex
import unicodedata

import pytest
from PIL import Image

from steepest import workloads
from steepest.landscapes import LANDSCAPES
from steepest.program.plain import plain
from steepest.rules import RULES


def width(line: str) -> int:
    """Columns on a terminal; Chinese takes two a letter, an accent none."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in line
    )


def joined(text: str) -> str:
    return " ".join(text.split())


def rows(text: str) -> dict[str, str]:
    """What stands behind each label at the beginning of a line."""
    return {line.split("  ")[0].strip(): joined(line.partition("  ")[2]) for line in text.splitlines()}


@pytest.fixture
def shown(command):
    """What `steepest show ...` prints; it must end well and complain about nothing."""

    def run(*arguments: str) -> str:
        code, out, err = command(shlex.join(["show", *arguments]))
        assert (code, err) == (0, "")
        return out

    return run


# --- a rule -----------------------------------------------------------------------------------------------------------


def test_adam(shown):
    text = shown("adam")
    for line in (
        "gₜ = ∇f(xₜ₋₁)",
        "mₜ = β₁ mₜ₋₁ + (1 - β₁) gₜ",
        "vₜ = β₂ vₜ₋₁ + (1 - β₂) gₜ²",
        "xₜ = xₜ₋₁ - η/(1 - β₁ᵗ) · mₜ/(√(vₜ/(1 - β₂ᵗ)) + ε)",
    ):
        assert f"  {line} " in text
    found = rows(text)
    assert found["memory"] == "2 states, 8 bytes a parameter in float32: m, v"
    assert found["eps stands"] == RULES["adam"].eps_stands
    assert found["weight decay"] == "coupled: added to the gradient (L2)"
    assert found["stable"].startswith("η < 2 (1 + β₁)/(h (1 - β₁)) = 38 at curvature h = 1")
    assert found["reference"] == "Kingma and Ba 2015; AMSGrad: Reddi, Kale and Kumar 2018"
    assert found["betas"] == "β₁, β₂ 0.9, 0.999 [0, 1) memory of the gradients and of their squares"
    assert found["searched"] == "lr 0.0001 … 1"


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", RULES)
def test_every_rule_in_80_columns(shown, monkeypatch, name, lang):
    monkeypatch.setenv("COLUMNS", "80")
    rule, text = RULES[name], shown(name, "--lang", lang)
    assert max(map(width, text.splitlines())) <= 80
    assert "\\" not in text
    assert "{\\" not in text
    assert text.startswith(f"{rule.title}  ({name})")
    assert joined(rule.reference) in joined(text)
    for hyperparameter in rule.hyperparameters():
        assert f"\n{hyperparameter} " in text
    compact = "".join(text.split())
    for sentence in (rule.helps, rule.fails):
        assert "".join(getattr(sentence, lang).split()) in compact


def test_a_spec_shows_its_own_formula_and_values(shown):
    text = shown("sgd(momentum=0.5, nesterov=True, weight_decay=0.01)")
    assert "gₜ = ∇f(xₜ₋₁) + λ xₜ₋₁" in text
    assert "xₜ = xₜ₋₁ - η (gₜ + μ vₜ)" in text
    found = rows(text)
    assert found["momentum"].startswith("μ 0.5 [0, ∞)")
    assert found["memory"] == "1 state, 4 bytes a parameter in float32: v"
    assert found["nesterov"].startswith("on")
    assert " value " in text
    assert " default " not in text


def test_settings_change_the_facts(shown):
    assert rows(shown("adam(eps_inside_sqrt=True)"))["eps stands"] == "inside the root"
    assert rows(shown("adam(decoupled_weight_decay=True)"))["weight decay"].startswith("decoupled")
    assert rows(shown("adam(amsgrad=True)"))["memory"] == "3 states, 12 bytes a parameter in float32: m, v, v̂"


MEMORY = {
    "sgd": "nothing",
    "momentum": "1 state, 4 bytes a parameter in float32: v",
    "ademamix": "3 states, 12 bytes a parameter in float32: m, n, v",
    "nadam": "2 states, 8 bytes a parameter in float32: m, v; 1 more a tensor",
    # two vectors of 256 numbers beside a matrix of 65,536
    "adafactor": "2 states, 0.0312 bytes a parameter in float32 (256 x 256 matrix): R, C",
}


@pytest.mark.parametrize("name", MEMORY)
def test_memory(shown, name):
    assert rows(shown(name))["memory"] == MEMORY[name]


STABLE = {
    "sgd": "η < 2/h = 2 at curvature h = 1",
    "momentum": "η < 2 (1 + μ)/h = 3.8 at curvature h = 1",
    "rmsprop": "η < 2/h = 2 at curvature h = 1, after division by the rule's scale",
    "lion": "no limit to state: its step does not shrink with the gradient",
    "muon": "no limit to state: it needs whole tensors",
}


@pytest.mark.parametrize("name", STABLE)
def test_stability(shown, name):
    assert rows(shown(name))["stable"] == STABLE[name]


def test_chinese(shown):
    found = rows(shown("momentum", "--lang", "zh"))
    assert found["长处"] == RULES["momentum"].helps.zh
    assert found["内存"] == "每个参数 1 个状态，4 字节（float32）：v"
    assert found["稳定范围"] == "曲率 h = 1 时 η < 2 (1 + μ)/h = 3.8"


def test_a_users_own_rule(shown, write_file):
    file = write_file(
        "mine.py",
        '''
        from dataclasses import dataclass
        from steepest.ops import sign
        from steepest.rules.base import Rule, hyperparameter
        from steepest.base.text import Text

        @dataclass(frozen=True, kw_only=True)
        class Push(Rule):
            """Push: a step along the sign [of the gradient]."""

            title = "Push"
            reference = "nobody [1]"
            helps = Text("Bold [sometimes].", "")
            fails = Text("Often.", "")
            scale: float = hyperparameter(2.0, "c", "a factor")

            def init(self, param):
                return {}

            def update(self, grad, param, step):
                return (-self.lr * self.scale * sign(grad),)
        ''',
    )
    text = shown(f"{file}:Push")
    assert "xₜ = xₜ₋₁ - η c sign(gₜ)" in text
    assert "nobody [1]" in text
    assert "Bold [sometimes]." in text


# --- LaTeX, differences, side by side ---------------------------------------------------------------------------------


def test_latex(shown):
    assert shown("momentum", "--latex").splitlines() == [
        r"g_t = \nabla f(x_{t-1})",
        r"v_t = \mu v_{t-1} + g_t",
        r"x_t = x_{t-1} - \eta v_t",
    ]


def test_latex_of_several(shown):
    assert shown("sgd", "saddle", "--latex").splitlines() == [
        "% sgd",
        r"g_t = \nabla f(x_{t-1})",
        r"x_t = x_{t-1} - \eta g_t",
        "% saddle",
        "f(x, y) = x^2 - y^2",
        r"\frac{\partial f}{\partial x} = 2 x",
        r"\frac{\partial f}{\partial y} = -2 y",
    ]


def test_difference(shown):
    text = shown("adam", "adamw", "--diff")
    lines = [line.strip() for line in text.splitlines()]
    assert "- xₜ = xₜ₋₁ - η/(1 - β₁ᵗ) · mₜ/(√(vₜ/(1 - β₂ᵗ)) + ε)" in lines
    assert "+ xₜ = xₜ₋₁ - η/(1 - β₁ᵗ) · mₜ/(√(vₜ/(1 - β₂ᵗ)) + ε) - η λ xₜ₋₁" in lines
    assert "mₜ = β₁ mₜ₋₁ + (1 - β₁) gₜ" in lines
    found = rows(text)
    assert found["weight_decay"] == "0 0.01"
    assert "betas" not in found
    assert "memory" not in found
    assert found["weight decay"].startswith("coupled: added to the gradient (L2) decoupled")


def test_no_difference(shown):
    text = shown("adam", "adam", "--diff")
    assert "\n    - " not in text
    assert "reference" not in text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_side_by_side(shown, monkeypatch, lang):
    monkeypatch.setenv("COLUMNS", "80")
    names = ["sgd", "momentum", "adagrad", "rmsprop", "adam"]
    text = shown(*names, "--lang", lang)
    assert max(map(width, text.splitlines())) <= 80
    starts = [text.index(f"\n{RULES[name].title}") for name in names]
    assert starts == sorted(starts)


def test_all(shown):
    text = shown("--all")
    for rule in RULES.values():
        assert f"\n{rule.title}  " in text
        assert rule.helps.en[:20] in text


# --- a landscape ------------------------------------------------------------------------------------------------------


def test_rosenbrock(shown):
    text = shown("rosenbrock")
    assert "f(x, y) = (1 - x)² + 100 (y - x²)²" in text
    assert "∂f/∂x = 2 x - 400 x (y - x²) - 2" in text
    assert "∂f/∂y = 200 y - 200 x²" in text
    found = rows(text)
    assert found["minima"] == "(1, 1), f = 0"
    assert found["start"] == "(-1.2, 1)"
    assert found["window"] == "[-2, 2] x [-1, 3]"
    assert "saddles" not in found


@pytest.mark.parametrize("name", LANDSCAPES)
def test_every_landscape_in_80_columns(shown, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    text = shown(name)
    assert max(map(width, text.splitlines())) <= 80
    assert "\\" not in text
    assert joined(LANDSCAPES[name].about.en) in joined(text)
    assert text.count("∂f/") == LANDSCAPES[name].dims
    stationary = "inflections" if LANDSCAPES[name].dims == 1 else "saddles"
    assert (stationary in rows(text)) == bool(LANDSCAPES[name].saddles)


def test_a_formula_and_a_family(shown):
    assert "f(x, y) = x² + 3 y" in shown("x**2 + 3*y")
    assert "minima" in shown("quadratic(condition=100)")


# --- bad input --------------------------------------------------------------------------------------------------------

WRONG = [
    (["adm"], "unknown rule, landscape or workload 'adm'; did you mean 'adam'?"),
    (["rosenbrok"], "unknown rule, landscape or workload 'rosenbrok'; did you mean 'rosenbrock'?"),
    (["sdg(momentum=0.9)"], "unknown rule, landscape or workload 'sdg'; did you mean 'sgd'?"),
    (["adam(lrr=1)"], "Adam has no hyperparameter 'lrr'; did you mean 'lr'?"),
    (["adam", "--diff"], "--diff: needs two rules"),
    (["adam", "saddle", "--diff"], "--diff: needs two rules"),
    (["adam", "--lang", "fr"], "lang: must be en or zh, got 'fr'"),
    ([], "show: name a rule, a landscape or a workload"),
    (["cloths"], "unknown rule, landscape or workload 'cloths'; did you mean 'clothes'?"),
    (["adam", "application"], "unknown rule, landscape or workload 'application'; did you mean 'applications'?"),
    (["clothes", "--latex"], "clothes: is a workload, which has no equations"),
    (["adam", "clothes", "--diff"], "clothes: is a workload, which has no equations"),
    (["adam", "--save", "x.png"], "--save: adam is a rule; steepest trace adam --save x.png draws its path"),
    (["bowl", "ravine", "--save", "x.png"], "--save: draws one landscape or workload, got 2 names"),
    (["bowl", "--save", "x.gif"], "x.gif: a figure is a .png, .svg or .pdf file"),
    (["digits", "--save", "x.png"], "--save: the published study has no picture of digits"),
    (["clothes(width=8)", "--save", "x.png"], "--save: the published study has no picture of clothes(width=8)"),
    (["clothes", "--save", "x.txt"], "--save: clothes gives a .png or .jpg or .jpeg or .webp file, got x.txt"),
    (["poems", "--save", "x.png"], "--save: poems gives a .txt file, got x.png"),
    (["clothes", "--save", "nowhere/x.png"], "nowhere/x.png: "),
    (["clothes", "--dark"], "--dark has no effect without --save"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_input_is_one_line(command, arguments, message):
    code, out, err = command(shlex.join(["show", *arguments]))
    assert (code, out) == (2, "")
    assert err.startswith(f"steepest: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["show", "--help"]])
def test_help_and_list_import_nothing_heavy(python, arguments):
    out = python(
        "import sys\n"
        "from steepest.cli import main\n"
        f"sys.argv = ['steepest', *{arguments}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'sympy', 'torch', 'scipy', 'numba'} & set(sys.modules)))"
    )
    assert out.splitlines()[-1] == "[]"


# --- LaTeX as text ----------------------------------------------------------------------------------------------------

PLAIN = {
    r"\frac{a + b}{c d}": "(a + b)/(c d)",
    r"\frac{\frac{a}{b}}{c}": "(a/b)/c",
    r"\frac{a}{b} c": "a/b · c",
    r"\frac{a}{b} + c": "a/b + c",
    r"\frac{f(a) + f(b)}{2}": "(f(a) + f(b))/2",
    r"\frac{1}{f(a) f(b)}": "1/(f(a) f(b))",
    r"\frac{1}{f(a + b)}": "1/f(a + b)",
    r"\frac{-a}{b}": "(-a)/b",
    r"\sqrt{v_t} + \epsilon": "√vₜ + ε",
    r"\sqrt{a b}": "√(a b)",
    r"\sqrt{\frac{a}{b}}": "√(a/b)",
    r"\beta_1^{t-1}": "β₁ᵗ⁻¹",
    r"0.96^{t \psi}": "0.96^(t ψ)",
    r"m_{1,t-1}": "m₁,ₜ₋₁",
    r"\hat v_t": "v̂ₜ",
    r"\bar g_t^2": "ḡₜ²",
    r"\left|g_t\right|": "|gₜ|",
    r"\max(a, b)": "max(a, b)",
    r"\begin{cases} a & \text{if } t = 1 \\ b & \text{otherwise} \end{cases}": "{a if t = 1; b otherwise}",
    r"\lVert x \rVert": "‖x‖",
    r"\mathrm{momentum\_buffer}_t": "momentum_bufferₜ",
    r"10^{-8}": "10⁻⁸",
}


@pytest.mark.parametrize("latex", PLAIN)
def test_plain(latex):
    assert plain(latex) == unicodedata.normalize("NFC", PLAIN[latex])


def test_a_workload_is_shown_with_its_target_beside_rules(shown):
    said = shown("digits", "adam", "--lang", "en")
    problem = workloads.find("digits", try_out=False)
    assert workloads.summary("digits").partition(":")[0] in said
    assert f"{problem.metric_name} {'≥' if problem.higher_is_better else '≤'} {problem.target:g}" in said
    assert f"{problem.steps:,}" in said and "steepest compare digits" in said and "Adam" in said
    assert "批大小" in shown("clothes", "--lang", "zh")


def test_a_workload_is_shown_with_its_cost_its_data_and_the_published_study(shown):
    found = rows(shown("captions"))
    assert found["parameters"] == "443,616" and "s with adam; " in found["a run takes"]
    assert found["data"].startswith("emoji: ") and "licence OFL 1.1" in found["data"]
    assert found["first"].startswith("SOAP and Muon tie; Momentum takes 1.55 (1.43 – 1.68) times as many steps")
    assert found["learned"] == "by SOAP in 500 steps: steepest show captions --save captions.png draws it"
    assert "numbers that describe" in shown("captions")  # of its settings
    assert "Adam does not get there" in joined(shown("poems")) and "三十年年" in shown("poems", "--lang", "zh")


def test_of_other_sizes_nothing_of_the_study_is_said(shown):
    found = rows(shown("clothes(width=8)"))
    assert "first" not in found and "parameters" not in found
    assert found["compare"] == "steepest compare 'clothes(width=8)' --quick"


def test_sets_and_files_of_workloads_are_shown(shown, write_workload):
    said = shown("applications")
    assert all(f"\n{name} " in said for name in workloads.APPLICATIONS) and "schedulefreeadamw" in said
    assert "steps" in rows(shown(str(write_workload())))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", [*workloads.WORKLOADS, *workloads.SETS])
def test_every_workload_in_60_columns(shown, monkeypatch, name, lang):
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(width, shown(name, "--lang", lang).splitlines())) <= 60


@pytest.mark.parametrize("file", ["captions.png", "captions.webp", "captions.jpg"])
def test_what_was_learned_is_written_as_a_picture(shown, tmp_path, monkeypatch, file):
    monkeypatch.chdir(tmp_path)
    assert f"drawn to {file}" in shown("captions", "--save", file)
    with Image.open(tmp_path / file) as image:
        assert min(image.size) > 400


def test_what_was_learned_is_written_as_a_text(shown, tmp_path):
    shown("poems", "--save", str(tmp_path / "poems.txt"))
    assert (tmp_path / "poems.txt").read_text(encoding="utf-8").startswith("三十年年獨一川，")


@pytest.mark.parametrize("name", ["himmelblau", "wavy", "0.1*x**2 + 2*y**2"])
def test_a_landscape_is_drawn(shown, tmp_path, name):
    shown(name, "--save", str(tmp_path / "on.svg"), "--dark", "--lang", "zh")
    drawn = (tmp_path / "on.svg").read_text(encoding="utf-8")
    assert "起点" in drawn and "#15191d" in drawn
