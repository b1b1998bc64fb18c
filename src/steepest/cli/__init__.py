"""The command line. Each command is a file here that defines `command`, and a name in `COMMANDS`.

Nothing heavy is imported before a command needs it, so `--help` and `list` answer at once.
"""

from . import interrupts  # before anything that takes time

# isort: split

import errno
import io
import os
import sys
import warnings
from contextlib import suppress
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from .. import __version__
from ..base.errors import SteepestError
from ..base.modules import last_words, place_in_users_file
from ..base.plugins import PluginWarning
from ..datasets import watch_with
from . import data, language
from .language import explain, translate
from .options import Lang, check_no_empty
from .terminal import INTERRUPTED, echo, folded_help

__all__ = ["COMMANDS", "app", "main", "run"]

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
"""Errors of a disk or a device that takes nothing more."""

COMMANDS = ("trace", "compare", "report", "pack", "show", "play", "lecture", "list", "data", "map", "diagnose")
"""In the order of the help. `command` is a function, or a `typer.Typer` with commands of its own."""

app = typer.Typer(
    help="Watch, compare and use the optimizers that train deep networks.",
    epilog="Start with: steepest compare      Watch one: steepest trace adam --on rosenbrock --save path.png",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_set: bool) -> None:
    if is_set:
        typer.echo(f"steepest {__version__}")
        raise typer.Exit


@app.callback()
def steepest(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    lang: Lang = "",
) -> None:
    """Watch, compare and use the optimizers that train deep networks."""


for name in COMMANDS:
    command = import_module(f".{name}", __name__).command
    if isinstance(command, typer.Typer):
        alone = command.info.invoke_without_command is True  # it does something without a command of its own
        app.add_typer(command, name=name, no_args_is_help=not alone, invoke_without_command=alone)
    else:
        app.command(name)(command)


interrupts.as_before()


def main() -> None:
    """Run the command line; every error is one clear message and an exit code."""
    language.begin(sys.argv[1:])
    if not os.environ.get("COLUMNS", "1").strip("0").isdecimal():  # "0" and the like would leave no room for a letter
        del os.environ["COLUMNS"]
    warnings.simplefilter("always", PluginWarning)
    warnings.showwarning = _print_warning
    watch_with(data.watch)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")  # an old locale, or none ("C"), lacks most of mathematics
    try:
        language.check_variable()
        check_no_empty(sys.argv[1:])
        code = run() or 0
    except SystemExit as error:
        if not (place := place_in_users_file(error)):
            raise
        _complain(f"{place}: {last_words(error)}")  # a user's file calls sys.exit
        sys.exit(2)
    except SteepestError as error:
        _complain(error)
        sys.exit(2)
    except TyperException as error:  # wrong usage: an option that does not exist, an argument that is missing
        if type(error).__name__ != "NoArgsIsHelpError":  # that one has printed the help already
            echo(_usage(error), error=True)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("STEEPEST_DEBUG"):
            raise
        cause = f"{type(error).__name__}: {error}"
        if place := place_in_users_file(error):
            _complain(f"{place}: {' '.join(cause.split())}")
            sys.exit(2)
        if refused := _outside(error):
            _complain(refused)
            _drop_output()
            sys.exit(2)
        ending = translate("internal error, {}; please report it (STEEPEST_DEBUG=1 shows where)", cause)
        _complain(ending)
        sys.exit(70)
    sys.exit(code)


def run() -> Any:
    """Run the command that the arguments of the process name, its help in the language of the terminal."""
    command = typer.main.get_command(app)
    with folded_help(), language.translated_help(command):
        return command(standalone_mode=False)


def _complain(message: object) -> None:
    """Print an error line, whatever is in it, on standard error."""
    echo(f"steepest: {explain(message)}", error=True)


def _outside(error: Exception) -> str:
    """What the machine refused, which is no fault of the program's; empty of another error."""
    if isinstance(error, OSError) and error.errno in FULL:
        told = translate("{}: cannot be written ({})", error.filename or translate("the output"), error.strerror)
        return translate("{}; make room, or choose another place", told)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return translate("the memory is full") if isinstance(error, MemoryError) else ""


def _drop_output() -> None:
    """What could not be written is not tried again when Python ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *place: Any, **more: Any
) -> None:
    """On standard error: a plugin that is left out in one line, any other warning as Python prints it."""
    if issubclass(category, PluginWarning):
        _complain(message)
    else:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))


def _usage(error: TyperException) -> str:
    """The usage error in one line that ends with the command for help."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "steepest"
    message = " ".join(error.format_message().split()).rstrip(".")  # type: ignore[attr-defined]
    form = "{} See {} --help" if message.endswith("?") else "{}; see {} --help"
    if type(error).__name__ == "NoSuchOption" and path.endswith(" diagnose"):
        form = "{}; the script's own arguments come behind --, see {} --help"
    return f"steepest: {translate(form, explain(message), path)}"
