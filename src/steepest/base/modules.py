"""Loading a user's own Python file: a workload, or rules. This runs the file, once in a process, as importing it would.

A file is run again only when it, or a file beside it that it imports, has changed since. While it runs, its folder is
first on the import path, as if Python had been started with it. Files of the same name in two folders are two modules,
each seen by the files of its own folder.
"""

import ast
import hashlib
import importlib
import sys
import sysconfig
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from .errors import InvalidValue
from .guards import ProcessExit, exits_raised
from .text import visible

__all__ = [
    "Source",
    "check_syntax",
    "digests",
    "files_of",
    "importing",
    "is_library",
    "last_words",
    "line_of",
    "load",
    "place_in_users_file",
]


@dataclass(frozen=True, eq=False)
class Source:
    """A user's file as it was run.

    Attributes:
        path: where it is.
        module: the definitions in it.
        digests: SHA-256 of it and of the files beside it that it imports, by path.
    """

    path: Path
    module: ModuleType
    digests: dict[str, str]


PACKAGE = Path(__file__).parent.parent
"""The folder of steepest."""

_LOCK = threading.RLock()
_RUNNING: set[Path] = set()
_LOADED: dict[Path, Source] = {}
_SIBLINGS: dict[Path, dict[str, Source]] = {}
"""By folder, everything that was imported from it for a user's file, by the name of the module."""


def load(path: str | Path) -> Source:
    """A user's file, run unless that was done in this process and nothing has changed since.

    Raises:
        InvalidValue: there is no such file, or it raises; the message names the line in it.
    """
    file = _file(path)
    if file.suffix != ".py":
        raise InvalidValue(f"{path}: not a Python file")
    with _LOCK:
        if file in _RUNNING:
            raise InvalidValue(f'{path}: runs itself without end; put its end behind `if __name__ == "__main__":`')
        _RUNNING.add(file)
        try:
            if file not in _LOADED or _has_changed(_LOADED[file], file.parent):
                _forget_changed(file.parent)
                if file.stem.isidentifier() and _module_name(file) != file.stem:
                    with suppress(Exception):  # whoever imports this name means the library, not the user's file
                        importlib.import_module(file.stem)
                with importing(file.parent), exits_raised():
                    _LOADED[file] = _run(file)
            return _LOADED[file]
        except (Exception, SystemExit) as error:
            raise InvalidValue(f"{path}: {last_words(error, file)}{_hint(error, file)}") from error
        finally:
            _RUNNING.discard(file)


def _file(path: str | Path) -> Path:
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise InvalidValue(f"{path}: {'is a folder' if file.is_dir() else 'no such file'}")
    if visible(str(file)) != str(file):
        raise InvalidValue(
            f"{str(file)!r}: its path has a line break or another character that nobody sees, which no study stores;"
            " rename it"
        )
    return file


def check_syntax(path: str | Path) -> None:
    """Raise `InvalidValue` where there is no such file or it is no Python, without running it."""
    file = _file(path)
    try:
        ast.parse(file.read_bytes(), str(file))
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidValue(f"{path}: {last_words(error, file)}") from error


def _run(file: Path) -> Source:
    """Run the file, unless one beside it has imported it."""
    name = _module_name(file)
    siblings = _SIBLINGS[file.parent]
    if name not in siblings:
        content = file.read_bytes()
        spec = spec_from_file_location(name, file)
        assert spec is not None
        module = module_from_spec(spec)
        before = sys.modules.get(name)
        sys.modules[name] = module  # dataclasses look their module up
        writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # Python overlooks changes within a second
        importlib.invalidate_caches()
        try:
            exec(compile(content, str(file), "exec"), vars(module))
        except BaseException:
            del sys.modules[name]
            if before is not None:
                sys.modules[name] = before
            raise
        finally:
            sys.dont_write_bytecode = writes
        siblings[name] = Source(file, module, digests(file))
    return siblings[name]


def _hint(error: BaseException, file: Path) -> str:
    """After a failed import: the file beside this one that was imported in the place of a library."""
    if isinstance(error, ImportError | AttributeError):
        for name in sorted({name.partition(".")[0] for name in _imported_names(file.read_bytes())}):
            for other in _beside(file.parent, name)[:1]:
                if other.stem == name and other != file and _module_name(other) != name:
                    return f"; {other.name} beside it hides the library {name}: give it another name"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"; install {error.name.partition('.')[0]} for this Python, or mend its name"
    return ""


def _module_name(file: Path) -> str:
    """The name of the file, so that files beside it can import it; another name where that is a library's."""
    name = file.stem
    is_free = name.isidentifier() and name not in sys.stdlib_module_names
    return name if is_free and PathFinder.find_spec(name, _library_path()) is None else f"steepest_user_{name}"


@cache
def _library_path() -> list[str]:
    own = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    installed = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return list(dict.fromkeys(str(Path(path).resolve()) for path in (*own, *installed)))


# --- which files belong to it -----------------------------------------------------------------------------------------


def digests(file: Path, folder: Path | None = None) -> dict[str, str]:
    """SHA-256 of a file and of the files in its folder that its import statements name, directly or through others.

    Seen are import statements, and calls of `import_module` with a name; not a name that is made up while running.
    """
    folder = file.parent if folder is None else folder
    contents: dict[Path, bytes] = {}
    left = [file]
    while left:
        path = left.pop()
        if path not in contents:
            contents[path] = path.read_bytes()
            for name in _imported_names(contents[path]):
                left += _beside(folder, name)
    return {str(path): hashlib.sha256(contents[path]).hexdigest() for path in sorted(contents)}


