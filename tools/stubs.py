"""Print `src/steepest/optim/__init__.pyi` from the rules, so that editors complete and check the optimizers' arguments.

python tools/stubs.py           write the stub
python tools/stubs.py --check   fail if it is not up to date
"""

import sys
from pathlib import Path
from textwrap import indent
from typing import Any

from steepest.optim import SWITCHES, document
from steepest.rules import BUILT_IN, WRAPPERS, Rule, Wrapper

STUB = Path(__file__).parent.parent / "src" / "steepest" / "optim" / "__init__.pyi"

HEAD = '''"""Typed signatures of the optimizers, printed from the rules by tools/stubs.py: do not edit."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal, overload

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from ..rules import Rule
from .backward import StepInBackward
from .distribution import Distribution

SWITCHES: dict[str, tuple[Any, str]]

class Optimizer(torch.optim.Optimizer):
    rule_class: ClassVar[type[Rule]]
    skipped_steps: int
    _caches: list[Any]
    _kept: dict[Tensor, Tensor]
    _over: Any
    @property
    def engine(self) -> str: ...
    @property
    def needs_closure(self) -> bool: ...
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def step(self, closure: Callable[[], Any] | None = None) -> Any: ...  # type: ignore[override]
    def step_in_backward(
        self,
        model: torch.nn.Module | None = None,
        *,
        clip_value: float | None = None,
        clip_last_norm: float | None = None,
    ) -> StepInBackward: ...
    def distribute(self, over: Any = None) -> Distribution: ...
    @property
    def distribution(self) -> Distribution: ...
    def eval(self) -> None: ...
    def train(self) -> None: ...
    def evaluating(self) -> AbstractContextManager[None]: ...
    def _class(self, group: dict[str, Any]) -> type[Rule]: ...
    def _check_checkpoint(self, given: dict[str, Any]) -> None: ...

def as_optimizer(rule_class: type[Rule]) -> type[Optimizer]: ...
'''


def literal(default: Any) -> str:
    """As ruff writes it."""
    return f'"{default}"' if isinstance(default, str) else repr(default)


def kind(name: str, default: Any) -> str:
    """The annotation of a switch."""
    if name == "non_finite":
        return 'Literal["skip", "raise"] | None'
    return "bool" if isinstance(default, bool) else "bool | None"


def annotation(rule: type[Rule], name: str) -> str:
    """The annotation of a hyperparameter, as it stands in the rule but for the learning rate."""
    given = rule.hyperparameters()[name].type
    return "float | Tensor" if name == "lr" else given.__name__ if type(given) is type else str(given)


def optimizer_stub(rule: type[Rule]) -> str:
    """The class statement of one optimizer."""
    settings = {
        name: f"{name}: {annotation(rule, name)} = {literal(default)}," for name, default in rule.defaults().items()
    }
    by_name = [settings.pop(name) for name, each in rule.hyperparameters().items() if each.metadata["facts"].keyword]
    switches = [f"{name}: {kind(name, default)} = {default!r}," for name, (default, _) in SWITCHES.items()]
    lines = ["self,", "params: ParamsT,", *settings.values(), "*,", *by_name, *switches]
    arguments = indent("\n".join(lines), " " * 8)
    text = indent(f'r"""{document(rule)}\n"""', " " * 4)
    return f"\nclass {rule.__name__}(Optimizer):\n{text}\n\n    def __init__(\n{arguments}\n    ) -> None: ...\n"


def wrapper_stub(wrapper: type[Wrapper]) -> str:
    """The overloads of one wrapper."""
    kinds = {"rule: type[Optimizer]": "type[Optimizer]", "rule: type[Rule]": "type[Rule]"}
    kinds["rule: Rule | str, **settings: object"] = "Rule"
    return "".join(f"@overload\ndef {wrapper.__name__}({given}) -> {result}: ...\n" for given, result in kinds.items())


def main() -> int:
    text = HEAD + "".join(optimizer_stub(rule) for rule in BUILT_IN)
    text += "\n" + "".join(map(wrapper_stub, WRAPPERS.values()))
    if "--check" in sys.argv:
        if STUB.read_text(encoding="utf-8") != text:
            print("optim/__init__.pyi is out of date: run `python tools/stubs.py`", file=sys.stderr)
            return 1
        return 0
    STUB.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
