"""python -m benchmarks.low_bits [codes] [steps] [quality] [--write]: what states in 8 and 16 bits cost and save.

`codes`: the code of `steepest.optim.low_bits` against a table (Dettmers et al. 2022): the time of decoding and coding
where no memory is waited for, and how far Adam's steps are from those with exact states, for the same gradients.
`steps`: a step of Adam on GPT-2's shapes, against torch's fused one. `quality`: every elementwise rule trains the
workload `language` from the same seeds with exact, 16-bit and 8-bit states; each run is kept in
`benchmarks/low_bits.jsonl` as it ends, so that an interrupted measurement goes on where it stopped.
"""

import argparse
import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import thread_time
from typing import Any

import numpy as np
import torch
from torch import Tensor

import steepest
from steepest import workloads
from steepest.optim.low_bits import BLOCK, SIGNED, UNSIGNED, decode, encode, noise, seed_of
from steepest.program.native import load
from steepest.rules import RULES
from steepest.statistics import mean_interval

from .shapes import SHAPES
from .timing import best, race, ratio

__all__ = ["codes", "quality", "steps"]

Row = dict[str, Any]

RUNS = Path(__file__).parent / "low_bits.jsonl"

# --- the codes --------------------------------------------------------------------------------------------------------

SIZE = 1 << 13
"""Numbers in the first-level cache: as float32, codes and units."""


def table_of(signed: bool) -> Tensor:
    """The entries of the dynamic tree in 8 bits: ten times smaller, half as dense, seven times."""
    parts = [torch.tensor([0.0, 1.0])]
    for power in range(7):
        ends = torch.linspace(0.1, 1, 2 ** (power + (0 if signed else 1)) + 1)
        parts.append(10.0 ** (power - 6) * (ends[:-1] + ends[1:]) / 2)
        if signed:
            parts.append(-parts[-1])
    return torch.cat(parts).sort().values


TABLES = {True: table_of(True), False: table_of(False)}


def by_table(values: Tensor, signed: bool) -> Tensor:
    """Numbers after coding by the nearest entry, in blocks that are divided by their largest."""
    blocks = torch.nn.functional.pad(values.flatten(), (0, -values.numel() % BLOCK)).view(-1, BLOCK)
    largest = blocks.abs().amax(1, keepdim=True).clamp_min(1e-38)
    entries = TABLES[signed]
    nearest = entries[torch.bucketize(blocks / largest, (entries[:-1] + entries[1:]) / 2)]
    return (nearest * largest).flatten()[: values.numel()].view_as(values)


def by_code(at_random: bool) -> Callable[[Tensor, bool, int], Tensor]:
    """The same by the code of `low_bits`."""

    def coded(values: Tensor, signed: bool, step: int) -> Tensor:
        bits = noise(seed_of(step, 0), values.numel(), int(not signed), values.device) if at_random else None
        return decode(*encode(values.flatten(), SIGNED if signed else UNSIGNED, bits)).view_as(values)

    return coded


CODINGS: dict[str, Callable[[Tensor, bool, int], Tensor]] = {
    "ours, rounded at random": by_code(at_random=True),
    "ours, rounded to nearest": by_code(at_random=False),
    "table, nearest entry": lambda values, signed, step: by_table(values, signed),
}


def codes(steps: int) -> list[Row]:
    """A row for each code: nanoseconds for an element of both moments, and the errors of Adam's steps."""
    errors, seconds = _errors(steps), _seconds()
    return [{"code": name, **errors[name], "ns an element": seconds.get(name, math.nan)} for name in CODINGS]


def _errors(steps: int, lr: float = 3e-3) -> dict[str, Row]:
    """Adam's steps with coded moments against exact ones, for the gradients along the path of the exact ones.

    "of a step": the length of the difference by that of the step (root mean square over the run). "along the path":
    the sum of all steps, projected on the exact path, by its length, less 1.
    """
    session = workloads.find("language").begin(0, "cpu")
    params = [param for param in session.model.parameters() if param.numel() >= 4096]
    exact = torch.optim.Adam(session.model.parameters(), lr=lr)
    moments = {name: [(torch.zeros_like(param), torch.zeros_like(param)) for param in params] for name in CODINGS}
    squares = dict.fromkeys(CODINGS, 0.0)
    paths = {name: [torch.zeros_like(param) for param in params] for name in CODINGS}
    start, whole = [param.detach().clone() for param in params], 0.0
    for step in range(1, steps + 1):
        before = [param.detach().clone() for param in params]
        session.advance(exact, 1)
        moved = [param.detach() - old for param, old in zip(params, before, strict=True)]
        whole += _square(moved)
        for name, coded in CODINGS.items():
            changes = []
            for place, param in enumerate(params):
                grad, (m, v) = param.grad, moments[name][place]
                m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad * grad
                changes.append(-lr * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8))
                moments[name][place] = coded(m, True, step), coded(v, False, step)
            squares[name] += _square([change - own for change, own in zip(changes, moved, strict=True)])
            paths[name] = [path + change for path, change in zip(paths[name], changes, strict=True)]
    path = [param.detach() - old for param, old in zip(params, start, strict=True)]
    rows: dict[str, Row] = {}
    for name in CODINGS:
        inner = sum(float((own * exactly).sum()) for own, exactly in zip(paths[name], path, strict=True))
        rows[name] = {
            "error of a step": f"{math.sqrt(squares[name] / whole):.1%}",
            "along the path": f"{inner / _square(path) - 1:+.2%}",
        }
    return rows


