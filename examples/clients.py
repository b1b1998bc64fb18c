"""Steepest's optimizers in the programs that people train with: Hugging Face, Lightning, gradient scaling.

    pip install steepest transformers accelerate lightning
    python examples/clients.py                      # all of them
    python examples/clients.py lightning amp        # some of them

Each client trains a small model from the same weights on the same data with steepest's optimizer and with torch's of
the same name, and the final weights are compared. Models are made from a configuration, with random weights: nothing is
downloaded. Hugging Face and Lightning are also stopped in the middle and taken up again from their checkpoints.
"""

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import torch

import steepest

os.environ["HF_HUB_OFFLINE"] = "1"

STEPS = 12
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "AdamW": {"lr": 1e-2, "weight_decay": 0.1},
    "SGD": {"lr": 1e-2, "momentum": 0.9},
    "RMSprop": {"lr": 1e-3, "centered": True},
}
"""What each client trains with, in both libraries."""

ALLOWED = 1e-4
"""How far weights may part, as a share of the largest: a hundredth of one step. All is float32, and Adam and RMSProp
divide the smallest gradients by their size, which enlarges their rounding errors."""

Make = partial[torch.optim.Optimizer]
"""An optimizer that waits for its parameters."""

Give = Callable[[torch.nn.Module], dict[str, Any]]
"""What the Hugging Face Trainer is told about the optimizer of a model."""


def random(*shape: int) -> torch.Tensor:
    """The same numbers at every call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


# --- Hugging Face -----------------------------------------------------------------------------------------------------


def train_gpt2(give: Give, folder: str, resume_from: str | None = None, **settings: Any) -> torch.nn.Module:
    """Train a GPT-2 of two small layers by the Trainer, with its own warm-up and clipping of gradients."""
    from transformers import GPT2Config, GPT2LMHeadModel, PrinterCallback, Trainer, TrainingArguments, logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2))
    tokens = (random(STEPS * 4, 16) * 10).long() % 50
    arguments = TrainingArguments(
        folder, max_steps=STEPS, per_device_train_batch_size=4, warmup_steps=3, max_grad_norm=1.0, seed=2,
        save_steps=STEPS // 2, use_cpu=True, report_to="none", logging_strategy="no", disable_tqdm=True, **settings,
    )  # fmt: skip
    data = [{"input_ids": row, "labels": row} for row in tokens]
    trainer = Trainer(model, arguments, train_dataset=data, **give(model))
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=resume_from)
    return model


def hugging_face(make: Make) -> torch.nn.Module:
    """The Trainer gets our optimizer; the scheduler, None here, is then its own."""
    with tempfile.TemporaryDirectory() as folder:
        return train_gpt2(lambda model: {"optimizers": (make(model.parameters()), None)}, folder)


def hugging_face_resumed(make: Make) -> torch.nn.Module:
    """The same, taken up again from the checkpoint in the middle."""
    with tempfile.TemporaryDirectory() as folder:
        for checkpoint in (None, f"{folder}/checkpoint-{STEPS // 2}"):
            model = train_gpt2(lambda model: {"optimizers": (make(model.parameters()), None)}, folder, checkpoint)
        return model


def hugging_face_by_class(make: Make) -> torch.nn.Module:
    """The Trainer makes the optimizer itself, with two groups: no weight decay for biases and gains."""
    with tempfile.TemporaryDirectory() as folder:
        given = {"optimizer_cls_and_kwargs": (make.func, make.keywords)}
        return train_gpt2(lambda model: given, folder, weight_decay=0.05)


# --- Lightning --------------------------------------------------------------------------------------------------------


def fit(make: Make, folder: str, steps: int, resume_from: str | None = None) -> Any:
    """Train by Lightning, which steps with a closure; with clipping, gathered gradients and a scheduler."""
    from lightning import LightningModule, Trainer

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # after its import, which sets it

    class Regression(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = perceptron()

        def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
            return torch.nn.functional.mse_loss(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            optimizer = make(self.model.named_parameters())
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)]

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*samples()), batch_size=8)
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, gradient_clip_val=1.0, accumulate_grad_batches=2,
    )  # fmt: skip
    module = Regression()
    trainer.fit(module, data, ckpt_path=resume_from)
    trainer.save_checkpoint(f"{folder}/{steps}.ckpt")
    return module


def perceptron() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))


def samples() -> tuple[torch.Tensor, torch.Tensor]:
    inputs = random(64, 4)
    return inputs, inputs.prod(dim=1, keepdim=True)


def lightning(make: Make) -> torch.nn.Module:
    with tempfile.TemporaryDirectory() as folder:
        return fit(make, folder, STEPS)


def lightning_resumed(make: Make) -> torch.nn.Module:
    """The same in two halves: the second starts from the checkpoint of the first."""
    with tempfile.TemporaryDirectory() as folder:
        fit(make, folder, STEPS // 2)
        return fit(make, folder, STEPS, resume_from=f"{folder}/{STEPS // 2}.ckpt")


# --- gradient scaling -------------------------------------------------------------------------------------------------


def amp(make: Make) -> torch.nn.Module:
    """`torch.autocast` and `torch.amp.GradScaler`; one step overflows, which the scaler skips, and one is clipped."""
    model, (inputs, targets) = perceptron(), samples()
    optimizer, scaler = make(model.parameters()), torch.amp.GradScaler("cpu", init_scale=2.0**14)
    for step in range(STEPS):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = torch.nn.functional.mse_loss(model(inputs).float(), targets)
        scaler.scale(loss * (torch.inf if step == STEPS // 3 else 1)).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
    return model


# --- all --------------------------------------------------------------------------------------------------------------

CLIENTS: dict[str, tuple[str, list[Callable[[Make], torch.nn.Module]]]] = {
    "hugging-face": ("transformers", [hugging_face, hugging_face_resumed, hugging_face_by_class]),
    "lightning": ("lightning", [lightning, lightning_resumed]),
    "amp": ("torch", [amp]),
}
"""By name: the library that it needs, and the ways in which it is used."""


def difference(train: Callable[[Make], torch.nn.Module], name: str) -> float:
    """The largest difference between the final weights of the two libraries, as a share of the largest weight."""
    ours, theirs = (
        torch.nn.utils.parameters_to_vector(train(partial(getattr(library, name), **OPTIMIZERS[name])).parameters())
        for library in (steepest, torch.optim)
    )
    return float((ours - theirs).abs().max() / theirs.abs().max())


def main(chosen: list[str]) -> int:
    """Try the chosen clients, or all; the number of those that failed."""
    failed = 0
    for client in chosen or CLIENTS:
        library, ways = CLIENTS[client]
        try:
            print(f"{client}: {library} {version(library)}, torch {torch.__version__}")
        except ModuleNotFoundError:
            print(f"{client}: not tried, {library} is not installed")
            continue
        for train in ways:
            for name in OPTIMIZERS:
                apart = difference(train, name)
                failed += not apart <= ALLOWED
                print(f"  {train.__name__:22} {name:8} {apart:.1e} {'ok' if apart <= ALLOWED else 'FAILED'}")
    return failed


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the clients' own, such as about data loaders without workers
    sys.exit(main(sys.argv[1:]))
