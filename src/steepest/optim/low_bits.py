r"""States in 8 or 16 bits: how a number is coded, which states are, and the way to full precision and back.

An 8-bit state is a tensor of codes of the parameter's shape, and the unit of each block of 256 elements that follow
each other in memory. A code is a small floating point number with 4 bits of mantissa: of an element $x$ of a block with
the unit $u$, the number $1 + |x| / u$ is rounded to a multiple of $2^{e - 4}$, where $2^e$ is the largest power of two
in it, as in the telephone's logarithmic code (ITU-T G.711). The offset of 1 makes the steps near 0 even, and 0 exact.
$e$ goes to 7 and a sign is kept (`int8`), or, of a state that is never negative, such as a second moment, to 15
(`uint8`). Shifts and one product decode a number, where a table would have to be looked up.

Units are powers of two, so that a number that has not changed keeps its code: a step rounds its *change* alone. It is
rounded up or down at random, with probabilities that make the mean exact; to nearest, an average that moves by a
thousandth a step would never move. The random bits are a hash of the parameter's count of steps and the place of the
element, so that every engine draws the same, and a run that was resumed goes on exactly.

A 16-bit state is in bfloat16, and rounded at random likewise. Blocks, and exact states of small tensors, are those of
Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization", whose codes come from a table.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..base.errors import InvalidValue, UnknownSetting
from ..program.record import record, why_not_recorded
from ..program.signs import differences, never_negative
from ..rules import Rule
from . import sharded

__all__ = [
    "BLOCK", "CODES", "LEAST", "ONE", "SCALE", "SHIFT", "SIGNED", "UNSIGNED", "Code", "bits_of", "check", "codes_of",
    "conform", "decode", "decoded", "encode", "full", "load", "names_of", "noise", "put_back", "readable",
    "round_at_random", "seed_of", "store",
]  # fmt: skip

BLOCK = 256
"""Elements of a block, which have one unit."""

LEAST = 4096
"""Elements of a parameter whose states are coded; those of smaller ones stay as they are."""

SCALE = "_scale"
"""What the name of a coded state's units ends in."""

MANTISSA = 4
SHIFT = 23 - MANTISSA
"""By how many bits the last bit of a code stands left in a float32."""

ONE = 0x3F800000
"""1.0 as bits."""

State = dict[str, Any]


@dataclass(frozen=True)
class Code:
    """How the numbers of a state are stored in 8 bits.

    Attributes:
        dtype: of the codes, which tells signed from unsigned ones.
        signed: whether there are negative numbers.
        largest: exponent of the largest number, in units.
        margin: what is added to the bits of the largest number of a block, so that their exponent is `largest` more
            than the unit's. It carries where the mantissa exceeds that of the largest code, 1.9375, less the offset.
    """

    dtype: torch.dtype
    signed: bool
    largest: int

    @property
    def margin(self) -> int:
        """See above."""
        return (1 << SHIFT) + (1 << 23 - self.largest) - 1


SIGNED = Code(torch.int8, signed=True, largest=7)
UNSIGNED = Code(torch.uint8, signed=False, largest=15)

CODES: dict[torch.dtype, Code | None] = {torch.int8: SIGNED, torch.uint8: UNSIGNED, torch.bfloat16: None}
"""The codes by the dtype of the state; of bfloat16 there is nothing to say."""

# --- which states -----------------------------------------------------------------------------------------------------


def codes_of(rule: Rule, bits: int | None) -> dict[str, torch.dtype]:
    """The dtypes of a rule's states in so many bits, by name, but for those that keep the parameter's.

    What begins as a copy of the parameter, as Schedule-Free's $z$ does, is a weight and stays exact, and so do numbers.

    >>> from steepest.rules import Adam, ScheduleFreeAdamW
    >>> codes_of(Adam(), 8)
    {'exp_avg': torch.int8, 'exp_avg_sq': torch.uint8}
    >>> codes_of(ScheduleFreeAdamW(), 8)
    {'exp_avg_sq': torch.uint8}
    """
    if bits is None:
        return {}
    positive = never_negative(rule)
    key = rule.structure, positive, bits
    if key not in _codes:
        coded = {name: UNSIGNED.dtype if name in positive else SIGNED.dtype for name in _averages(rule)}
        _codes[key] = coded if bits == 8 else dict.fromkeys(coded, torch.bfloat16)
    return _codes[key]