def _square(tensors: list[Tensor]) -> float:
    return sum(float(tensor.double().square().sum()) for tensor in tensors)


def _seconds() -> dict[str, float]:
    """Nanoseconds of this thread for decoding and coding a number of each moment, by the least of many turns."""
    functions = vars(load(_kernel_text()))
    generator = np.random.default_rng(0)
    wide = generator.standard_normal(SIZE).astype(np.float32)
    found = {}
    for name, function in (("ours, rounded at random", "coded"), ("table, nearest entry", "looked_up")):
        arrays = wide.copy(), wide**2, np.zeros(SIZE, np.int8), np.zeros(SIZE, np.uint8)
        tables = [part for signed in (True, False) for part in _lookup(signed)]
        turns = race({name: partial(functions[function], *arrays, *tables)}, 15, thread_time)
        found[name] = 1e9 * best(turns)[name] / SIZE
    return found


def _lookup(signed: bool) -> tuple[np.ndarray, np.ndarray]:
    """A table's entries, and the nearest one by the highest 16 bits of a float32 in [-1, 1]: no search, one look."""
    entries = TABLES[signed]
    bits = torch.arange(1 << 16, dtype=torch.int64) << 16
    numbers = torch.from_numpy(bits.numpy().astype(np.uint32).view(np.float32)).nan_to_num().clamp(-1, 1)
    nearest = torch.bucketize(numbers, (entries[:-1] + entries[1:]) / 2)
    return entries.numpy(), nearest.to(torch.uint8).numpy()


def _kernel_text() -> str:
    """Both as a function each, over blocks as a kernel takes them."""
    from steepest.optim.cpu import low_bits

    names = {"m": "int8", "v": "uint8"}
    helpers = low_bits.helpers(names)
    return f'''"""Made by steepest's benchmarks; safe to delete."""
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
{helpers}

@numba.njit(cache=True, error_model="numpy")
def coded(m, v, m_codes, v_codes, m_table, m_lookup, v_table, v_lookup):
    for block in range(m.size // {BLOCK}):
        a, b = m[block * {BLOCK}:(block + 1) * {BLOCK}], v[block * {BLOCK}:(block + 1) * {BLOCK}]
        c, d = m_codes[block * {BLOCK}:(block + 1) * {BLOCK}], v_codes[block * {BLOCK}:(block + 1) * {BLOCK}]
        largest_a, largest_b = np.int32(0), np.int32(0)
        for i in range(a.size):
            largest_a, largest_b = max(largest_a, magnitude(a[i])), max(largest_b, magnitude(b[i]))
        p, q = exponent_of(largest_a, {SIGNED.margin}, 7), exponent_of(largest_b, {UNSIGNED.margin}, 15)
        for i in range(a.size):
            bits = mixed(word(i))
            c[i] = to_int8(a[i], power(254 - p), word(bits & word(0xFFFF)))
            d[i] = to_uint8(b[i], power(254 - q), word(bits >> word(16)))
        for i in range(a.size):
            a[i], b[i] = from_int8(c[i], power(p)), from_uint8(d[i], power(q))


@numba.njit(cache=True, error_model="numpy")
def looked_up(m, v, m_codes, v_codes, m_table, m_lookup, v_table, v_lookup):
    for block in range(m.size // {BLOCK}):
        a, b = m[block * {BLOCK}:(block + 1) * {BLOCK}], v[block * {BLOCK}:(block + 1) * {BLOCK}]
        c = m_codes[block * {BLOCK}:(block + 1) * {BLOCK}].view(np.uint8)
        d = v_codes[block * {BLOCK}:(block + 1) * {BLOCK}]
        largest_a, largest_b = np.int32(0), np.int32(0)
        for i in range(a.size):
            largest_a, largest_b = max(largest_a, magnitude(a[i])), max(largest_b, magnitude(b[i]))
        p, q = np.int32(largest_a).view(np.float32), np.int32(largest_b).view(np.float32)
        over_p, over_q = np.float32(1) / p, np.float32(1) / q
        for i in range(a.size):
            c[i] = m_lookup[word(np.float32(a[i] * over_p).view(word) >> word(16))]
            d[i] = v_lookup[word(np.float32(b[i] * over_q).view(word) >> word(16))]
        for i in range(a.size):
            a[i], b[i] = m_table[c[i]] * p, v_table[d[i]] * q
'''


