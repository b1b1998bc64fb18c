"""Length and direction of the steps: learning rates, signs, clipping, weight decay, eps."""

from collections.abc import Callable

from .remedy import Case, Makers, Remedy, Setup

__all__ = ["REMEDIES"]


def _slower(case: Case) -> list[Remedy]:
    slower = [Remedy("rate", _times(factor), {"factor": factor}) for factor in (1 / 3, 1 / 10, 1 / 30)]
    return slower + [Remedy("memory", _remembering)] * bool(case.numbers.get("heavy"))


def _finite(case: Case) -> list[Remedy]:
    if case.numbers.get("cause") != "growth":
        return []
    return [Remedy("rate", _times(factor), {"factor": factor}, ("start",)) for factor in (1 / 3, 1 / 10, 1 / 30)]


def _faster(case: Case) -> list[Remedy]:
    return [Remedy("rate", _times(factor), {"factor": factor}) for factor in (3.0, 10.0, 100.0)]


def _times(factor: float) -> Callable[[Setup], None]:
    def change(setup: Setup) -> None:
        for group in setup.groups():
            group["lr"] = group["lr"] * factor

    return change


def _remembering(setup: Setup) -> None:
    for group in setup.groups():
        if "momentum" in group:
            group["momentum"] = 0.9
        elif "betas" in group:
            group["betas"] = (0.9, *group["betas"][1:])


def _downhill(case: Case) -> list[Remedy]:
    if case.numbers.get("by") in ("trend", "unbounded"):  # the same loss and gradient may be right of other targets
        return []
    if case.numbers.get("by") == "turned":  # in code of the loop
        return []

    def change(setup: Setup) -> None:
        setup.factor = -setup.factor

    return [Remedy("downhill", change)]


def _averaged(case: Case) -> list[Remedy]:
    count = int(case.numbers["count"])

    def change(setup: Setup) -> None:
        setup.factor /= count

    return [Remedy("divided", change, {"count": count})]


def _clipped_later(case: Case) -> list[Remedy]:
    if case.numbers["kind"] == "entries":  # what clamps them is code of the loop, or hooks that copies do not have
        return []
    norm = float(case.numbers["norm"])

    def change(setup: Setup) -> None:
        setup.clip = norm

    return [Remedy("clip", change, {"norm": norm})]


def _one_rate(case: Case) -> list[Remedy]:
    rate = float(case.numbers["low" if case.numbers["kind"] == "high" else "high"])

    def change(setup: Setup) -> None:
        for group in setup.groups():
            group["lr"] = rate

    return [Remedy("one_rate", change, {"rate": rate})]


def _rate_back(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        for group, (_, high, _) in zip(setup.groups(), case.record.rates, strict=False):
            group["lr"] = high

    return [Remedy("rate_back", change, {"rate": float(case.numbers["high"])}, ("now",))]


def _less_decay(case: Case) -> list[Remedy]:
    if case.numbers["kind"] == "penalty":  # a part of the loss, which is code of the loop
        return []

    def change(setup: Setup) -> None:
        for group in setup.groups():
            if group.get("weight_decay"):
                group["weight_decay"] = group["weight_decay"] / 100

    return [Remedy("decay", change, {"decay": float(case.numbers["decay"]) / 100})]


def _small_eps(case: Case) -> list[Remedy]:
    def change(setup: Setup) -> None:
        for group in setup.groups():
            if "eps" in group:
                group["eps"] = 1e-8

    return [Remedy("eps", change, {"eps": 1e-8})]


REMEDIES: Makers = {
    "lr_high": _slower,
    "nan": _finite,
    "lr_low": _faster,
    "ascent": _downhill,
    "accumulation": _averaged,
    "clip": _clipped_later,
    "group_lr": _one_rate,
    "lr_vanished": _rate_back,
    "weight_decay": _less_decay,
    "eps_large": _small_eps,
}
"""By the codes of their findings."""
