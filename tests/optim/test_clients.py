"""Those who drive optimizers: distributed training and torch.compile find in ours what they find in torch's."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import steepest

SCRIPT = Path(__file__).parent / "distributed_training.py"


@pytest.mark.parametrize(("kind", "engine"), [("ddp", "fused CPU kernel"), ("fsdp", "eager")])
def test_two_processes_train_as_with_torchs_optimizer(kind, engine, tmp_path):
    command = [sys.executable, str(SCRIPT), kind]
    processes = [
        subprocess.Popen([*command, str(rank), str(tmp_path / "store")], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]  # fmt: skip
    for process in processes:
        said, complained = process.communicate(timeout=120)
        assert process.returncode == 0, complained
        assert said.startswith(engine)


def test_torch_compile_of_the_step_runs_the_kernel():
    """The step is left as it is inside a compiled function: the kernel is compiled already."""
    params, others = ([torch.nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4))] for _ in range(2))
    compiled, plain = steepest.Adam(params, lr=0.1), steepest.Adam(others, lr=0.1)
    step = torch.compile(compiled.step, backend="eager")
    for count in range(1, 6):
        for param in (*params, *others):
            param.grad = torch.full_like(param, float(count))
        step()
        plain.step()
    assert torch.equal(params[0], others[0])
    assert compiled.engine == "fused CPU kernel for 1 parameters"
