"""`steepest diagnose`: a script, or a workload, is run with the doctor beside it."""

import ast
import builtins
import contextlib
import io
import os
import runpy
import sys
import traceback
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from ..base.errors import InvalidValue, SteepestError
from ..base.modules import check_syntax
from ..web import check_page_file
from . import language, terminal
from .language import translate
from .options import Lang

if TYPE_CHECKING:
    from ..diagnose import Diagnosis, Doctor

__all__ = ["command"]


def command(
    target: Annotated[str, typer.Argument(help="A training script, or a workload.", metavar="SCRIPT|WORKLOAD")],
    arguments: Annotated[list[str] | None, typer.Argument(help="The script's own arguments, behind --.")] = None,
    module: Annotated[bool, typer.Option("-m", help="SCRIPT is the name of a module, as of python -m.")] = False,
    optimizer: Annotated[str, typer.Option(help="Optimizer of a workload, such as 'adam(lr=0.01)'.")] = "adam",
    seed: Annotated[int, typer.Option(help="Seed of a workload.")] = 1,
    budget: Annotated[float, typer.Option(help="Share of the time that observing takes.")] = 0.05,
    report: Annotated[
        Path | None, typer.Option(help="Write a page with pictures of what was found to this file.")
    ] = None,
    prove: Annotated[
        bool, typer.Option("--prove", help="Afterwards try the advice of each finding on copies of the model.")
    ] = False,
    lang: Lang = "",
) -> None:
    """Run a training script as it is, and say what is wrong with its training.

    [dim]steepest diagnose train.py -- --epochs 3                  a script with its own arguments[/dim]

    [dim]steepest diagnose my_workload.py --optimizer "sgd(lr=1)"  a workload[/dim]

    [dim]steepest diagnose train.py --report run.html              a page with pictures[/dim]
    """
    if not 0 < budget <= 1:
        raise InvalidValue(f"budget: must be a share of the time, above 0 and at most 1, got {budget!r}")
    script: Path | str | None = None
    if module:
        _check_module(script := target)
    elif target.endswith(".py") and not _is_workload(target):
        script = Path(target).expanduser()
    if script is None and arguments:
        raise InvalidValue(f"{target}: a workload takes no arguments, got {' '.join(arguments)}")
    if report is not None:
        check_page_file(report)
        report = report.expanduser().absolute()  # the script may go to another folder
    shown, process = language.language(), os.getpid()

    def tell(finding: "Diagnosis") -> None:
        if os.getpid() == process:
            terminal.echo("", error=True)  # a progress bar of the script may be on this line
            terminal.paragraph(finding.text(shown), translate("found"), error=True)

    from ..diagnose.everywhere import everywhere

    with everywhere(budget, tell) as seen:
        code, ended = 0, False
        try:
            if script is not None:
                code = _run(script, arguments or [])
            else:
                _train(target, optimizer, seed)
            ended = True
        finally:
            doctor = seen.doctor
            if os.getpid() != process:
                pass  # a copy of this process that the script has made by os.fork() and that has come to its end
            elif doctor is None:
                if ended:
                    terminal.echo(translate("no model was trained by an optimizer of torch: nothing was observed"))
            else:
                seen.end()
                steps, ticks = doctor.record.steps, doctor.record.observed
                terminal.echo(translate("{} steps, {} of them observed", steps, ticks))
                if not doctor.findings:
                    terminal.echo(translate("nothing was found"))
                for finding in (*doctor.findings, *doctor.unseen):
                    terminal.paragraph(finding.text(shown))
                if doctor.step_size is not None:
                    terminal.paragraph(doctor.step_size.happened(shown), translate("step size"))
                if prove and ended and not _proved(doctor, shown):
                    code = terminal.INTERRUPTED
                if report is not None:
                    code = _write(doctor, report, shown) or code
    if code:
        raise typer.Exit(code)


def _write(doctor: "Doctor", report: Path, lang: str) -> int:
    """Write the page, and give an exit code: what became of the training is told in any case."""
    try:
        terminal.echo(translate("report: {}", doctor.report(report, lang)))
    except SteepestError as error:
        terminal.echo(f"steepest: {language.explain(error)}", error=True)
        return 2
    return 0