@cache
def _imported_names(content: bytes) -> frozenset[str]:
    """The names in the import statements of a file, with dots, and what is imported from each."""
    names = []
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # running it will tell
        return frozenset()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                names.append(node.args[0].value)
    return frozenset(name for name in names if name.partition(".")[0] != "steepest")


def _beside(folder: Path, name: str) -> list[Path]:
    """The file of a module in a folder, or all files of a package there; in a folder without `__init__.py`, its own."""
    first, _, rest = name.partition(".")
    if (folder / first / "__init__.py").is_file():
        return sorted((folder / first).rglob("*.py"))
    if (folder / f"{first}.py").is_file():
        return [folder / f"{first}.py"]
    return _beside(folder / first, rest) if rest and (folder / first).is_dir() else []


def _has_changed(source: Source, folder: Path) -> bool:
    try:
        return digests(source.path, folder) != source.digests
    except OSError:  # running it will tell
        return True


def _forget_changed(folder: Path) -> None:
    siblings = _SIBLINGS.get(folder, {})
    for name, source in [*siblings.items()]:
        if _has_changed(source, folder):
            del siblings[name]
            if sys.modules.get(name) is source.module:
                del sys.modules[name]


# --- modules of the same name in several folders ----------------------------------------------------------------------


@contextmanager
def importing(*folders: Path) -> Iterator[None]:
    """A context in which imports look into these folders first, even for names of modules that are imported already.

    A user's functions are called in this context, since they may import modules only then.
    """
    with ExitStack() as stack:
        for folder in dict.fromkeys(folders):
            stack.enter_context(_importing(folder))
        yield


@contextmanager
def _importing(folder: Path) -> Iterator[None]:
    siblings = _SIBLINGS.setdefault(folder, {})
    names = {path.stem for path in (*folder.glob("*.py"), *(path.parent for path in folder.glob("*/__init__.py")))}
    others = {top for top in names & sys.modules.keys() if _is_anothers(folder, top)}
    namesakes = {name: module for name, module in [*sys.modules.items()] if name.partition(".")[0] in others}
    for name in namesakes:
        del sys.modules[name]
    sys.modules.update({name: source.module for name, source in siblings.items() if name not in sys.modules})
    before = {*sys.modules}
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # stays, for processes that the user's code starts
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in sys.modules.keys() - before:
            file = _file_of(sys.modules[name]) if name.partition(".")[0] in names else None
            if name not in siblings and file is not None and file.is_relative_to(folder):
                siblings[name] = Source(file, sys.modules[name], digests(file, folder))
        for name in [name for name in sys.modules if name.partition(".")[0] in others]:
            del sys.modules[name]
        sys.modules.update(namesakes)


def _is_anothers(folder: Path, name: str) -> bool:
    """Whether the module of this name comes from another folder of the user's: not from this one, nor a library."""
    file = _file_of(sys.modules[name])
    if file is None or name in ("__main__", "steepest"):
        return False
    return not any(file.is_relative_to(path) for path in (str(folder), *_library_path()))


def _file_of(module: ModuleType | None) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


def is_library(file: str | Path) -> bool:
    """Whether a file belongs to Python, an installed package or steepest: not to the user.

    >>> is_library(__file__), is_library(ast.__file__), is_library("<frozen os>"), is_library("/home/me/mine.py")
    (True, True, True, False)
    """
    if str(file).startswith("<"):
        return True
    path = Path(file).resolve()
    return any(path.is_relative_to(folder) for folder in [str(PACKAGE), *_library_path()])


def last_words(error: BaseException, *files: str | Path, named: bool = False) -> str:
    """An exception in one line, with the last line that it went through in the user's code.

    Args:
        error: the exception.
        files: the user's files; those beside them count too.
        named: whether the file is named, also where there is only one.

    >>> last_words(ValueError("no data"))
    'ValueError: no data'
    """
    name = "" if isinstance(error, ProcessExit) else f"{type(error).__name__}: "
    text = f"{name}{' '.join(str(error).split())}".removesuffix(": ")
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{_line(error.filename or '', error.lineno, files, named)}: {type(error).__name__}: {error.msg}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.lineno and _is_users(frame.filename, files):
            return f"{_line(frame.filename, frame.lineno, files, named)}: {text}"
    return text


def _is_users(name: str, files: Sequence[str | Path]) -> bool:
    """Whether a file is one of these, or lies beside one of them (a virtual environment may, too)."""
    if name in map(str, files):
        return True
    return any(Path(name).is_relative_to(Path(file).parent) for file in files if Path(file).is_absolute()) and (
        not is_library(name)
    )


def _line(name: str, line: int, files: Sequence[str | Path], named: bool) -> str:
    is_the_file = not name or [name] == [*map(str, files)]
    return f"line {line}" if is_the_file and not named else f"{Path(name).name}, line {line}"


def line_of(error: BaseException, defined: type) -> str:
    """`line 12: `, the last line of the file that defines a class through which an exception went; empty if none."""
    files = files_of(defined)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return f"line {lines[-1]}: " if lines else ""


def files_of(defined: type) -> set[str]:
    """The files of the functions of a class and of its bases; a module of the same name may be another by now."""
    functions = [value for ancestor in defined.__mro__ for value in vars(ancestor).values()]
    return {
        function.__code__.co_filename
        for function in functions
        if hasattr(function, "__code__") and function.__module__.partition(".")[0] != "steepest"
    }


def place_in_users_file(error: BaseException) -> str:
    """The last line of a file loaded here, or imported from beside one, that an exception went through: `mine.py:12`.

    Empty if it went through none.
    """
    own = {str(path) for path in _LOADED}
    own |= {str(source.path) for siblings in _SIBLINGS.values() for source in siblings.values()}
    places = [
        f"{frame.filename}: line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename in own
    ]
    return places[-1] if places else ""