_codes: dict[Any, dict[str, torch.dtype]] = {}


def _averages(rule: Rule) -> list[str]:
    """The states with a number for each element that do not begin as the parameter."""
    program = record(rule, sums=True)
    return [name for name in program.states if program.initial[name] is not program.inputs["param"]]


def bits_of(param: Tensor, bits: int | None) -> int | None:
    """In how many bits a parameter's states are, in a group of so many; None: as the parameter, as it is too small.

    Of a sharded parameter the part that lies here counts.
    """
    return bits if bits is not None and sharded.local(param).numel() >= LEAST else None


def check(rule: Rule, group: dict[str, Any]) -> None:
    """Refuse a group's `state_bits` where the rule's states, or its parameters, cannot be coded.

    Raises:
        InvalidValue: `state_bits` is not None, 8 or 16, or a parameter is complex.
        UnknownSetting: the rule or another switch does not go with it.
    """
    bits, title = group["state_bits"], rule.title
    if bits is None:
        return
    if not isinstance(bits, int) or bits not in (8, 16):
        raise InvalidValue(f"{title}: state_bits must be None (the parameter's precision), 16 or 8, got {bits!r}")
    whole = not any(map(sharded.is_sharded, group["params"]))  # a sum needs all parts, and blocks are of one
    if reason := why_not_recorded(rule, sums=whole):
        raise UnknownSetting(f"{title}: state_bits={bits} is for rules that go number by number: {reason}")
    if differences(rule):
        raise UnknownSetting(
            f"{title}: state_bits={bits} is not possible with these settings: a step takes the difference of two"
            " moments, which their rounding would turn negative"
        )
    if group["differentiable"]:
        raise UnknownSetting(f"{title}: state_bits={bits} is not possible with differentiable=True")
    if any(param.is_complex() for param in group["params"]):
        raise InvalidValue(
            f"{title}: state_bits={bits} is not possible with complex parameters; put them into a group without it"
        )


# --- codes ------------------------------------------------------------------------------------------------------------


def seed_of(step: Any, pair: int) -> Any:
    """What is added to an element's place, for the states of a pair in a step; of a number, or a tensor of int64."""
    return mixed(mixed(step) + pair)


def mixed(bits: Any) -> Any:
    """A hash of 32 bits, kept in 64 (Wellons 2018, "Prospecting for Hash Functions").

    >>> mixed(1), int(mixed(torch.tensor(1)))
    (1753845952, 1753845952)
    """
    bits = bits & 0xFFFFFFFF
    bits = bits ^ bits >> 16
    bits = bits * 0x7FEB352D & 0xFFFFFFFF
    bits = bits ^ bits >> 15
    bits = bits * (0x846CA68B - (1 << 32)) & 0xFFFFFFFF  # the same product in 32 bits, which 63 hold
    return bits ^ bits >> 16


def noise(seed: Any, count: int, half: int, device: torch.device, first: int = 0) -> Tensor:
    """16 random bits for each of so many elements from the `first`, the lower (0) or higher (1) half of their hash."""
    places = torch.arange(first, first + count, dtype=torch.int64, device=device)
    bits: Tensor = mixed(places + seed) >> 16 * half & 0xFFFF
    return bits.to(torch.int32)


def decode(codes: Tensor, units: Tensor) -> Tensor:
    """The numbers of flat codes, in float32."""
    wide = codes.to(torch.int32)
    sizes = (wide.abs() << SHIFT) + ONE
    numbers = sizes.view(torch.float32) - 1
    numbers = _blocks(numbers) * units.unsqueeze(1)
    numbers = numbers.view(-1)[: codes.numel()]
    return torch.where(wide < 0, -numbers, numbers) if CODES[codes.dtype] is SIGNED else numbers