# --- a step -----------------------------------------------------------------------------------------------------------


def steps(rounds: int, network: str = "gpt2") -> list[Row]:
    """A row for each width of Adam's states: its step, the ratio to torch's fused one, bytes of states a parameter."""
    made: dict[str, torch.optim.Optimizer] = {"torch, fused": torch.optim.Adam(_parameters(network), fused=True)}
    made |= {str(bits or 32): steepest.Adam(_parameters(network), state_bits=bits) for bits in (None, 16, 8)}
    turns = race({name: optimizer.step for name, optimizer in made.items()}, rounds)
    seconds = best(turns)
    return [
        {
            "states": name,
            "step ms": 1e3 * seconds[name],
            "/ torch's": ratio(turns, name, "torch, fused"),
            "bytes a parameter": _bytes(optimizer),
        }
        for name, optimizer in made.items()
    ]


def _parameters(network: str) -> list[torch.nn.Parameter]:
    params = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES[network]]
    for param in params:
        param.grad = torch.randn_like(param)
    return params


def _bytes(optimizer: torch.optim.Optimizer) -> float:
    kept = sum(value.nbytes for state in optimizer.state.values() for name, value in state.items() if name != "step")
    return kept / sum(param.numel() for group in optimizer.param_groups for param in group["params"])


# --- training ---------------------------------------------------------------------------------------------------------


def quality(seeds: int, rules: list[str], budget: int) -> list[Row]:
    """A row for each rule: its final loss, and by how much coded states change it, over seeds (95 % intervals).

    Rules train at their default learning rate; the ranges of losses over seeds say what a seed changes.
    """
    kept = _kept()
    for seed in range(seeds):
        for rule in rules:
            for bits in (None, 16, 8):
                key = rule, bits, seed, budget
                if key not in kept:
                    kept[key] = _run(rule, bits, seed, budget)
                    with RUNS.open("a", encoding="utf-8") as file:
                        file.write(f"{json.dumps([*key, kept[key]])}\n")
    return [_compared(rule, [[kept[rule, bits, seed, budget] for seed in range(seeds)] for bits in (None, 16, 8)])
            for rule in rules]  # fmt: skip


def _kept() -> dict[tuple[Any, ...], float]:
    lines = RUNS.read_text(encoding="utf-8").split("\n")[:-1] if RUNS.exists() else []
    return {tuple(key): loss for *key, loss in map(json.loads, lines)}


def _run(rule: str, bits: int | None, seed: int, budget: int) -> float:
    """The held-out bits a character after a budget of steps."""
    session = workloads.find("language(depth=1)").begin(seed, "cpu")
    params = list(session.model.parameters())
    optimizer = getattr(steepest, RULES[rule].__name__)(params, state_bits=bits)
    session.advance(optimizer, budget)
    with optimizer.evaluating():
        return float(session.measure()["metric"])


def _compared(rule: str, losses: list[list[float]]) -> Row:
    exact, *coded = map(np.array, losses)
    row: Row = {"rule": rule, "bits a character": f"{exact.mean():.4f}", "over seeds ±": f"{exact.std(ddof=1):.4f}"}
    for name, found in zip(("16-bit", "8-bit"), coded, strict=True):
        low, high = mean_interval(found - exact)
        row[f"{name} less exact"] = f"{(found - exact).mean():+.4f} ({low:+.4f} to {high:+.4f})"
    return row


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.low_bits", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=["codes", "steps", "quality"], help="codes, steps, quality")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=300, help="of a training")
    parser.add_argument("--path", type=int, default=100, help="steps along which the errors of codes are measured")
    parser.add_argument("--rules", default=",".join(name for name, rule in RULES.items() if rule.elementwise))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help="keep the tables in benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    from .__main__ import keep_section, machine, table

    made = {
        "codes": ("Codes of 8-bit states", lambda: codes(arguments.path)),
        "steps": ("Adam with states in fewer bits, GPT-2", lambda: steps(arguments.rounds)),
        "quality": (
            "Training with states in fewer bits",
            lambda: quality(arguments.seeds, arguments.rules.split(","), arguments.steps),
        ),
    }
    for part in arguments.parts:
        title, measure = made[part]
        lengths = {
            "codes": f"{arguments.path} steps. ",
            "quality": f"{arguments.steps} steps, {arguments.seeds} seeds. ",
        }
        about = lengths.get(part, "")
        text = f"{table(measure())}\n\n{about}{machine()}"
        print(f"## {title}\n{text}\n", flush=True)
        if arguments.write:
            keep_section(title, text)


if __name__ == "__main__":
    main()
