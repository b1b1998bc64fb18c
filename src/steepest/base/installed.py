"""Importing an installed module that a spec such as `torch.optim:Rprop` names."""

import importlib
import warnings
from pathlib import Path
from types import ModuleType

from .errors import InvalidValue, UnknownName
from .guards import exits_raised
from .modules import last_words

__all__ = ["load_module"]


def load_module(name: str, spec: str) -> ModuleType:
    """An installed module.

    Args:
        name: with dots.
        spec: as the user wrote it, for the error message.

    Raises:
        UnknownName: it is not installed; with the command that installs it.
        InvalidValue: it raises.
    """
    try:
        with exits_raised(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        top, missing = name.partition(".")[0], error.name or name
        if name == missing or name.startswith(f"{missing}."):
            if missing == top:
                remedy = f"install it: pip install {top.replace('_', '-')}"
                if Path(f"{top}.py").is_file():
                    remedy = f"your file is {top}.py:{spec.partition(':')[2]}"
                raise UnknownName(f"{spec}: there is no module {top!r}; {remedy}") from None
            raise UnknownName(f"{spec}: there is no module {name!r}") from None
        needs = missing.partition(".")[0]
        raise InvalidValue(f"{spec}: {name} needs {needs}; install it: pip install {needs.replace('_', '-')}") from None
    except (Exception, SystemExit) as error:
        raise InvalidValue(f"{spec}: {last_words(error)}") from error
