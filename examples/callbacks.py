"""The doctor in the trainers of others: a callback for Hugging Face's Trainer, and one for Lightning.

    pip install steepest transformers accelerate lightning
    python examples/callbacks.py                    # both, each on a training with a mistake and on the repaired one
    python examples/callbacks.py lightning          # one of them

Copy the class that you need, and hand it to your trainer: `Trainer(..., callbacks=[HuggingFaceDoctor()])`,
`lightning.Trainer(callbacks=[LightningDoctor()])`. Models are made from a configuration, with random weights: nothing
is downloaded. Without any change of a script, `steepest diagnose train.py` does the same.
"""

import logging
import os
import sys
import tempfile
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import torch

import steepest

os.environ["HF_HUB_OFFLINE"] = "1"

STEPS = 12

if find_spec("transformers"):
    from transformers import TrainerCallback

    class HuggingFaceDoctor(TrainerCallback):
        """Watches the model of a Trainer; findings are printed as they appear, and are in `doctor.findings`.

        The Trainer hands no losses to callbacks, so that a hook takes them from what the model returns.
        """

        doctor: Any = None
        loss: Any = None

        def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            self.doctor = steepest.watch(given["model"], given["optimizer"], tell=print)
            self.hook = given["model"].register_forward_hook(self.take_loss)

        def take_loss(self, model: torch.nn.Module, inputs: Any, output: Any) -> None:
            if model.training:
                self.loss = output["loss"] if isinstance(output, dict) else output[0]

        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            self.doctor.step(self.loss)
            self.loss = None  # it holds the graph of the step

        def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            self.hook.remove()
            self.doctor.close()


if find_spec("lightning"):
    from lightning import Callback

    class LightningDoctor(Callback):
        """Watches the model of a Lightning module; findings are printed as they appear, and are in `doctor.findings`.

        Args:
            part: name of the module whose outputs go into the loss, such as "model"; empty: the Lightning module, where
                `training_step` calls `self(batch)`.
        """

        def __init__(self, part: str = "") -> None:
            self.part, self.doctor, self.loss = part, None, None

        def on_train_start(self, trainer: Any, module: Any) -> None:
            model = module.get_submodule(self.part)
            self.doctor: Any = steepest.watch(model, trainer.optimizers, tell=print)

        def on_before_backward(self, trainer: Any, module: Any, loss: torch.Tensor) -> None:
            self.loss: Any = loss

        def on_train_batch_end(self, trainer: Any, module: Any, *batch: Any) -> None:
            self.doctor.step(self.loss)
            self.loss = None  # it holds the graph of the step

        def on_train_end(self, trainer: Any, module: Any) -> None:
            self.doctor.close()


# --- trainings with a mistake -----------------------------------------------------------------------------------------


def random(*shape: int) -> torch.Tensor:
    """The same numbers at every call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def hugging_face(mistake: bool) -> Any:
    """A small GPT-2; the mistake: the optimizer was made for a model that has been replaced since."""
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    model = GPT2LMHeadModel(config)
    trained = GPT2LMHeadModel(config) if mistake else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    data = [{"input_ids": row, "labels": row} for row in (random(4 * STEPS, 16) * 10).long() % 50]
    watcher = HuggingFaceDoctor()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, max_steps=STEPS, per_device_train_batch_size=4, use_cpu=True, report_to="none",
            logging_strategy="no", save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        Trainer(trained, arguments, train_dataset=data, optimizers=(optimizer, None), callbacks=[watcher]).train()
    return watcher.doctor, trained


def lightning(mistake: bool) -> Any:
    """A small classifier; the mistake: its last layer is a softmax, which the loss takes once more."""
    from lightning import LightningModule, Trainer

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # after its import, which sets it

    class Classifier(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            layers = [torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)]
            self.model = torch.nn.Sequential(*layers, *[torch.nn.Softmax(dim=1)] * mistake)

        def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
            return torch.nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=1e-2)

    torch.manual_seed(0)
    inputs, watcher = random(8 * STEPS, 4), LightningDoctor("model")
    data = torch.utils.data.TensorDataset(inputs, inputs[:, :3].argmax(dim=1))
    trainer = Trainer(
        max_steps=STEPS, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, gradient_clip_val=1.0, callbacks=[watcher],
    )  # fmt: skip
    module = Classifier()
    trainer.fit(module, torch.utils.data.DataLoader(data, batch_size=8))
    return watcher.doctor, module


TRAINERS = {
    "hugging-face": ("transformers", hugging_face, "foreign_params"),
    "lightning": ("lightning", lightning, "softmax_twice"),
}
"""By name: the library that it needs, a training, and what is wrong with it."""


def main(chosen: list[str]) -> int:
    """Try the chosen trainers, or both; the number of wrong answers."""
    wrong = 0
    for name in chosen or TRAINERS:
        library, train, planted = TRAINERS[name]
        if not find_spec(library):
            print(f"{name}: not tried, {library} is not installed")
            continue
        print(f"{name}: {library} {version(library)}, torch {torch.__version__}")
        for mistake, wanted in ((True, [planted]), (False, [])):
            doctor, _ = train(mistake)
            found = [finding.code for finding in doctor.findings]
            looked = f"{doctor.record.steps} steps, {len(doctor.record.ticks)} observed"
            print(f"  {'with a mistake' if mistake else 'repaired'}: {looked}, found {found or 'nothing'}")
            print("".join(f"  {finding}\n" for finding in doctor.unseen), end="")
            wrong += found != wanted
    return wrong


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the trainers' own, such as about data loaders without workers
    sys.exit(main(sys.argv[1:]))
