"""Native code: Numba source that this package prints, compiled at its first use and cached for the next process.

The text is kept in a cache folder (`STEEPEST_CACHE`, default `~/.cache/steepest/kernels`); Numba keeps the machine code
beside it. Whatever is wrong with the folder or with a file in it costs a warning and a compilation, never an error: a
damaged entry is compiled anew, and where nothing can be stored the code is compiled in memory, for this process alone.
"""

import hashlib
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import ModuleType

from ..base.errors import SteepestError
from ..base.files import write
from ..base.forking import without_forks

__all__ = ["NotCompiled", "load"]

PATIENCE = 2400
"""How many twentieths of a second to wait for another process that compiles the same."""

PURPOSE = "it belongs to the cache of kernels"

SUMS = ".sha256"
"""The ending of the file with the checksums of an entry: damaged machine code would crash the process."""


class NotCompiled(Exception):
    """Native code cannot be made on this machine; the text says why."""


_failures: dict[str, str] = {}
_warned: set[str] = set()


def load(text: str) -> ModuleType:
    """The module of a Numba source, from the cache folder, or compiled.

    Raises:
        NotCompiled: Numba cannot compile it, which is tried once in a process.
    """
    name = "kernel_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    with without_forks:  # nor do two threads compile the same
        if name in _failures:
            raise NotCompiled(_failures[name])
        if name not in sys.modules:
            _import(name, text)
        return sys.modules[name]


def _import(name: str, text: str) -> None:
    """Import the module under its name: from the cache, else compiled into the cache, else compiled in memory."""
    try:
        folder = _folder()
        with _alone_with(folder / f"{name}.lock"), _interrupts_held():
            damage = _import_from(folder, name, text)
    except Exception as error:  # of the system, which cannot write, or of Numba, which finds no place for its files
        _compile_in_memory(name, text)
        _warn(
            "cache",
            f"kernels cannot be cached ({_cause(error)}), so every process compiles them anew;"
            " set STEEPEST_CACHE to a folder that can be written to",
        )
    else:
        if damage:  # not above, where a warning that is an error would count as one of the cache
            _warn("damage", f"a kernel in the cache folder {folder} was damaged ({damage}) and has been compiled anew")


def _import_from(folder: Path, name: str, text: str) -> str:
    """Import the module from the cache, or compile it into the cache; return the damage of its files, if any."""
    file = folder / f"{name}.py"
    if _read(file) != text:
        write(file, text, PURPOSE)
    sums, damage = _read(folder / f"{name}{SUMS}"), ""
    if sums != _sums(name, folder):
        damage = "a checksum differs" if sums else "a checksum is missing"
        _remove(name, folder)
    try:
        _execute(name, text, str(file))
    except Exception as error:  # such as UnpicklingError or EOFError
        if isinstance(error, OSError | ImportError) or not _machine_code(name, folder):
            raise
        damage = _cause(error)
        _remove(name, folder)
        _execute(name, text, str(file))
    if (new := _sums(name, folder)) != sums:
        write(folder / f"{name}{SUMS}", new, PURPOSE)
    return damage


def _compile_in_memory(name: str, text: str) -> None:
    """Raises `NotCompiled` where that fails too."""
    try:
        with _interrupts_held():
            _execute(name, text.replace("cache=True", "cache=False"), f"<{name}>")
    except Exception as error:
        _failures[name] = f"no kernel could be compiled: {_cause(error)}"
        _warn("compiler", f"{_failures[name]}; slower engines stand in. Is this version of Numba older than required?")
        raise NotCompiled(_failures[name]) from error


def _execute(name: str, text: str, file: str) -> None:
    module = sys.modules[name] = ModuleType(name)  # before it is executed: Numba and other kernels import it by name
    try:
        exec(compile(text, file, "exec"), vars(module))  # our own printing of a program
    except BaseException:
        del sys.modules[name]
        raise


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until the end: Numba, half imported or half through a compilation, would fail ever after."""
    known, pressed = signal.getsignal(signal.SIGINT), False
    if known is None or threading.current_thread() is not threading.main_thread():  # other threads get no signals
        yield
        return

    def hold(*_: object) -> None:
        nonlocal pressed
        pressed = True

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, known)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def _warn(subject: str, text: str) -> None:
    """Once for each subject in a process, whatever the filters say of repetitions."""
    if subject not in _warned:
        _warned.add(subject)
        warnings.warn(f"steepest: {text}", RuntimeWarning, stacklevel=2)


def _cause(error: Exception) -> str:
    name = "" if isinstance(error, SteepestError) else f"{type(error).__name__}: "  # our own are sentences
    return f"{name}{str(error).strip().partition(chr(10))[0]}".removesuffix(": ")


# --- the files of the cache -------------------------------------------------------------------------------------------


def _folder() -> Path:
    """The cache folder, made if it is not there; OSError where that is not possible."""
    try:
        folder = Path(os.environ.get("STEEPEST_CACHE") or Path.home() / ".cache" / "steepest" / "kernels").expanduser()
    except RuntimeError as error:  # no home folder is known
        raise OSError(str(error)) from None
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _alone_with(lock: Path) -> Iterator[None]:
    """Hold a file's lock, so that one process compiles while others wait; without it where the system has no locks."""
    with ExitStack() as stack:
        with suppress(ImportError, OSError):
            from fcntl import LOCK_EX, LOCK_NB, flock

            file = stack.enter_context(lock.open("w"))
            for _ in range(PATIENCE):
                with suppress(BlockingIOError):
                    flock(file, LOCK_EX | LOCK_NB)
                    break
                time.sleep(0.05)
        yield


def _read(file: Path) -> str:
    """Empty if there is no such text."""
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _machine_code(name: str, folder: Path) -> list[Path]:
    return sorted((folder / "__pycache__").glob(f"{name}.*.nb[ci]"))


def _sums(name: str, folder: Path) -> str:
    """A line for each file of machine code."""
    files = _machine_code(name, folder)
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def _remove(name: str, folder: Path) -> None:
    for file in _machine_code(name, folder):
        file.unlink(missing_ok=True)
