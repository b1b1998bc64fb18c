"""`steepest diagnose`: a script, or a workload, is run with the doctor beside it."""

import ast
import runpy
import sys
import traceback
from pathlib import Path
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
    script = Path(target).expanduser() if target.endswith(".py") and not _is_workload(target) else None
    if script is None and arguments:
        raise InvalidValue(f"{target}: a workload takes no arguments, got {' '.join(arguments)}")
    if report is not None:
        check_page_file(report)
    shown = language.language()

    def tell(finding: "Diagnosis") -> None:
        terminal.paragraph(finding.text(shown), f"{translate('found')}: ", error=True)

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
            if doctor is None:
                terminal.echo(translate("no model was trained by an optimizer of torch: nothing was observed"))
            else:
                doctor.close()
                steps, ticks = doctor.record.steps, doctor.record.observed
                terminal.echo(translate("{} steps, {} of them observed", steps, ticks))
                for finding in (*doctor.findings, *doctor.unseen):
                    terminal.paragraph(finding.text(shown))
                if not doctor.findings:
                    terminal.echo(translate("nothing was found"))
                if doctor.step_size is not None:
                    terminal.paragraph(doctor.step_size.happened(shown), f"{translate('step size')}: ")
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
            terminal.paragraph(proof.text(lang), f"{finding.title(lang)}: ")
    except KeyboardInterrupt:
        terminal.echo(translate("interrupted: the other findings were not tried"), error=True)
        return False
    return True


def _is_workload(path: str) -> bool:
    """Whether a file is one that `steepest compare` takes: it says a target, or defines a problem."""
    check_syntax(path)
    tree = ast.parse(Path(path).expanduser().read_bytes())
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == "target"
            for aim in node.targets
            for each in (aim.elts if isinstance(aim, ast.Tuple) else [aim])
        ):
            return True
        if isinstance(node, ast.ClassDef) and any("Problem" in ast.unparse(base) for base in node.bases):
            return True
    return False


def _run(script: Path, arguments: list[str]) -> int:
    """Run a script as `python script.py arguments` does, and give its exit code; an error is printed as by Python."""
    before = sys.argv, sys.path[:]
    sys.argv, sys.path[:0] = [str(script), *arguments], [str(script.parent)]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        terminal.echo(str(ended.code), error=True)
        return 1
    except Exception:  # whatever a script raises
        terminal.echo(traceback.format_exc(), error=True)
        return 1
    finally:
        sys.argv, sys.path[:] = before
    return 0


def _train(workload: str, optimizer: str, seed: int) -> None:
    from .. import rules, workloads
    from ..training import train

    problem = workloads.find(workload)
    train(problem, rules.find(optimizer), seed)
