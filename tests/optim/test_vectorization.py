"""The machine code of kernels: a loop that is no longer made of vector instructions would cost a factor, silently."""

import platform
import re
import sys
from types import MappingProxyType

import pytest

from steepest.optim.cpu import kernels
from steepest.program import native
from steepest.program.record import record
from steepest.rules import RULES, SGD, Adam

PACKED = {
    "x86_64": r"\tv?{}p[sd]\t",  # vmulps, mulpd, ...
    "AMD64": r"\tv?{}p[sd]\t",
    "aarch64": r"\tf{}\tv\d+\.[24][sd]",  # fmul v0.4s, ...
    "arm64": r"\tf{}(\.[24][sd]\t|\tv\d+\.[24][sd])",
}
"""An operation on several numbers at once, by machine."""

INSTRUCTIONS = {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "sqrt": "sqrt"}


@pytest.fixture
def assembly(monkeypatch):
    """The assembly of a rule's kernel; it cannot be read of cached code, so each is compiled in memory."""
    if platform.machine() not in PACKED:
        pytest.skip(f"knows no instructions of {platform.machine()}")

    def load(text):
        native._compile_in_memory("kernel_read_as_assembly", text)
        return sys.modules.pop("kernel_read_as_assembly")

    modules = []
    monkeypatch.setattr(kernels, "load", lambda text: modules.append(load(text)) or modules[-1])

    def read(rule, number, codes=MappingProxyType({})):
        kernels.build(record(rule), number, codes)
        return modules[-1].run._library.get_asm_str()

    return read


@pytest.mark.parametrize("number", ["float32", "bfloat16"])
@pytest.mark.parametrize("rule", [SGD(momentum=0.9), Adam(), Adam(amsgrad=True), RULES["ademamix"]()])
def test_every_operation_on_elements_is_a_vector_instruction(assembly, rule, number):
    """Also of AdEMAMix, whose five arrays need ten checks that they do not overlap."""
    text = assembly(rule, number)
    kinds = {operation.kind for operation in kernels.with_fewer_divisions(record(rule)).varying()}
    for kind in kinds & INSTRUCTIONS.keys():
        assert re.search(PACKED[platform.machine()].format(INSTRUCTIONS[kind]), text), kind


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="knows the names of no other machine")
@pytest.mark.parametrize("number", ["float32", "bfloat16"])
def test_codes_are_read_and_written_several_at_once(assembly, number):
    """The products of the hash, the shifts and the conversions from and to bytes; else a step takes 8 times as long."""
    text = assembly(Adam(), number, {"exp_avg": "int8", "exp_avg_sq": "uint8"})
    for instruction in ("pmulld", "psrld", "pslld", "pmovzxbd", "p(movdb|ackuswb|shufb)"):
        assert re.search(rf"\tv{instruction}\t", text), instruction
