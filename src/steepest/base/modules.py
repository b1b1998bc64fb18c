"""Loading a user's own Python file: a workload, or rules. This runs the file, as importing it would."""

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from .errors import InvalidValue

__all__ = ["last_words", "load_file"]


def load_file(path: str | Path) -> ModuleType:
    """Import a file by its path.

    Raises:
        InvalidValue: there is no such file, or it raises; the message names the line in it.
    """
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise InvalidValue(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"steepest_user_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise InvalidValue(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InvalidValue(f"{path}: {last_words(error, file)}") from error
    return module


def last_words(error: BaseException, *files: str | Path) -> str:
    """An exception in one line, with the last line that it went through in any of the files.

    >>> last_words(ValueError("no data"))
    'ValueError: no data'
    """
    text = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename in map(str, files)]
    return f"line {lines[-1]}: {text}" if lines else text
