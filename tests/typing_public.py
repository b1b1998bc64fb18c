"""Read by mypy in `./dev check`, never run: what editors and type checkers know of the public names."""

import pathlib
from typing import assert_type

import torch

import steepest
from steepest.study import Plan

parameters = torch.nn.Linear(2, 1).parameters()

assert_type(steepest.Adam(parameters, lr=0.1, betas=(0.9, 0.99), amsgrad=True, maximize=True), steepest.Adam)
assert_type(steepest.SGD(parameters, 0.1, 0.9, nesterov=True), steepest.SGD)
steepest.Adam(parameters, lrr=0.1)  # type: ignore[call-arg]
steepest.Adam(parameters, amsgrad="yes")  # type: ignore[arg-type]
steepest.SGD(parameters, betas=(0.9, 0.99))  # type: ignore[call-arg]

path = steepest.trace("sgd", "rosenbrock", start=(-1.2, 1), steps=5, lr=0.1)
assert_type(path, steepest.Path)
assert_type(path.steps, int)
assert_type(path.rule, steepest.Rule)
steepest.trace("sgd", "rosenbrock", steps="five")  # type: ignore[call-overload]

assert_type(steepest.play("playground.html", lang="zh"), pathlib.Path)
steepest.play(language="zh")  # type: ignore[call-arg]

result = steepest.compare("digits", ["sgd", "adam"], trials=4, batch_size=[10, "all"], out="folder")
assert_type(result, steepest.Comparison)
assert_type(result.plan, Plan)
assert_type(result.complete, bool)
assert_type(result.verdict.first, tuple[str, ...])
steepest.compare("digits", optimisers="sgd")  # type: ignore[call-arg]
steepest.compare("digits", trials="many")  # type: ignore[arg-type]