def encode(
    values: Tensor, code: Code, random: Tensor | None = None, units: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The codes of flat numbers, and the units of their blocks.

    Args:
        values: in float32.
        code: signed or not.
        random: 16 random bits for each, as `noise` makes them; None: round to nearest.
        units: of the blocks, if they are given; None: the least that hold all numbers. A block with an infinity or a
            NaN has the unit NaN, and so are all its numbers.
    """
    sizes = _blocks(values.abs())
    if units is None:
        units = _units(sizes, code)
    exponents = units.view(torch.int32) >> 23 & 0xFF
    inverse = ((254 - exponents) << 23).view(torch.float32)
    bits = (sizes * inverse.unsqueeze(1) + 1).view(-1)[: values.numel()].view(torch.int32)
    codes = (bits - ONE + (1 << SHIFT - 1 if random is None else random << SHIFT - 16)) >> SHIFT
    if code.signed:
        codes = torch.where(values < 0, -codes, codes)
    else:  # a second moment that is rounded to 0 would make a step of any size
        codes = torch.maximum(codes, (values > 0).to(torch.int32))
    return codes.to(code.dtype), units


def _units(sizes: Tensor, code: Code) -> Tensor:
    """The unit of each block of absolute values."""
    largest = sizes.amax(1)
    exponents = ((largest.view(torch.int32) + code.margin) >> 23) - code.largest
    units = (exponents.clamp(1, 254) << 23).view(torch.float32)
    return torch.where(torch.isfinite(largest), units, torch.nan)


def _blocks(flat: Tensor) -> Tensor:
    return pad(flat, (0, -flat.numel() % BLOCK)).view(-1, BLOCK)


def round_at_random(values: Tensor, random: Tensor) -> Tensor:
    """float32 rounded to bfloat16, up or down by 16 random bits."""
    rounded = ((values.view(torch.int32) + random) >> 16).to(torch.int16).view(torch.bfloat16)
    return torch.where(torch.isnan(values), values.to(torch.bfloat16), rounded)


# --- states of a parameter --------------------------------------------------------------------------------------------


def conform(rule: Rule, param: Tensor, state: State, bits: int | None) -> None:
    """Bring the states of a parameter into so many bits, to nearest; coded ones into full precision for None."""
    wanted = codes_of(rule, bits_of(param, bits))
    for name in [name for name in state if f"{name}{SCALE}" in state or name in wanted]:
        value, dtype = state[name], wanted.get(name)
        if value is None or (value.dtype == dtype and (dtype == torch.bfloat16 or f"{name}{SCALE}" in state)):
            continue
        units = state.pop(f"{name}{SCALE}", None)
        if value.dtype in (torch.int8, torch.uint8):
            value, units = load(value, units).to(_exact(param)), None
        if dtype is not None:
            value = sharded.local(value)
            if dtype == torch.bfloat16:
                value = value.to(dtype)
            else:
                flat = _flat(value.float())
                code = SIGNED if dtype == torch.int8 else UNSIGNED
                codes, units = encode(flat, code, None, _fitting(units, flat, code))
                value, state[f"{name}{SCALE}"] = _shaped(codes, value), units
        elif sharded.is_sharded(param) and not sharded.is_sharded(value):
            value = _sharded_like(param, value)
        state[name] = value


def _fitting(units: Tensor | None, flat: Tensor, code: Code) -> Tensor | None:
    """The units of a checkpoint, if these numbers were coded with them; None if other steps were made since."""
    if units is None or units.numel() != -(-flat.numel() // BLOCK):
        return None
    again = decode(*encode(flat, code, None, units))
    return units if torch.equal(again, flat) else None


def _exact(param: Tensor) -> torch.dtype:
    return torch.float64 if param.dtype == torch.float64 else torch.float32


def names_of(state: State) -> list[str]:
    """The names of the states in 8 bits."""
    return [name.removesuffix(SCALE) for name in state if name.endswith(SCALE)]


def decoded(rule: Rule, param: Tensor, state: State, bits: int | None) -> State:
    """A parameter's state with all numbers in full precision, for a step that is then `put_back`."""
    result = {name: value for name, value in readable(param, state).items() if not name.endswith(SCALE)}
    return result | {name: result[name].to(_exact(param)) for name in codes_of(rule, bits)}


def put_back(rule: Rule, state: State, after: State, bits: int | None) -> None:
    """Round the states after a step into a parameter's state, at random."""
    coded = codes_of(rule, bits)
    step = int(after["step"])
    for place, name in enumerate(coded):
        store(after[name], state[name], state.get(f"{name}{SCALE}"), seed_of(step, place // 2), place % 2)
    for name, value in after.items():
        if name not in coded:
            state[name] = value


def store(values: Tensor, kept: Tensor, units: Tensor | None, seed: Any, half: int, first: int = 0) -> None:
    """Round numbers at random into a state and its units; see `noise` for the last three."""
    values = values.float()
    if values.stride() != kept.stride():
        values = torch.empty_like(kept, dtype=torch.float32).copy_(values)
    flat = _flat(values)
    random = noise(seed, flat.numel(), half, flat.device, first)
    if (code := CODES[kept.dtype]) is None or units is None:
        _flat(kept).copy_(round_at_random(flat, random))
        return
    codes, new = encode(flat, code, random)
    _flat(kept).copy_(codes)
    units.copy_(new)


def load(kept: Tensor, units: Tensor | None) -> Tensor:
    """The numbers of a state in float32."""
    return kept.float() if units is None else _shaped(decode(_flat(kept), units), kept)


def readable(param: Tensor, state: State) -> State:
    """A state with its 8-bit numbers decoded; the same object where it has none."""
    names = names_of(state)
    if not names:
        return state
    return state | {name: load(state[name], state[f"{name}{SCALE}"]).to(_exact(param)) for name in names}


def full(rule: Rule, param: Tensor, state: State, bits: int | None) -> State:
    """A parameter's state in full precision, for a checkpoint; that of an accelerator's 8-bit states on the host.

    The units of 8-bit states make the way back exact. A part of a sharded parameter becomes a part of a sharded state;
    it has no units, as they belong to the part and not to the parameter.
    """
    result = dict(state)
    for name in codes_of(rule, bits_of(param, bits)):
        value, units = state.get(name), result.pop(f"{name}{SCALE}", None)
        if value is None or value.dtype not in CODES:
            continue
        numbers = load(value, units).to(_exact(param))
        if sharded.is_sharded(param):
            result[name] = _sharded_like(param, numbers)
        else:
            result[name] = numbers.cpu()
            if units is not None:
                result[f"{name}{SCALE}"] = units
    return result


def _flat(tensor: Tensor) -> Tensor:
    """The elements of a tensor without gaps, in the order in which they lie in memory."""
    return tensor.permute(_axes(tensor)).view(-1)


def _shaped(flat: Tensor, like: Tensor) -> Tensor:
    """The reverse of `_flat`."""
    axes = _axes(like)
    return flat.view([like.shape[axis] for axis in axes]).permute([axes.index(axis) for axis in range(like.ndim)])


def _axes(tensor: Tensor) -> list[int]:
    """The axes of a tensor from the one with the largest strides to that of neighbours in memory."""
    return sorted(range(tensor.ndim), key=tensor.stride, reverse=True)


def _sharded_like(param: Tensor, part: Tensor) -> Tensor:
    from torch.distributed.tensor import DTensor

    mesh, placements = param.device_mesh, param.placements  # type: ignore[attr-defined]
    return DTensor.from_local(part, mesh, placements, run_check=False, shape=param.shape, stride=param.stride())
