"""Those who drive optimizers: torch.compile finds in ours what it finds in torch's."""

import torch

import steepest


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
