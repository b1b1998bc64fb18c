"""Chinese messages: every error that the library raises has one, with the same fields; nothing else is changed."""

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

import steepest
from steepest.base import translation
from steepest.base.errors import InvalidValue, UnknownName, did_you_mean
from steepest.base.translation import in_chinese
from steepest.cli import language, words
from steepest.findings.catalogue import Finding

SOURCE = Path(steepest.__file__).parent
ERRORS = {"InvalidValue", "NotRecorded", "SteepestError", "UnknownName", "UnknownSetting"}
HINTS = {"did_you_mean", "uncapturable"}
"""Functions whose results are parts of messages."""

CODE = re.compile(r"def |\w+ = ")
WORD = re.compile("[A-Za-z]{3}")


def catalogue() -> dict[str, str]:
    return {"{}".join(pieces): chinese for pieces, chinese in translation._templates()}


def texts(node: ast.expr | None, scope: dict[str, list[ast.expr]]) -> list[str]:
    """What an expression may say, with `{}` for what is not known before it runs."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(part.value if isinstance(part, ast.Constant) else "{}" for part in parts)]
        case ast.IfExp(body=one, orelse=other):
            return texts(one, scope) + texts(other, scope)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return ["".join(both) for both in product(texts(left, scope), texts(right, scope))]
        case ast.Name(id=name) if name in scope:
            return [text for value in scope[name] for text in texts(value, {})]
    return ["{}"]


def parts_of(node: ast.expr, scope: dict[str, list[ast.expr]]) -> Iterator[str]:
    """Sentences within the fields of an f-string: alternatives, and texts that stand in a variable."""
    for field in ast.walk(node):
        if isinstance(field, ast.FormattedValue) and isinstance(field.value, ast.IfExp | ast.Name):
            yield from (text for text in texts(field.value, scope) if " " in text.strip() and not CODE.match(text))


def assigned(function: ast.AST) -> dict[str, list[ast.expr]]:
    """The expressions that a function assigns to each of its names."""
    scope: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=False))
                for name, value in pairs:
                    if isinstance(name, ast.Name):
                        scope.setdefault(name.id, []).append(value)
    return scope


def raised() -> dict[str, str]:
    """Every message that is raised on purpose, as a template, with its place."""
    found: dict[str, str] = {}
    for file in SOURCE.rglob("*.py"):
        if "testing" in file.parts:  # for whoever writes a plugin
            continue
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            scope = assigned(function)
            for node in ast.walk(function):
                given = None
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS and node.args:
                    given = node.args[0]
                if isinstance(node, ast.Return) and function.name in HINTS:
                    given = node.value
                if given is not None:
                    place = f"{file.relative_to(SOURCE)}:{node.lineno}"
                    found |= dict.fromkeys([*texts(given, scope), *parts_of(given, scope)], place)
    return {text: place for text, place in found.items() if WORD.search(text.replace("{}", ""))}


@pytest.mark.quick
def test_every_message_that_is_raised_is_there_in_chinese():
    messages = raised()
    assert len(messages) > 180
    assert {text: place for text, place in messages.items() if text not in catalogue()} == {}


@pytest.mark.quick
def test_a_translation_has_the_fields_of_its_message():
    for english, chinese in catalogue().items():
        fields = [int(field) for field in re.findall(r"\{(\d)\}", chinese)]
        assert set(fields) <= set(range(english.count("{}"))), english
        # an ending, such as that of a plural, is the only field that Chinese may lack
        lacking = set(range(english.count("{}"))) - set(fields)
        assert not lacking or english.startswith(("start: {} has {} coord", "{} coordinate", "{}: {} {} changed")), (
            english
        )


@pytest.mark.quick
def test_each_message_is_known_by_its_own_template():
    for english, chinese in catalogue().items():
        values = [f"<{index}>" for index in range(english.count("{}"))]
        message = "".join(map("".join, zip(english.split("{}"), [*values, ""], strict=True)))
        assert in_chinese(message) == re.sub(r"\{(\d)\}", r"<\1>", chinese), english


@pytest.mark.quick
def test_fields_are_translated_in_turn_but_nothing_that_a_user_wrote():
    assert in_chinese("unknown rule 'adm'; did you mean 'adam'?") == "没有优化器 'adm'；是否想写 'adam'？"
    assert in_chinese("unknown rule 'is a folder'; known: a, b") == "没有优化器 'is a folder'；已知的有：a, b"
    assert in_chinese("mine.py: line 3: KeyError: 'x or y'") == "mine.py: 第 3 行：KeyError: 'x or y'"
    for other in ("out of memory", "", "ZeroDivisionError: division by zero", "{} {0}"):
        assert in_chinese(other) == other


STRAY = re.compile("[\u2e80-\u9fff\uff00-\uffef] (?=[\u2e80-\u9fff\uff00-\uffef])")
PLACEHOLDERS = re.compile(r"文件夹|名称(\(|!?=[\w:,]*)|(?<=get )名称|下限:上限")
"""Stand in what is to be typed, with spaces around it."""


@pytest.mark.quick
def test_a_message_that_begins_with_what_a_user_wrote_is_translated():
    assert in_chinese("'zipf(3)': zipf takes no settings") == "'zipf(3)'：zipf 没有设置"
    assert in_chinese("'no such file'") == "'no such file'"  # all of it is a user's


@pytest.mark.quick
def test_no_space_stands_between_chinese_characters_where_a_field_is_chinese_too():
    for chinese in (*catalogue().values(), *words.CHINESE.values()):
        assert not STRAY.search(PLACEHOLDERS.sub("x", chinese)), chinese
    for english, chinese in catalogue().items():
        told = in_chinese(english.replace("{}", "no such file"))
        assert len(STRAY.findall(told)) == len(STRAY.findall(re.sub(r"\{\d\}", "x", chinese))), told
    assert in_chinese("w.py: `loss` raised line 11: KeyError: 'a b'") == "w.py：`loss` 出错：第 11 行：KeyError: 'a b'"
    assert in_chinese(
        "w.py: `evaluate` gave a tensor of shape (3,) for 'loss', not a number"
    ) == "w.py：`evaluate` 给出的 'loss' 是形状为 (3,) 的张量，不是数"  # fmt: skip
    raised = Finding("run_raised", {"words": "line 3: KeyError: '我的 表'"})
    assert raised.text("zh") == "第 3 行：KeyError: '我的 表'"  # what a user wrote stays


@pytest.mark.quick
def test_what_commands_print_has_no_such_space_either(monkeypatch):
    monkeypatch.setattr(language, "_used", "zh")
    for english, chinese in words.CHINESE.items():
        if (count := len(re.findall(r"\{\d?\}", chinese))) and "{:" not in chinese:
            told = language.translate(english, *["文件"] * count)
            assert len(STRAY.findall(told)) == len(STRAY.findall(re.sub(r"\{\d?\}", "x", chinese))), told
            assert language.translate(english, *["(x y)"] * count) == chinese.format(*["(x y)"] * count)


@pytest.mark.quick
def test_what_encloses_a_message_does_not_cut_it_in_two():
    told = in_chinese("--range 'lr=nan:1': low must be less than high and both finite, got nan:1")
    assert told == "--range 'lr=nan:1'：下限必须小于上限，且都有限，而不是 nan:1"


def test_an_error_has_a_text_in_both_languages_and_is_english_itself():
    with pytest.raises(UnknownName) as caught:
        steepest.trace("adm", "bowl")
    assert str(caught.value) == caught.value.text() == f"unknown rule 'adm'; {did_you_mean('adm', ['adam'])}"
    assert caught.value.text("zh") == "没有优化器 'adm'；是否想写 'adam'？"
    with pytest.raises(InvalidValue) as caught:
        steepest.trace("sgd", "sine(x)")
    assert caught.value.text("zh").startswith("公式：不认识函数 'sine'；是否想写 ")
    assert caught.value.text("zh").splitlines()[1:] == str(caught.value).splitlines()[1:]  # where it is
