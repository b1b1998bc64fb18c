"""The grammar of typed formulas as one table: operators, functions, names, limits, messages in English and Chinese.

`parser.py` reads it here, the page's parser reads the same table as data that the build hands over.
"""

from typing import Any

__all__ = ["GRAMMAR"]

LETTER = r"[^\x00-@\[-^`{-\x7f\ud800-\udfff⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻≤≥√∛¼-¾⅐-⅞]"
"""A letter of a name: in ASCII A to Z, a to z and _, beyond it all that nothing else claims."""

COMPARISONS = {"<": "lt", "<=": "le", "≤": "le", ">": "gt", ">=": "ge", "≥": "ge"}

GRAMMAR: dict[str, Any] = {
    "comparisons": sorted(set(COMPARISONS.values())),
    "longest": 1000,
    "deepest": 100,
    "brackets": 200,
    # operation, how tightly it binds what stands at its left and at its right
    "infix": {
        **{sign: [operation, 10, 11] for sign, operation in COMPARISONS.items()},
        "+": ["add", 20, 21], "-": ["sub", 20, 21], "*": ["mul", 30, 31], "/": ["truediv", 30, 31],
        "**": ["pow", 50, 50], "^": ["pow", 50, 50],
    },
    "prefix": {"-": ["neg", 40], "+": ["pos", 40], "√": ["sqrt", 50], "∛": ["cbrt", 50]},
    # operation, number of arguments
    "functions": {
        **{name: [name, 1] for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan")},
        **{name: [name, 1] for name in ("sign", "relu", "sigmoid", "log10", "log2", "cot", "cbrt")},
        "abs": ["absolute", 1], "maximum": ["maximum", 2], "minimum": ["minimum", 2], "where": ["where", 3],
    },
    # functions that are formulas of the others; sigmoid in a form that never overflows
    "definitions": {
        "relu": "maximum(x, 0)", "sigmoid": "(1 + tanh(x/2))/2", "log10": "log(x)/log(10)", "log2": "log(x)/log(2)",
        "cot": "1/tan(x)", "cbrt": "sign(x)*abs(x)**(1/3)",
    },
    "aliases": {
        "ln": "log", "lg": "log10", "max": "maximum", "min": "minimum", "atan": "arctan", "arctg": "arctan",
        "tg": "tan", "ctg": "cot", "sgn": "sign", "ReLU": "relu", "σ": "sigmoid", "π": "pi",
    },
    "constants": {"pi": 3.141592653589793, "e": 2.718281828459045},
    "coordinates": {"x": 0, "y": 1, **{f"x{i + 1}": i for i in range(9)}, **{f"x_{i + 1}": i for i in range(9)}},
    # characters that stand for others, beside those that Unicode itself says are the same, such as full-width ones
    "letters": {
        **dict.fromkeys("−–—‐", "-"), **dict.fromkeys("×·⋅∙•∗✕", "*"), **dict.fromkeys("÷∕⁄", "/"),
        "∣": "|", "、": ",", "。": ".", "⩽": "≤", "⩾": "≥",
    },
    "superscripts": {**{sign: str(i) for i, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}, "⁺": "+", "⁻": "-"},
    # in the order in which they are tried; every character outside ASCII that nothing else claims is part of a name
    "tokens": {
        "space": r"[ \t\f]+|#.*",
        "number": r"0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+"
                  r"|(?:[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)"
                  r"(?:[eE][+-]?[0-9](?:_?[0-9])*)?",
        "superscript": r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+",
        "sign": r"\*\*|//|<<|>>|<=|>=|==|!=|:=|[≤≥√∛]",
        "name": rf"{LETTER}(?:{LETTER}|[0-9])*",
        "other": r"[\s\S]",
    },
    "lines": "[\n-\r\x1c-\x1e\x85\u2028\u2029]",
    "messages": {
        "empty": ["is empty; write for example x**2", "是空的；例如写 x**2"],
        "long": ["longer than {limit} characters", "超过 {limit} 个字符"],
        "line": ["must be a single line", "只能写一行"],
        "foreign": ["{shown} is not allowed; use numbers, coordinates, + - * / ^ and functions",
                    "不允许写 {shown}；请用数、坐标、+ - * / ^ 和函数"],
        "equals": ["= is not allowed; write only the right side, such as x**2", "不允许写 =；只写右边，例如 x**2"],
        "round": ["{shown} is not allowed; use round brackets", "不允许写 {shown}；请用圆括号"],
        "name": ["unknown name {shown}; {hint}", "不认识名称 {shown}；{hint}"],
        "function": ["unknown function {shown}; {hint}", "不认识函数 {shown}；{hint}"],
        "missing": ["a number, a coordinate or a function is missing here", "这里缺少数、坐标或函数"],
        "beside": ["a sign is missing before {shown}; write * for a product", "{shown} 前面缺少符号；乘号请写 *"],
        "comma": ["a comma may stand only between the arguments of a function; write decimals with a point",
                  "逗号只能用在函数的参数之间；小数请用小数点"],
        "unclosed": ["{shown} was never closed", "{shown} 没有配对的右括号"],
        "bar": ["'|' was never closed; write abs(...) where bars are not clear", "'|' 没有配对；可以改写为 abs(...)"],
        "unopened": ["{shown} was never opened", "{shown} 没有配对的左括号"],
        "bare": ["{shown} needs an argument, such as {shown}(x)", "{shown} 需要参数，例如 {shown}(x)"],
        "bracket": ["where does the argument of {shown} end? write {shown}(...)",
                    "{shown} 的参数到哪里为止？请写成 {shown}(...)"],
        "inverse": ["{shown} may be raised only to a plain number, such as {shown}^2(x); write {shown}(x)^(...)",
                    "{shown} 的上标只能是普通的数，例如 {shown}^2(x)；请写成 {shown}(x)^(...)"],
        "arguments": ["{shown} takes {count} argument{s}, got {given}", "{shown} 需要 {count} 个参数，给了 {given} 个"],
        "comparison": ["a comparison may stand only as the first argument of where", "比较只能作为 where 的第一个参数"],
        "where": ["where needs a comparison first, such as x > 0", "where 的第一个参数要是比较，例如 x > 0"],
        "deep": ["is nested deeper than {limit} levels", "嵌套超过 {limit} 层"],
        "brackets": ["has more than {limit} brackets in each other", "括号嵌套超过 {limit} 层"],
        "infinite": ["{shown} is not a finite real number", "{shown} 不是有限的实数"],
        "constant": ["has no coordinate; use x, or x and y, or x1, x2, ...",
                     "没有坐标；请用 x，或 x 和 y，或 x1、x2……"],
        "mixed": ["mixes x, y with x1, x2, ...; use one kind", "混用了 x、y 与 x1、x2；请只用一种"],
        "dims": ["has {count} coordinates; the page shows up to {limit}", "有 {count} 个坐标；本页最多显示 {limit} 个"],
    },
}  # fmt: skip