def _proved(doctor: "Doctor", lang: str) -> bool:
    """Print what comes of trying each finding's advice; whether it was not interrupted."""
    try:
        for finding in doctor.findings:
            with terminal.Working(translate("trying the advice: {}", finding.title(lang))) as working:
                proof = doctor.prove(finding, tell=working)
            terminal.paragraph(proof.text(lang), finding.title(lang))
    except KeyboardInterrupt:
        terminal.echo(translate("interrupted: the other findings were not tried"), error=True)
        return False
    return True


def _is_workload(path: str) -> bool:
    """Whether a file is one that `steepest compare` takes: it says a target of what it defines, or defines a problem.

    A training script may well have a tensor named `target`, or a model of that name, but no function to make them.
    """
    check_syntax(path)
    body = ast.parse(Path(path).expanduser().read_bytes()).body
    says_target = "target" in {name for node in body if isinstance(node, ast.Assign) for name in _names(node)}
    made: dict[str, ast.expr | None] = {node.name: None for node in body if isinstance(node, ast.FunctionDef)}
    made |= {name: node.value for node in body if isinstance(node, ast.Assign) for name in _names(node)}
    if says_target and any(name in made and _is_function(made[name], name) for name in ("model", "data", "batches")):
        return True
    bases = [base for node in body if isinstance(node, ast.ClassDef) for base in node.bases]
    return any(ast.unparse(base).rpartition(".")[2] == "Problem" for base in bases)


def _names(node: ast.Assign) -> list[str]:
    """The names that a line assigns to."""
    parts = [part for aim in node.targets for part in (aim.elts if isinstance(aim, ast.Tuple) else [aim])]
    return [part.id for part in parts if isinstance(part, ast.Name)]


def _is_function(value: ast.expr | None, name: str) -> bool:
    """Whether a name stands for a function: by `def`, which has no value, or by one that is made on the spot."""
    called = ast.unparse(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
    elsewhere = isinstance(value, ast.Name | ast.Attribute) and name == "model"  # a class; data may well be a column
    return value is None or isinstance(value, ast.Lambda) or called == "partial" or elsewhere


def _run(script: Path | str, arguments: list[str]) -> int:
    """Run a script, or a module by its name, as Python does, and give its exit code; an error is printed, too."""
    try:
        with _as_python([str(script), *arguments]):
            if isinstance(script, str):
                sys.path.insert(0, str(Path.cwd()))  # no relative one: the script may go to another folder
                runpy.run_module(script, run_name="__main__", alter_sys=True)
            else:
                sys.path.insert(0, str(script.resolve().parent))
                _execute(script)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        terminal.echo(str(ended.code), error=True)
        return 1
    except Exception as error:  # whatever a script raises
        trace, own = error.__traceback__, (__file__, contextlib.__file__, runpy.run_module.__code__.co_filename)
        while trace is not None and trace.tb_frame.f_code.co_filename in own:
            trace = trace.tb_next
        terminal.echo("".join(traceback.format_exception(type(error), error, trace)), error=True)
        return 1
    return 0


@contextlib.contextmanager
def _as_python(arguments: list[str]) -> Iterator[None]:
    """Within it the process has other arguments; what a script makes of arguments, path and streams ends with it."""
    before, streams = (sys.argv, sys.path[:], sys.modules["__main__"]), (sys.stdout, sys.stderr)
    sys.argv = arguments
    try:
        yield
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = before
        there = [stream for stream in streams if not stream.closed] or [io.StringIO()]
        sys.stdout, sys.stderr = (stream if not stream.closed else there[0] for stream in streams)


def _execute(script: Path) -> None:
    """Run a script as the main module."""
    file = str(script.absolute())
    main = ModuleType("__main__")
    main.__file__, main.__loader__ = file, SourceFileLoader("__main__", file)
    vars(main)["__builtins__"] = builtins
    sys.modules["__main__"] = main
    exec(compile(script.read_bytes(), file, "exec"), vars(main))


def _check_module(name: str) -> None:
    """Raise `InvalidValue` where there is no module of a name to run."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = find_spec(name)
    except (ImportError, ValueError):  # the package that it should be in is missing, or the name is none
        found = None
    finally:
        sys.path.pop(0)
    if found is None:
        raise InvalidValue(f"{name}: no such module; name it as for python -m, in the folder that has its package")


def _train(workload: str, optimizer: str, seed: int) -> None:
    from .. import rules, workloads
    from ..training import train

    problem = workloads.find(workload)
    train(problem, rules.find(optimizer), seed)
