"""The catalogue of findings: every code in both languages, with the same numbers, and how templates are filled."""

import re

import pytest

from steepest.base.errors import InvalidValue
from steepest.base.status import Status
from steepest.findings.catalogue import CATALOGUE, DIAGNOSES, ENTRIES, FIELD, PHRASES, PROOFS, Finding
from steepest.findings.outcome import CAUSES
from steepest.paths.maps import End

CODES = CATALOGUE["findings"]


def fields(template, lang):
    """Names of the numbers that a template is filled from, those of its phrases included; `*` before an entry's."""
    names = set()
    for name, key, form in FIELD.findall(template):
        if key:
            variants = PHRASES[name].values()
            names |= {key}.union(*(fields(variant[lang], lang) for variant in variants))
        elif form in PHRASES:
            names |= {name} | {f"*{each}" for each in fields(PHRASES[form]["each"][lang], lang)}
        else:
            names.add(name)
    return names


@pytest.mark.quick
@pytest.mark.parametrize("code", ENTRIES)
def test_both_languages_say_the_same_numbers(code):
    entry = ENTRIES[code]
    assert set(entry) <= {"status", "en", "zh", "advice", "unrated"} | (
        {"title", "certain", "unless", "alarms", "information", "former"} if code in DIAGNOSES["findings"] else set()
    )
    assert entry.get("status", "FINISHED") in Status.__members__
    none = {"en": "none", "zh": "无"}
    for texts in (entry, entry.get("advice", none), entry.get("unrated") or none):
        assert fields(texts["en"], "en") == fields(texts["zh"], "zh")
        assert any("\u4e00" <= letter <= "\u9fff" for letter in re.sub(FIELD, "", texts["zh"])) or FIELD.fullmatch(
            texts["zh"]
        )


def test_a_finding_that_was_stored_before_its_sentence_had_variants_is_told_as_it_was():
    stored = Finding.from_json('{"code": "weight_decay", "numbers": {"decay": 0.5, "pull": 3.0, "shrunk": 0.4}}')
    assert stored.text() == (
        "weight decay 0.5 pulls 3 times as much as the gradient, and the weights have shrunk to 40 % of their start; "
        "try a hundredth of it"
    )
    assert Finding("weight_decay", {"kind": "penalty", "share": 0.4, "shrunk": 0.4}).numbers["kind"] == "penalty"


def test_paths_and_trainings_share_no_name_and_what_explains_a_finding_exists():
    catalogues = (CATALOGUE, DIAGNOSES, PROOFS)
    assert len(ENTRIES) == sum(len(catalogue["findings"]) for catalogue in catalogues)
    assert len(PHRASES) == sum(len(catalogue["phrases"]) for catalogue in catalogues)
    for code, entry in DIAGNOSES["findings"].items():
        assert code.startswith("unseen_") or "information" in entry or {"en", "zh"} == set(entry["title"])
        assert "status" not in entry and set(entry.get("unless", [])) <= DIAGNOSES["findings"].keys() - {code} | {"*"}


def test_every_phrase_is_used_and_has_both_languages():
    texts = str(ENTRIES) + str(PHRASES["trials"])
    for name, variants in PHRASES.items():
        assert f"{{{name}[" in texts or f":{name}}}" in texts or name == "basin", name
        assert all(set(variant) == {"en", "zh"} for variant in variants.values())
    assert list(CATALOGUE["phrases"]["basin"]) == [end.name.lower() for end in End]  # named by maps, not by a finding


def test_every_cause_has_a_status_and_every_ending_of_a_path_a_cause():
    causes = [code for code, *_ in CAUSES]
    assert len(set(causes)) == len(causes) and all("status" in CODES[code] for code in causes)
    domain = {"no_value_at_start", "no_value", "no_gradient"}
    training = {"loss_non_finite", "loss_above_start", "target_reached", "target_missed", "stopped_early"}
    lost = {
        "run_raised", "out_of_memory", "run_timed_out", "data_timed_out", "loading_timed_out", "process_exited",
        "process_died", "processes_died", "killed_from_outside", "given_up_by_ray",
    }  # fmt: skip
    assert {code for code, entry in CODES.items() if "status" in entry} == {*causes, *domain, *training, *lost}


def test_fields_of_every_form():
    found = Finding("own_rates", {"rates": [{"axis": "x", "rate": 0.123}, {"axis": "y", "rate": 4e-7}]})
    assert found.text().endswith("a lasting unit of gradient now moves x by 0.12 and y by 4e-07 a step.")
    assert found.text("zh").endswith("一个单位的持续梯度现在每步让 x 移动 0.12，让 y 移动 4e-07。")
    pace = Finding("pace", {"share": 0.99951, "turns": False, "curvature": 2.0})
    assert pace.text() == "Each step leaves 99.95 % of the distance (curvature λ = 2)."
    late = Finding("ran_down", {"step": 123456})
    assert "at step 123456:" in late.text() and (late.status, late.step) == (Status.DIVERGED, 123456)


def test_advice_follows_what_happened():
    numbers = {"kind": "saddle", "point": (0.0, -1.5), "noisy": False}
    found = Finding("stuck_at", numbers)
    assert found.happened() == "stuck on the saddle at (0, -1.5), where the gradient vanishes"
    assert found.advice() == "a little noise would free it"
    assert str(found) == found.message == f"{found.happened()}; {found.advice()}"
    assert found.text("zh") == f"{found.happened('zh')}；{found.advice('zh')}"
    assert Finding("converged", numbers).advice("zh") == ""
    assert found == Finding("stuck_at", dict(numbers)) != Finding("converged", numbers)


def test_in_chinese_numbers_stand_apart_from_characters_but_not_from_marks():
    place = {"kind": "saddle", "point": (0.0, 0.0)}
    assert Finding("converged", place).text("zh") == "收敛到鞍点 (0, 0)"
    assert Finding("slows_down", place | {"distance": 0.5}).text("zh") == (
        "在鞍点 (0, 0) 附近慢下来，相距 0.5，那里梯度为零"
    )


@pytest.mark.parametrize("lang", ["fr", ""])
def test_a_language_that_the_catalogue_lacks_is_refused(lang):
    with pytest.raises(InvalidValue, match=f"^lang: must be en or zh, got {lang!r}$"):
        Finding("ran_down", {"step": 1}).text(lang)
