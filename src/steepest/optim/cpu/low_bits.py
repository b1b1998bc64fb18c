"""Low-bit states in a kernel: the texts that read, round and write them; `optim.low_bits` defines what they compute.

A kernel with 8-bit states takes a tensor block by block. It computes a block's new numbers into a space on the stack,
which stays in the cache, finds the largest of each state on the way, and then codes them.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from ..low_bits import BLOCK, ONE, SHIFT, SIGNED, UNSIGNED

__all__ = ["EXACT", "Codes", "block_lines", "helpers", "reading", "seed_lines", "writing_at_random"]

Codes = Mapping[str, str]
"""`int8`, `uint8` or `bfloat16` by the name of a state; a state that is not there has the parameter's numbers."""

EXACT: Codes = MappingProxyType({})
"""All states have."""

HELPERS = f"""
word = np.uint32


@intrinsic
def space(typing_context):  # on the stack, for the new numbers of a block
    def generate(context, builder, signature, arguments):
        numbers = cgutils.alloca_once(builder, ir.ArrayType(ir.FloatType(), {{floats}}))
        numbers.align = 64
        return builder.bitcast(numbers, cgutils.voidptr_t)
    return types.voidptr(), generate


@numba.njit(inline="always")
def mixed(bits):  # each result is made 32 bits wide again, as Numba computes in 64
    bits = word(bits ^ word(bits >> word(16)))
    bits = word(bits * word(0x7FEB352D))
    bits = word(bits ^ word(bits >> word(15)))
    bits = word(bits * word(0x846CA68B))
    return word(bits ^ word(bits >> word(16)))


@numba.njit(inline="always")
def size_of(code, unit):
    number = word(word(word(code) << word({SHIFT})) + word({ONE:#x})).view(np.float32)
    return np.float32(np.float32(number - np.float32(1)) * unit)


@numba.njit(inline="always")
def from_uint8(code, unit):
    return size_of(code, unit)


@numba.njit(inline="always")
def from_int8(code, unit):
    size = size_of(abs(np.int32(code)), unit)
    return -size if code < 0 else size


@numba.njit(inline="always")
def code_of(number, inverse, random):
    shifted = np.float32(np.float32(abs(number) * inverse) + np.float32(1)).view(word)
    return word(word(word(shifted - word({ONE:#x})) + word(random << word({SHIFT - 16}))) >> word({SHIFT}))


@numba.njit(inline="always")
def to_uint8(number, inverse, random):
    return np.uint8(max(code_of(number, inverse, random), word(number > np.float32(0))))


@numba.njit(inline="always")
def to_int8(number, inverse, random):
    code = np.int32(code_of(number, inverse, random))
    return np.int8(-code if number < np.float32(0) else code)


@numba.njit(inline="always")
def to_bfloat16_at_random(number, random):
    bits = np.float32(number).view(word)
    return np.uint16(0x7FC0) if number != number else np.uint16(word(bits + random) >> word(16))


@numba.njit(inline="always")
def magnitude(number):  # the bits of positive numbers are ordered as they are, with NaN above all
    return np.int32(np.float32(number).view(np.int32) & np.int32(0x7FFFFFFF))


@numba.njit(inline="always")
def exponent_of(largest, margin, reach):
    return np.int32(min(max(((largest + margin) >> 23) - reach, 1), 254))


@numba.njit(inline="always")
def power(exponent):
    return np.int32(exponent << 23).view(np.float32)
"""
"""Functions of a kernel; the lines that call them are printed below."""

REACH = {"int8": SIGNED, "uint8": UNSIGNED}

HALVES = ("word({} & word(0xFFFF))", "word({} >> word(16))")
"""16 of 32 random bits, for two states."""


def helpers(codes: Codes) -> str:
    """The functions that a kernel with such states calls; empty if it has none."""
    return HELPERS.format(floats=BLOCK * max(1, len(_blockwise(codes)))) if codes else ""


def reading(codes: Codes, name: str) -> str:
    """A format for the number of a state at a place, in float32."""
    if codes[name] == "bfloat16":
        return "from_bfloat16({0}[i])"
    return f"from_{codes[name]}({{0}}[i], {{0}}_unit)"


