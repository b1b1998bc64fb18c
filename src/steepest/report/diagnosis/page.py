"""The page of a watched training: the state of the part `diagnosis` (`web/parts/diagnosis.js`), in one HTML file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base.checks import check_language
from ...base.numbers import general
from ...base.text import Text, visible
from ...findings.catalogue import DIAGNOSES, LESSONS, TRAINING, Finding
from ...web import Page, check_page_file, script_of
from .losses import trial_picture
from .pictures import pictures_of

if TYPE_CHECKING:
    from ...diagnose import Diagnosis, Doctor

__all__ = ["diagnosis_page", "write_page"]

Both = list[str]
"""A text in English and in Chinese."""

START = 12
"""The last of the steps that a picture marks as the start."""


def write_page(doctor: "Doctor", file: str | Path, lang: str | None = None, save: bool = True) -> Path:
    """Write the page of a training into a file; see `Doctor.report`.

    Args:
        save: whether this process is the one that writes.
    """
    if lang is not None:
        check_language(lang)
    check_page_file(file)
    return diagnosis_page(doctor, lang).save(file) if save else Path(file).expanduser()


def diagnosis_page(doctor: "Doctor", lang: str | None = None) -> Page:
    """The page of what a doctor has found so far."""
    state = state_of(doctor)
    title = f"steepest diagnose: {state['name']}"
    body = '<div data-steepest="diagnosis" data-state="diagnosis" data-alone></div>'
    script = script_of("{}", {"diagnosis": json.dumps(state, ensure_ascii=False, separators=(",", ":"))})
    return Page.of(body, script, title=title, lang=lang)


def state_of(doctor: "Doctor") -> dict[str, Any]:
    """What the page shows, as data."""
    found, record = doctor.findings, doctor.record
    pictures = pictures_of(record)
    told = [_finding(finding, pictures, record.steps) | {"proofs": _proofs(doctor, finding.code)} for finding in found]
    return {
        "landscape": None,
        "name": _name(doctor),
        "lead": _lead([finding.code for finding in found]),
        "counts": _counts(record.steps, record.observed),
        "findings": told,
        "unseen": [_sentence(finding.text("en"), finding.text("zh")) for finding in doctor.unseen],
        "pictures": pictures,
        "looked": _looked({finding.code for finding in found}),
        "facts": _facts(doctor),
        "code": _code(doctor),
    }


# --- sentences --------------------------------------------------------------------------------------------------------


def _name(doctor: "Doctor") -> str:
    """What was trained: the script of the command, else the class of the model."""
    words = doctor.origin.command.split()
    script = next((word for word in words if word.endswith(".py")), "")
    return visible(Path(script).name or doctor.origin.model or "model")


def _lead(codes: list[str]) -> Both:
    if not codes:
        return ["Nothing was found.", "没有发现问题。"]
    first, count = _title(codes[0]), len(codes)
    others = Text("", "") if count == 1 else Text(f", and {count - 1} more", f"，另有 {count - 1} 项")
    return [f"{first[0]}{others.en}.", f"{first[1]}{others.zh}。"]


def _title(code: str) -> Both:
    title = DIAGNOSES["findings"][code]["title"]
    return [_capital(title["en"]), title["zh"]]


def _counts(steps: int, observed: int) -> Both:
    en, zh = (
        f"{steps:,} steps were watched, {observed:,} of them observed.",
        f"共 {steps:,} 步，其中观察了 {observed:,} 步。",
    )
    least = TRAINING.stuck_steps
    if 0 < steps < least:
        en += f" Whether a training learns nothing can be told after {least} steps."
        zh += f"训练是否什么都没学到，要到 {least} 步之后才能判断。"
    return [en, zh]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(en: str, zh: str) -> Both:
    return [f"{_capital(en)}.", f"{zh}。"]


def _finding(finding: "Diagnosis", pictures: dict[str, Any], steps: int) -> dict[str, Any]:
    entry, lesson = DIAGNOSES["findings"][finding.code], LESSONS[finding.code]
    picture = picture_of(finding)
    return {
        "code": finding.code,
        "title": _title(finding.code),
        "certain": finding.certain,
        "first": finding.first_step,
        "happened": _sentence(finding.happened("en"), finding.happened("zh")),
        "why": [lesson["why"]["en"], lesson["why"]["zh"]],
        "advice": _sentence(finding.advice("en"), finding.advice("zh")),
        "picture": picture if picture in pictures else "loss" if "loss" in pictures else None,
        "mark": _mark(lesson["mark"], finding, steps),
        "row": finding.numbers.get("name"),
        "limits": [[name, _limit(getattr(TRAINING, name))] for name in _fact(finding, "limits")],
        "alarms": entry.get("alarms"),
    }


def _proofs(doctor: "Doctor", code: str) -> list[dict[str, Any]]:
    """What came of trying the finding's advice, with the losses of both ways."""
    return [
        {
            "verdict": proof.verdict,
            "text": _sentence(proof.text("en"), proof.text("zh")),
            "pictures": [picture for trial in proof.trials if (picture := trial_picture(trial)) is not None],
        }
        for proof in doctor.proofs
        if proof.code == code
    ]


