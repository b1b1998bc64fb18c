"""A rule is as short as its equation: 40 lines of code a class, without its documentation."""

import ast
import inspect
import io
import textwrap
import tokenize

import pytest

from steepest.rules import BUILT_IN, WRAPPERS

LONGEST = 40
BESIDE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def lines_of_code(described):
    """How many lines hold code: no comment, no docstring, no empty line."""
    text = textwrap.dedent(inspect.getsource(described))
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in BESIDE]
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


@pytest.mark.quick
@pytest.mark.parametrize("rule", [*BUILT_IN, *WRAPPERS.values()], ids=lambda rule: rule.__name__)
def test_a_rule_is_short(rule):
    assert 5 < lines_of_code(rule) <= LONGEST
