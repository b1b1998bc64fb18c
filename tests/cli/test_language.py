"""The language of the terminal: which one it is, and that all that a command prints is in it."""

import ast
import re
import string
from pathlib import Path

import pytest
import typer
from rich.cells import cell_len

import steepest.cli
from steepest import rules
from steepest.cli import app, language
from steepest.cli.help_words import HELP
from steepest.cli.words import CHINESE
from steepest.rules import words as rule_words
from steepest.workloads import WORKLOADS

WORD = re.compile(r"(?<![\w.-])[a-z]{3,}\b(?! ?[:=(])")
"""An English word in small letters: names of rules have capitals, settings a sign of equality."""


@pytest.mark.quick
def test_the_language_is_that_of_the_option_then_of_the_variable_then_of_the_locale():
    def chosen(*arguments, **environment):
        language.begin(arguments, environment)
        used = language.language()
        language.begin([])
        return used

    assert chosen() == "en"
    assert chosen(LANG="zh_CN.UTF-8") == chosen(LC_ALL="zh_TW", LANG="de_DE") == chosen(LC_MESSAGES="zh") == "zh"
    assert chosen(LC_ALL="C", LANG="zh_CN.UTF-8") == chosen(LC_MESSAGES="en_US", LANG="zh_CN.UTF-8") == "en"
    assert chosen(LC_ALL="", LANG="zh_CN.UTF-8") == "zh"  # an empty one counts as none
    assert chosen(STEEPEST_LANG="en", LANG="zh_CN.UTF-8") == chosen(STEEPEST_LANG="", LANG="en") == "en"
    assert chosen(STEEPEST_LANG="zh", LC_ALL="C") == "zh"
    assert chosen("list", "--lang", "zh") == chosen("--lang=zh", "list") == chosen("--lang", "en", "--lang=zh") == "zh"
    assert chosen("list", "--lang", "en", STEEPEST_LANG="zh") == "en"
    assert chosen("trace", "--", "--lang", "zh") == "en"  # a name, not an option


@pytest.mark.parametrize("line", ["--lang zh list", "list --lang zh", "list --lang=zh", "--lang en list --lang zh"])
def test_every_place_of_the_option_will_do(command, line):
    code, shown, _ = command(line)
    assert code == 0 and shown.startswith("优化器") and "Rules" not in shown


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ["compare", "trace", "map sweep", "report", "show"])
def test_help_on_a_narrow_terminal_cuts_no_text_off(command, monkeypatch, name, lang):
    def texts(columns: str) -> str:
        monkeypatch.setenv("COLUMNS", columns)
        _, shown, _ = command(f"{name} --help --lang {lang}")
        return "".join(sorted(re.sub(r"[\s│╭╮╰╯─]", "", shown)))

    assert texts("62") == texts("300")


def test_every_line_of_the_list_is_chinese(command):
    _, shown, _ = command("list --lang zh")
    lines = [line for line in shown.splitlines() if line.strip()]
    assert len(lines) > 50
    assert [line for line in lines if not re.search("[\u4e00-\u9fff]", line)] == []


@pytest.mark.parametrize("line", ["list --lang de", "--lang de list", "play --lang de", "show sgd --lang ''"])
def test_another_language_is_refused_by_every_command(command, line):
    code, shown, complaint = command(line)
    assert (code, shown) == (2, "") and "lang: must be en or zh, got" in complaint


def test_another_language_of_the_variable_is_refused(command, monkeypatch):
    monkeypatch.setenv("STEEPEST_LANG", "de")
    assert command("list") == (2, "", "steepest: STEEPEST_LANG: must be en or zh, got 'de'\n")


# --- everything is translated -----------------------------------------------------------------------------------------


