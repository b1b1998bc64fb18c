"""Hugging Face's `Trainer` with the optimizers of this package.

`TrainingArguments(optim=...)` takes the names of its own list only; `Trainer` itself takes any optimizer:

    trainer = Trainer(model, args, train_dataset=data, **steepest.hf.trainer_kwargs("muon(lr=0.02)"))

`Trainer` calls `eval()` and `train()` of the optimizer, so that what has weights to evaluate, as Schedule-Free has, is
evaluated with these. It is not imported here.
"""

from functools import partial
from typing import Any

import torch
from torch import nn

from .optim.creating import create
from .rules import Rule, find

__all__ = ["trainer_kwargs"]


def trainer_kwargs(rule: str | Rule | type[Rule], model: nn.Module | None = None, **settings: Any) -> dict[str, Any]:
    """Arguments for `Trainer` by which it trains with a rule of this package.

    The learning rate and the decay are those given here, not `TrainingArguments.learning_rate` and `weight_decay`; its
    schedule (`lr_scheduler_type`, `warmup_steps`) acts on them as usual.

    Args:
        rule: its name or spec, such as `"adamw(lr=3e-4)"`; a rule for matrices gets its partner.
        model: with it, the optimizer is made at once and handed over as `optimizers`, as any version of transformers
            takes it. Without it, `Trainer` makes it of the model that it has wrapped, as FSDP and DeepSpeed need it
            (transformers 5, `optimizer_cls_and_kwargs`).
        **settings: what `steepest.create` takes: `no_decay`, `groups`, and settings of the rule.

    Raises:
        UnknownName, UnknownSetting, InvalidValue: as `steepest.create`.

    >>> trainer_kwargs("adamw", nn.Linear(2, 2), lr=3e-4)["optimizers"][0].param_groups[0]["lr"]
    0.0003
    >>> factory, settings = trainer_kwargs("adamw(lr=3e-4)", weight_decay=0.1)["optimizer_cls_and_kwargs"]
    >>> [group["weight_decay"] for group in factory()(nn.Linear(2, 2), **settings).param_groups]
    [0.1, 0.0]
    """
    own = {name: value for name, value in settings.items() if name not in ("no_decay", "groups")}
    find(rule, **own)  # what is wrong is told here, not when training begins
    if model is not None:
        optimizer: torch.optim.Optimizer = create(rule, model, **settings)
        return {"optimizers": (optimizer, None)}
    # it calls what is no class of optimizers first without arguments, then with the model and the settings
    return {"optimizer_cls_and_kwargs": (partial(partial, create, rule), settings)}
