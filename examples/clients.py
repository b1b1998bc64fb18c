"""Steepest's optimizers in the programs that people train with: Hugging Face, Lightning, gradient scaling.

    pip install steepest transformers accelerate lightning
    python examples/clients.py                      # all of them
    python examples/clients.py lightning amp        # some of them

Each client trains a small model twice from the same weights on the same data, with steepest's optimizer and with torch's
of the same name, and the final weights are compared. Models are made from a configuration, with random weights: nothing
is downloaded. A client whose library is not installed is left out, and said to be.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version

import torch
from torch import nn

import steepest

os.environ["HF_HUB_OFFLINE"] = "1"

STEPS = 12
OPTIMIZERS: dict[str, dict[str, object]] = {
    "AdamW": {"lr": 1e-2, "weight_decay": 0.1},
    "SGD": {"lr": 1e-2, "momentum": 0.9},
    "RMSprop": {"lr": 1e-3, "centered": True},
}
"""What each client trains with, in both libraries."""

Weights = list[torch.Tensor]
Make = Callable[..., torch.optim.Optimizer]


def hugging_face(make: Make) -> Weights:
    """`transformers.Trainer` on a GPT-2 of two small layers, with its own warm-up and clipping of gradients.

    The optimizer is handed over with `optimizers=`; the scheduler, None here, is the Trainer's own.
    """
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2))
    tokens = torch.randint(50, (STEPS * 4, 16), generator=torch.Generator().manual_seed(1))
    data = [{"input_ids": row, "labels": row} for row in tokens]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, max_steps=STEPS, per_device_train_batch_size=4, warmup_steps=3, max_grad_norm=1.0, seed=2,
            use_cpu=True, report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        Trainer(model, arguments, train_dataset=data, optimizers=(make(model.parameters()), None)).train()
    return weights(model)


def hugging_face_resumed(make: Make) -> Weights:
    """The same, stopped at a checkpoint in the middle and taken up again from its files."""
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    tokens = torch.randint(50, (STEPS * 4, 16), generator=torch.Generator().manual_seed(1))
    data = [{"input_ids": row, "labels": row} for row in tokens]
    with tempfile.TemporaryDirectory() as folder:
        for resume in (False, True):
            torch.manual_seed(0)
            model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2))
            arguments = TrainingArguments(
                folder, max_steps=STEPS, per_device_train_batch_size=4, warmup_steps=3, seed=2, use_cpu=True,
                report_to="none", save_steps=STEPS // 2, logging_strategy="no", disable_tqdm=True,
            )  # fmt: skip
            trainer = Trainer(model, arguments, train_dataset=data, optimizers=(make(model.parameters()), None))
            trainer.train(resume_from_checkpoint=f"{folder}/checkpoint-{STEPS // 2}" if resume else None)
    return weights(model)
