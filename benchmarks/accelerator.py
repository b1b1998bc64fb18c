"""python -m benchmarks.accelerator: one step on an accelerator, against torch's variants there.

Each call waits until the device is done. Both sides must have moved their parameters, and to the same values.
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch

import steepest
from steepest.rules import RULES

from .shapes import SHAPES
from .timing import best, race

__all__ = ["measure"]

OURS: dict[str, dict[str, Any]] = {"ours": {}, "ours compiled": {"fused": True}, "ours recorded": {"capturable": True}}
TORCHS: dict[str, dict[str, Any]] = {"torch foreach": {"foreach": True}, "torch fused": {"fused": True}}

Step = Callable[[], object]


def measure(networks: list[str], rules: list[str], rounds: int, device: torch.device | None = None) -> str:
    """A Markdown table of milliseconds a step on the machine's accelerator, or a line that says there is none."""
    device = device or torch.accelerator.current_accelerator(check_available=True)
    if device is None:
        return "no accelerator: not measured"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    rows = [["network", "rule", *OURS, *TORCHS], ["---"] * (2 + len(OURS) + len(TORCHS))]
    for network in networks:
        for rule in rules:
            seconds = best(race(_candidates(network, rule, device), rounds))
            variants = (*OURS, *TORCHS)
            cells = [f"{1e3 * seconds[variant]:.3g}" if variant in seconds else "none" for variant in variants]
            rows.append([network, rule, *cells])
    return "\n".join([f"Milliseconds on {name}.", "", *(f"| {' | '.join(cells)} |" for cells in rows)])


def _candidates(network: str, rule: str, device: torch.device) -> dict[str, Step]:
    """Each variant's step, after ten steps that have been checked to lead all of them to the same values."""
    candidates: dict[str, Step] = {}
    ends: list[torch.Tensor] = []
    for library, variants in ((steepest, OURS), (torch.optim, TORCHS)):
        for name, options in variants.items():
            recorded = name == "ours recorded"
            kind = getattr(library, RULES[rule].__name__, None)
            if kind is None or not options.keys() <= inspect.signature(kind).parameters.keys():
                continue  # torch has no fused RMSprop, for one
            if recorded and device.type != "cuda":
                continue
            params = _parameters(SHAPES[network], device)
            step = kind(params, lr=1e-3, **options).step
            candidates[name] = _until_done(_recorded(step) if recorded else step, device)
            for _ in range(7 if recorded else 10):  # three were made before recording
                candidates[name]()
            ends.append(torch.cat([param.detach().flatten() for param in params]))
    start = torch.cat([param.detach().flatten() for param in _parameters(SHAPES[network], device)])
    for end in ends:
        assert (end != start).all(), "a parameter did not move"
        torch.testing.assert_close(end, ends[0], rtol=1e-4, atol=1e-5)
    return candidates


def _parameters(shapes: list[tuple[int, ...]], device: torch.device) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape, generator=generator).to(device)) for shape in shapes]
    for param in params:
        param.grad = (torch.rand(param.shape, generator=generator) + 0.5).to(device)
    return params


def _until_done(step: Step, device: torch.device) -> Step:
    def run() -> None:
        step()
        if device.type != "cpu":
            torch.accelerator.synchronize(device)

    return run


def _recorded(step: Step) -> Step:
    """The step as a CUDA graph, captured after three warm-up steps on a side stream, as torch's documentation asks."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


if __name__ == "__main__":
    print(measure(["mlp", "resnet18", "gpt2"], ["adam", "adamw", "rmsprop", "adagrad"], rounds=15))
