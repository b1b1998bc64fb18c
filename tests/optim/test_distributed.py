"""Training in several processes: every rule under DDP and FSDP2 is as in one process, and can be saved."""

from pathlib import Path

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.rules import RULES

from ..ranks import results_of_ranks

SCRIPT = Path(__file__).parent / "distributed_training.py"


def test_every_rule_in_two_processes_as_in_one(tmp_path):
    """One pair of processes for all of it, since it takes seconds to start one."""
    results = results_of_ranks(SCRIPT, 2, tmp_path)
    errors = [f"{name}: {result['error']}" for name, ranks in results.items() for result in ranks if "error" in result]
    assert not errors, "\n".join(errors)
    for rule in RULES.built_in.values():
        assert {f"{kind} {rule.__name__}" for kind in ("ddp", "fsdp", "checkpoint")} <= results.keys()

    found = {name: [result["found"] for result in ranks] for name, ranks in results.items()}
    assert found["ddp AdamW"] == found["fsdp AdamW"] == ["fused CPU kernel for 8 parameters"] * 2
    assert found["fsdp SOAP"] == ["gathered from all ranks for 1 parameters; assigned to ranks for 7 parameters"] * 2
    assert found["low_bits 8"] == found["low_bits 16"] == ["fused CPU kernel for 2 parameters"] * 2
    assert found["non_finite skip"] == [[1, None]] * 2
    assert found["non_finite raise"] == [[0, "Adam: the gradient of 2.weight is not finite; nothing was stepped"]] * 2
    (_, elsewhere), (_, here) = found["non_finite raise for a plain one"]
    assert "a parameter on another rank" in elsewhere
    assert "gradient of plain " in here
    assert found["one_rank_without_a_gradient AdamW"] == [None, None]
    for name in ("Prodigy", "SOAP", "Adafactor"):
        for message in found[f"one_rank_without_a_gradient {name}"]:
            assert "parameter 1 of the group has a gradient on some ranks only" in message


@pytest.mark.parametrize("name", ["Prodigy", "SOAP", "Muon", "LAMB", "Adafactor", "Adam"])
def test_flat_pieces_of_parameters_are_refused_where_they_would_step_wrongly(name):
    """As FSDP1 marks them."""
    piece = torch.nn.Parameter(torch.ones(2, 2))
    piece._fsdp_flattened = True
    if name == "Adam":
        steepest.Adam([piece])
    else:
        with pytest.raises(InvalidValue, match="fully_shard"):
            getattr(steepest, name)([piece])