def picture_of(finding: Finding) -> str:
    """The name of the picture that shows a finding.

    >>> picture_of(Finding("lr_high", {"sign": "leap"})), picture_of(Finding("dead_units"))
    ('loss', 'silent')
    """
    return str(_fact(finding, "picture"))


def _fact(finding: Finding, name: str) -> Any:
    """A fact of `lessons.toml` about a finding, or about its variant."""
    lesson = LESSONS[finding.code]
    return lesson[name] if not isinstance(lesson[name], dict) else lesson[name][finding.numbers[lesson["by"]]]


def _mark(kind: str, finding: "Diagnosis", steps: int) -> list[int] | None:
    """The first and the last step that the picture marks."""
    last = max(steps - 1, 0)
    windows = {"at": (finding.first_step, finding.first_step), "on": (finding.first_step, last), "start": (0, START)}
    if kind not in windows:
        return None
    first, end = windows[kind]
    return [min(first, last), min(end, last)]


def _limit(value: Any) -> str:
    return " … ".join(map(general, value)) if isinstance(value, list) else general(value)


def _looked(found: set[str]) -> dict[str, list[dict[str, Any]]]:
    """All that can be found, exact or by signs, and what of it was."""
    shown: dict[str, list[dict[str, Any]]] = {"exact": [], "signs": []}
    for code, entry in DIAGNOSES["findings"].items():
        if code in LESSONS:
            shown["exact" if entry.get("certain") else "signs"].append(
                {"code": code, "title": _title(code), "found": code in found, "alarms": entry.get("alarms")}
            )
    return shown


# --- how to reproduce it ----------------------------------------------------------------------------------------------


def _facts(doctor: "Doctor") -> list[dict[str, Any]]:
    """Names and values of the origin in both languages, without those that are not known."""
    origin = doctor.origin
    versions = ", ".join(f"{name} {number}" for name, number in origin.versions.items())
    model = [f"{origin.model}, {origin.parameters:,} parameters", f"{origin.model}，{origin.parameters:,} 个参数"]
    rows: list[tuple[Text, str | Both, bool]] = [
        (Text("command", "命令"), visible(origin.command), True),
        (Text("model", "模型"), model if origin.model else "", False),
        (Text("optimizer", "优化器"), "; ".join(origin.optimizers), True),
        (Text("seed", "随机种子"), "" if origin.seed is None else f"torch.manual_seed({origin.seed})", True),
        (Text("versions", "版本"), versions, False),
        (Text("machine", "机器"), ", ".join(filter(None, (origin.machine, origin.device))), False),
        (Text("began", "开始于"), origin.created, False),
    ]
    return [
        {"name": [name.en, name.zh], "value": value if isinstance(value, list) else [value, value], "code": code}
        for name, value, code in rows
        if value
    ]


def _code(doctor: "Doctor") -> str:
    """Lines that watch the training again."""
    origin = doctor.origin
    seed = "" if origin.seed is None else f"torch.manual_seed({origin.seed})\n"
    model = f"model = {origin.model}(...)\n" if origin.model.isidentifier() else ""
    made = "".join(f"# {text}\n" for text in origin.optimizers)
    return (
        f"import steepest, torch\n\n{seed}{model}{made}with steepest.watch(model, optimizer) as doctor:\n"
        '    ...  # the loop; doctor.step(loss) after each step\ndoctor.report("run.html")\n'
    )