def seed_lines(codes: Codes, step: int) -> list[str]:
    """The seeds of a tensor, whose count of steps is in this row of the addresses."""
    return [f"steps = word(numba.carray(pointer(addresses[{step}, tensor]), 1, np.float32)[0])"] + [
        f"seed{pair} = mixed(word(mixed(steps) + word({pair})))" for pair in range((len(codes) + 1) // 2)
    ]


def writing_at_random(codes: Codes, results: Mapping[str, str]) -> Iterable[str]:
    """Lines that write bfloat16 states, within the loop over the elements behind the `first`."""
    yield from _hash_lines(codes, "first")
    for place, name in enumerate(codes):
        yield f"{name}[i] = to_bfloat16_at_random({results[name]}, {_random(place)})"


def block_lines(
    codes: Codes, arrays: Sequence[str], scales: Mapping[str, int], stored: Mapping[str, str], body: Sequence[str],
    results: Mapping[str, str],
) -> list[str]:  # fmt: skip
    """The loop over the blocks of a tensor between `first` and `last`.

    Args:
        codes: of the states in 8 bits.
        arrays: names of all arrays of elements, in the order of their rows.
        scales: rows of the addresses of the units.
        stored: NumPy's types of the arrays.
        body: lines that compute and write an element, all but the states in 8 bits.
        results: new numbers of the states, by name.
    """
    coded = _blockwise(codes)
    lines = [
        "whole = offsets[tensor + 1] - offsets[tensor]",
        f"first, last = min(whole, -(-first // {BLOCK}) * {BLOCK}), min(whole, -(-last // {BLOCK}) * {BLOCK})",
        f"fresh = numba.carray(space(), {BLOCK * len(coded)}, np.float32)",
        *(f"{name}_fresh = fresh[{place * BLOCK}:{(place + 1) * BLOCK}]" for place, name in enumerate(coded)),
        *(
            f"{name}_units = numba.carray(pointer(addresses[{scales[name]}, tensor]), -(-whole // {BLOCK}), np.float32)"
            for name in coded
        ),
        *(
            f"all_{name} = numba.carray(pointer(addresses[{row}, tensor]), whole, np.{stored[name]})"
            for row, name in enumerate(arrays)
        ),
        f"for begin_of_block in range(first, last, {BLOCK}):",
    ]
    block = [
        f"end_of_block = min(begin_of_block + {BLOCK}, last)",
        f"block = begin_of_block // {BLOCK}",
        *(f"{name} = all_{name}[begin_of_block:end_of_block]" for name in arrays),
    ]
    for name in coded:
        block += [f"{name}_unit = {name}_units[block]", f"{name}_largest = np.int32(0)"]
    block += ["for i in range(param.size):", *(f"    {line}" for line in body)]
    for name in coded:
        block += [
            f"    {name}_fresh[i] = np.float32({results[name]})",
            f"    {name}_largest = max({name}_largest, magnitude({results[name]}))",
        ]
    for name in coded:
        code = REACH[codes[name]]
        block += [
            f"exponent = exponent_of({name}_largest, {code.margin}, {code.largest})",
            f"{name}_units[block] = power(exponent) if {name}_largest < 0x7F800000 else np.float32(np.nan)",
            f"{name}_inverse = power(254 - exponent)",
        ]
    block += ["for i in range(param.size):"]
    block += [f"    {line}" for line in _hash_lines(codes, "begin_of_block")]
    block += [
        f"    {name}[i] = to_{codes[name]}({name}_fresh[i], {name}_inverse, {_random(place)})"
        for place, name in enumerate(coded)
    ]
    return [*lines, *(f"    {line}" for line in block)]


def _blockwise(codes: Codes) -> list[str]:
    return [name for name, code in codes.items() if code in REACH]


def _hash_lines(codes: Codes, first: str) -> Iterable[str]:
    for pair in range((len(codes) + 1) // 2):
        yield f"hash{pair} = mixed(word(word(i) + word(word({first}) + seed{pair})))"


def _random(place: int) -> str:
    return HALVES[place % 2].format(f"hash{place // 2}")
