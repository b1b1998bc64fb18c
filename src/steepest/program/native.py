"""Native code: Numba source that this package prints, compiled at its first use and cached for the next process.

The text is kept in a cache folder (`STEEPEST_CACHE`, default `~/.cache/steepest/kernels`); Numba keeps the machine code
beside it.
"""

import hashlib
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

__all__ = ["load"]


def load(text: str) -> ModuleType:
    """Import a kernel from its file in the cache folder, written there if it is new."""
    _let_loops_be_vectorized()
    name = "kernel_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    if name in sys.modules:
        return sys.modules[name]
    file = _folder() / f"{name}.py"
    if not file.is_file():
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[name] = module
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def _folder() -> Path:
    folder = Path(os.environ.get("STEEPEST_CACHE") or Path.home() / ".cache" / "steepest" / "kernels").expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def _let_loops_be_vectorized() -> None:
    """LLVM checks at run time that arrays do not overlap, but gives up above 8 checks; five arrays already need 10."""
    from llvmlite import binding

    binding.set_option("", "-runtime-memory-check-threshold=64")
