"""The numbers of stations about networks: their uses, the state of their optimizers, and those that the page trains."""

import numpy as np

from ...program.character import memory
from ...rules import RULES, SGD
from .. import network, rare_words
from ..plane import Plane, full_loss
from ..uses import IMAGENET, PEOPLE
from .registry import Facts, Numbers, rule_of, station

# --- rows 1 and 17 ----------------------------------------------------------------------------------------------------


@station("uses")
def _(facts: Facts) -> Numbers:
    (first_year, first, *_), *_, (last_year, last, *_) = IMAGENET
    year, below = next((year, error) for year, error, *_ in IMAGENET if error < PEOPLE)
    factor, share = first / last, (last / first) ** (1 / (last_year - first_year))
    return {
        "people": PEOPLE, "year": year, "below": below, "first_year": first_year, "first": first,
        "last_year": last_year, "last": last, "factor": factor, "factor_low": factor - 0.1, "factor_high": factor + 0.1,
        "factor_text": f"{factor:.1f}", "years": last_year - first_year, "share": share, "kept": 100 * share,
    }  # fmt: skip


@station("cards")
def _(facts: Facts) -> Numbers:
    millions, size, number = 25, memory(RULES["adam"]()).size, 4
    megabytes, here = round(millions * size), network.first_weights(network.images().pixels.shape[1], seed=0).size
    return {
        "weights": millions, "bytes": number, "megabytes": megabytes, "low": 0.95 * megabytes,
        "high": 1.05 * megabytes, "here": here, "kept": round(size / number), "kilobytes": here * size / 1000,
    }  # fmt: skip


# --- networks that are trained in the page ----------------------------------------------------------------------------


@station("mini-batch")
def _(facts: Facts) -> Numbers:
    state, found = facts["figure"]["state"], network.images()
    weights, large = network.first_weights(found.pixels.shape[1], state["seed"]), state["batch"]
    rows = range(found.train)
    single = np.array([network.loss_of(weights, found.pixels[[i]], found.labels[[i]])[1] for i in rows])
    noise = float(np.sqrt(((single - single.mean(axis=0)) ** 2).sum(axis=1).mean()))
    gain = float(np.sqrt(large * (found.train - 1) / (found.train - large)))  # no image is in a batch twice
    return {
        "weights": weights.size, "images": found.train, "large": large, "gain": gain,
        "single": noise, "batch": noise / gain, "updates": found.train,
        "batch_updates": found.train // large, "steps": state["steps"], "goal": 0.1,
    }  # fmt: skip


@station("rare-words")
def _(facts: Facts) -> Numbers:
    """Each rule at the best of the rates that are tried, by the loss on the texts held out."""
    state, tried = facts["figure"]["state"], facts["figure"]["tried"]
    batch, steps, seed, (decaying, own) = state["batch"], state["steps"], state["seed"], state["rules"]
    decay = decaying["schedule"]["rate"]
    schedules = (f"inverse_sqrt(rate={decay})", "constant")
    ends = []
    for rule, schedule, rates in zip((decaying, own), schedules, tried, strict=True):
        found = {lr: rare_words.train(rule_of(rule["id"], {"lr": lr}), schedule, batch, steps, seed) for lr in rates}
        best = min(found, key=lambda lr: found[lr].loss)
        if best != rule["settings"]["lr"]:
            raise ValueError(f"rare-words: of the rates tried {best} is the best of {rule['id']}, not what is shown")
        ends.append(found[best])
    rank, goal = 100, 90
    return {
        "train": rare_words.SIZES["train"], "vocabulary": rare_words.SIZES["vocabulary"], "steps": steps, "rank": rank,
        "frequent": float(ends[1].rates[0]), "rare": float(ends[1].rates[rank - 1]), "near": 5,
        "ratio": float(ends[1].rates[rank - 1] / ends[1].rates[0]), "decayed": float(ends[0].rates[0]),
        "sgd_lr": decaying["settings"]["lr"], "sgd": 100 * ends[0].accuracy, "adagrad": 100 * ends[1].accuracy,
        "sgd_tried": ", ".join(map(str, tried[0])), "adagrad_tried": ", ".join(map(str, tried[1])),
        "goal": goal / 100, "goal_percent": goal,
    }  # fmt: skip


@station("race")
def _(facts: Facts) -> Numbers:
    state = facts["figure"]["state"]
    ends = {
        rule["id"]: network.train(rule_of(rule["id"], rule["settings"]), state["batch"], state["steps"], state["seed"])
        for rule in state["rules"]
    }
    losses = [end["loss"] for end in ends.values()]
    numbers: Numbers = {"batch": state["batch"], "steps": state["steps"], "goal": 0.1}
    for rule in state["rules"]:
        name = rule["id"]
        numbers |= {
            f"{name}_lr": rule["settings"]["lr"], f"{name}_loss": ends[name]["loss"],
            name: 100 * ends[name]["accuracy"],
        }  # fmt: skip
    end = network.train(SGD(lr=1.0), state["batch"], state["steps"], state["seed"])
    right, held = ends["adam"]["accuracy"], len(network.images().pixels) - network.images().train
    return numbers | {
        "winner": losses.index(min(losses)), "better_lr": 1, "better": end["loss"],
        "held": held, "error": 100 * float(np.sqrt(right * (1 - right) / held)),
    }  # fmt: skip


@station("loss-slice")
def _(facts: Facts) -> Numbers:
    state = facts["figure"]["state"]
    batch, steps, seed, rules = state["batch"], state["steps"], state["seed"], state["rules"]
    paths = {rule["id"]: network.path(rule_of(rule["id"], rule["settings"]), batch, steps, seed) for rule in rules}
    plane = Plane.through(paths["sgd"])
    away = paths["adam"][-1]
    return {
        "weights": away.size, "share": 100 * sum(plane.explained), "first": 100 * plane.explained[0],
        "walk": 100 * RANDOM_WALK, "adam_share": 100 * plane.share_of(paths["adam"]), "near": 10,
        "own": full_loss(away), "beneath": full_loss(plane.beneath(away)), "goal": 0.9, "goal_percent": 90,
    }  # fmt: skip


RANDOM_WALK = 6 / np.pi**2 * (1 + 1 / 4)
"""The share of a long random walk's variance that the first two of its principal components hold, in very many
dimensions (Antognini and Sohl-Dickstein 2018)."""
