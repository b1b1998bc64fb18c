"""A page for each workload, from its problem, its data set and its measurements, so that a new one has its page."""

from collections.abc import Callable, Iterator
from typing import Any

from tools.site.published import shown
from tools.site.tables import listed, table
from tools.site.words import say

from steepest.base.numbers import general
from steepest.report.words import label_text
from steepest.workloads import PLUGINS, WORKLOADS, Problem, find, summary
from steepest.workloads.about import datasets_of, measured_on, settings_of

__all__ = ["workload_pages"]

OWN = {"folder": "my_folder", "file": "my_text.txt"}
"""Settings that take a user's own data, and an example."""


def workload_pages(lang: str, section: Callable[[str, str], str]) -> dict[str, str]:
    """All pages by path, with one that lists them.

    Args:
        lang: `"en"` or `"zh"`.
        section: gives what a document says under a heading.
    """
    names = [*WORKLOADS, *(name for name in PLUGINS.plugins if name in PLUGINS)]
    pages = {f"workloads/{name}": _page(name, lang, section) for name in names}
    head = [say(word, lang) for word in ("workload", "what", "target", "steps")]
    rows = []
    for name in names:
        problem = find(name, try_out=False)
        rows.append((f"[{name}]({name}.md)", summary(name, lang), _target(problem, lang), f"{problem.steps:,}"))
    pages["workloads/index"] = "\n".join(
        [f"# {say('workloads', lang)}", "", say("workloads_about", lang), table(head, rows), listed(names)]
    )
    return pages


def _page(name: str, lang: str, section: Callable[[str, str], str]) -> str:
    problem, measured = find(name, try_out=False), measured_on(name)
    return "\n".join(
        [
            f"# {name}", "", summary(name, lang), "",
            *_picture(name, lang),
            table(("", ""), _facts(problem, measured, lang), "facts"),
            f"## {say('run', lang)}", "", f"```sh\nsteepest compare {name} --quick\nsteepest compare {name}\n```", "",
            f"## {say('own', lang)}", "", *_own(name, lang),
            f"## {say('data_title', lang)}", "", *_data(name, lang),
            f"## {say('measured', lang)}", "", *_measurement(measured, lang),
            *_more(name, lang, section),
        ]
    )  # fmt: skip


def _target(problem: Problem, lang: str) -> str:
    words = "at_least" if problem.higher_is_better else "at_most"
    return say(words, lang, getattr(label_text(problem.metric_name), lang), general(problem.target, 4))


def _facts(problem: Problem, measured: dict[str, Any] | None, lang: str) -> Iterator[tuple[str, str]]:
    yield say("target", lang), _target(problem, lang)
    yield say("steps", lang), f"{problem.steps:,}"
    if problem.batch_size is not None:
        yield say("batch", lang), str(problem.batch_size)
    if measured is None:
        return
    yield say("parameters", lang), f"{measured['parameters']:,}"
    cost = measured["cost"]
    seconds = [
        say("seconds_of", lang, general(value, 2), rule) for rule, value in cost["processor_seconds_a_run"].items()
    ]
    yield say("seconds", lang), "; ".join(seconds)
    steps = {rule: sum(parts.values()) for rule, parts in cost.get("milliseconds_a_step", {}).items()}
    if steps:
        told = [say("milliseconds_of", lang, general(value, 2), rule) for rule, value in steps.items()]
        yield say("milliseconds", lang), "; ".join(told)


# --- its settings, and a user's own data ------------------------------------------------------------------------------


def _own(name: str, lang: str) -> Iterator[str]:
    settings = settings_of(name)
    if not settings:
        yield say("own_none", lang)
        yield ""
        return
    yield say("own_about", lang)
    yield ""
    examples = [f"steepest compare \"{name}({setting}='{OWN[setting]}')\"" for setting in settings if setting in OWN]
    first, (default, _) = next(iter(settings.items()))
    if isinstance(default, int | float):
        examples.insert(0, f'steepest compare "{name}({first}={2 * default:g})"')
    yield "\n".join(["```sh", *examples, "```"])
    head = [say(word, lang) for word in ("setting", "default", "meaning")]
    rows = [(f"`{setting}`", f"`{default}`", text) for setting, (default, text) in settings.items()]
    yield table(head if lang == "zh" else [*head[:2], say("what", lang)], rows)


# --- its data ---------------------------------------------------------------------------------------------------------


def _data(name: str, lang: str) -> Iterator[str]:
    found = datasets_of(name)
    if not found:
        yield say("no_data", lang)
        yield ""
        return
    head = [say(word, lang) for word in ("data", "what", "licence", "source", "fetched")]
    rows = []
    for data in found:
        size = f"{data.size / 1e6:.1f} MB" if data.size and data.commands else say("comes_along", lang)
        rows.append((f"`{data.name}`", getattr(data.about, lang), getattr(data.licence, lang), data.source, size))
    yield table(head, rows)


# --- its measurements -------------------------------------------------------------------------------------------------


def _measurement(measured: dict[str, Any] | None, lang: str) -> Iterator[str]:
    if measured is None:
        yield say("not_measured", lang)
        yield ""
        return
    where = measured["measured"]
    yield say("measured_about", lang, where["date"], where["processor"], where["versions"]["torch"])
    rows = []
    for rule, facts in measured["rules"].items():
        rows.append((rule, f"{facts['lr']:g}", *_result(facts["best"], lang)))
        if "a_tenth" in facts:
            rows.append((say("tenth", lang, rule), f"{facts['lr'] / 10:g}", *_result(facts["a_tenth"], lang)))
    yield table([say(word, lang) for word in ("rule", "rate", "reached", "at", "ends")], rows)


def _result(run: dict[str, Any], lang: str) -> tuple[str, str, str]:
    middle = run["share_of_run"][1]
    at = "" if middle is None else f"{middle:.0%}"
    return say("of", lang, run["reached"], run["seeds"]), at, general(run["final"][1], 3)


# --- what else there is -----------------------------------------------------------------------------------------------


def _picture(name: str, lang: str) -> Iterator[str]:
    """What a model does at the end of a run of the published study."""
    if (made := shown().get(name)) is None:
        return
    if (file := made.file(name)) is not None:
        yield f"![{say('picture', lang, name)}](/{file})\n"
    else:
        yield f"````text\n{made.content.decode().rstrip()}\n````\n"
    yield f"{say('picture_about', lang, made.label, f'{made.steps:,}')}\n"


def _more(name: str, lang: str, section: Callable[[str, str], str]) -> Iterator[str]:
    """What docs/applications.md says about it: here where the page is English, and by a link where it is Chinese."""
    text = section("docs/applications.md", f"{name}:")
    if not text:
        return
    yield f"## {say('more', lang).removesuffix('（英文）') if lang == 'zh' else say('more', lang)}"
    yield ""
    yield text if lang == "en" else "[docs/applications.md](/compare/applications.md)（英文）"