def said() -> set[str]:
    """Every text that a command says through `translate`, or as the heading of a table, if it stands there."""
    texts = set()
    for file in Path(steepest.cli.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = getattr(call.func, "id", getattr(call.func, "attr", "")) if isinstance(call, ast.Call) else ""
            if name == "translate":
                first = call.args[0]
                given = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            else:
                given = call.args if name == "table" else []
            texts |= {str(part.value).lstrip(">") for part in given if isinstance(part, ast.Constant)}
    return texts - {""}


def fields(template: str) -> int:
    return sum(name is not None for _, name, _, _ in string.Formatter().parse(template))


@pytest.mark.quick
def test_all_that_commands_say_is_there_in_chinese():
    assert len(said()) > 25
    assert said() <= set(CHINESE)
    for english, chinese in CHINESE.items():
        assert fields(english) == fields(chinese), english


def helps(command) -> set[str]:
    """The help texts of a command and of those in it, paragraph by paragraph; of examples what they say they do."""
    context = typer.Context(command, **command.context_settings)
    texts = [command.help, command.epilog, *(param.help for param in command.get_params(context))]
    paragraphs = {" ".join(part.split()) for text in texts if text for part in text.split("\n\n")}
    examples = {part for part in paragraphs if part.startswith("[dim]")}
    said = {part.removesuffix("[/dim]").rpartition("  ") for text in texts if text for part in text.split("\n\n")}
    about = {what for example, wide, what in said if example.startswith("[dim]") and wide}
    members = getattr(command, "commands", {}).values()
    return ((paragraphs - examples) | about).union(*map(helps, members))


@pytest.mark.quick
def test_all_help_is_there_in_chinese():
    paragraphs = helps(typer.main.get_command(app))
    assert len(paragraphs) > 60
    assert paragraphs - set(HELP) == set()


@pytest.mark.parametrize("line", ["", *steepest.cli.COMMANDS, "map basin", "map sweep"])
def test_help_is_chinese_and_english_afterwards(command, line):
    _, shown, _ = command(f"{line} --help --lang zh")
    assert "用法：" in shown and "显示此帮助并退出" in shown
    assert not re.search(r"\b(Usage|Options|Arguments|Commands|default|required|the)\b", shown)
    _, shown, _ = command(f"{line} --help")
    assert "Usage:" in shown and "Options" in shown and not re.search("[一-鿿]", shown)


def test_names_and_facts_are_chinese(command):
    for line in ("list", "show --all", "show adam", "show rosenbrock", "show adam adamw --diff"):
        code, shown, _ = command(f"{line} --lang zh")
        assert code == 0
        rows = [" ".join(row.split()[1:]) for row in shown.splitlines()]  # without the name
        odd = [word for row in rows if re.search("[一-鿿]", row) for word in WORD.findall(row)]
        known = {"float32", "eps", "betas", "condition", "warmup", "share", "cos", "momentum", "gamma", *WORKLOADS}
        assert set(odd) <= known, (line, odd)


@pytest.mark.quick
def test_every_rule_has_a_chinese_summary_and_place_of_eps():
    for rule in rules.BUILT_IN:
        assert rule.summary() in rule_words.CHINESE, rule
        assert rule.eps_stands is None or rule.eps_stands in rule_words.CHINESE, rule


def test_paths_and_maps_are_told_in_chinese(command):
    _, shown, _ = command("trace sgd --lr 0.001 --steps 5 --lang zh")
    assert "rosenbrock 从 (-1.200000, 1.000000) 出发，共 5 步" in shown and "试试更大的学习率" in shown
    _, shown, _ = command("map basin sgd --size 5 --steps 5 --save m.png --lang zh")
    assert "5 x 5 个起点" in shown and "到达 " in shown and "图已保存到 m.png" in shown and "steps" not in shown
    _, shown, _ = command("map sweep sgd --over lr=1e-4:1 --over momentum=0:0.9 --size 3 --steps 5 --lang zh")
    assert "3 x 3 组设置" in shown and "逃逸" in shown and "steps" not in shown


@pytest.mark.parametrize("columns", [44, 100])
def test_a_comparison_is_told_in_chinese_within_the_columns(command, monkeypatch, write_workload, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    protocol = "--trials 4 --seeds 2 --searches 1 --search-seeds 1 --jobs 1"
    ask = f"compare {write_workload()} --optimizers 'sgd(lr=0.1),adam' {protocol} --out s --lang zh"
    code, shown, progress = command(ask)
    assert code == 0 and "已完成 9 / 9 次运行" not in shown and "次运行" in progress
    for text in ("学习率", "步数", "目标：", "种子", "报告："):
        assert text in shown
    assert max(map(cell_len, shown.partition("报告")[0].splitlines())) <= columns
    assert not WORD.findall(shown.partition("目标")[2].partition("报告")[0])
    *_, last = command("report s --lang zh")[1].splitlines()
    assert last.startswith("csv: ")
