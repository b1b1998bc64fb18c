"""The command line: reads arguments, calls the verbs, prints what came of it.

Nothing heavy is imported before a command needs it, so `--help` and `list` answer at once.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from . import __version__, spec
from .errors import InvalidValue, SteepestError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Watch, compare and use the optimizers that train deep networks.",
    epilog="Start with: steepest compare      Watch one: steepest trace adam --on rosenbrock --save path.png",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"steepest {__version__}")
        raise typer.Exit


@app.callback()
def steepest(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Watch, compare and use the optimizers that train deep networks."""


@app.command()
def trace(
    optimizers: Annotated[
        list[str], typer.Argument(help="Rules, such as sgd or 'adam(betas=(0.9, 0.98))'; see steepest list.")
    ],
    on: Annotated[str, typer.Option(help="A landscape, or a formula such as '0.1*x**2 + 2*y**2'.")] = "rosenbrock",
    f: Annotated[str | None, typer.Option("--f", help="A formula of your own instead, such as 'x*cos(pi*x)'.")] = None,
    start: Annotated[str | None, typer.Option(help="First point, such as -1.2,1.")] = None,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate of the rules not given their own; default: the rule's.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Number of updates.")] = 100,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Another hyperparameter, such as momentum=0.9; repeat for more.")
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="Learning rate over the steps: cosine, 'exponential(0.1)', inverse_sqrt, warmup_cosine."),
    ] = None,
    noise: Annotated[float, typer.Option(help="Standard deviation of the noise added to each gradient.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    save: Annotated[Path | None, typer.Option(help="Draw the paths to a .png, .svg or .pdf file.")] = None,
    surface: Annotated[bool, typer.Option("--surface", help="Draw the landscape as a surface.")] = False,
) -> None:
    """Run rules on a landscape: where they end, what happened, and a picture of the way.

    [dim]steepest trace sgd adam --on rosenbrock --start -1.2,1 --lr 0.01 --steps 200 --save path.png[/dim]

    [dim]steepest trace "sgd(momentum=0.25)" sgd --f "0.1*x**2 + 2*y**2" --start -5,-2 --lr 0.6 --steps 20[/dim]
    """
    from . import terminal
    from .tracing import trace as run_trace

    given = dict(_setting(text) for text in settings or [])
    if lr is not None:
        given["lr"] = lr
    point = None if start is None else _numbers("start", start)
    if surface and save is None:
        raise InvalidValue("--surface draws a picture; say where to, for example --save surface.png")
    paths = [
        run_trace(rule, f or on, point, steps, noise, seed, schedule, **_for_rule(rule, given)) for rule in optimizers
    ]
    if save is not None:
        from .figures.paths import draw_paths
        from .figures.style import save as save_figure

        save_figure(draw_paths(paths, surface=surface), save)
    terminal.print_paths(paths)
    if save is not None:
        typer.echo(f"drawn to {save}")


@app.command()
def compare(
    workload: Annotated[
        str, typer.Argument(help="What to train: a name (see steepest list) or your own file, my_workload.py.")
    ] = "digits",
    optimizers: Annotated[
        str, typer.Option(help="Rules with commas between, or a .py file with rules of your own.")
    ] = "sgd,momentum,adagrad,rmsprop,adam",
    trials: Annotated[int, typer.Option(help="Learning rates to try for each optimizer.")] = 16,
    seeds: Annotated[int, typer.Option(help="Fresh seeds on which each winner runs again.")] = 10,
    steps: Annotated[int | None, typer.Option(help="Updates a run; default: the workload's.")] = None,
    target: Annotated[float | None, typer.Option(help="Value of the metric to reach; default: the workload's.")] = None,
    batch_size: Annotated[
        str | None, typer.Option(help="Examples a step; 1,10,100,all compares them with each other.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the study; default: steepest-WORKLOAD here.")] = None,
) -> None:
    """Find out which optimizer, at which learning rate, gets there first.

    Every optimizer gets the same number of trials over its range of learning rates; the best of each runs again on
    fresh seeds, and only those count. Everything is kept in the folder: study.sqlite, runs.csv, figures, report.html.
    The same command goes on where an interrupted one stopped.

    [dim]steepest compare                              the lecture's five on handwritten digits[/dim]

    [dim]steepest compare my_workload.py --optimizers adam,adamw,mine.py --trials 32[/dim]

    [dim]steepest compare airfoil --optimizers sgd --batch-size 1,10,100,all[/dim]
    """
    from . import terminal
    from .verbs import default_folder, plan_comparison, run_comparison

    plan = plan_comparison(
        workload, spec.split(optimizers), trials=trials, seeds=seeds, steps=steps, target=target,
        batch_size=None if batch_size is None else spec.split(batch_size),
    )  # fmt: skip
    folder = default_folder(plan) if out is None else out
    with terminal.Watch() as watch:
        try:
            comparison = run_comparison(plan, jobs=jobs, out=folder, on_progress=watch)
        except KeyboardInterrupt:
            watch.stop()
            message = (
                f"stopped: {watch.done} of {plan.runs} runs are kept in {folder}; the same command goes on from there"
            )
            typer.echo(message, err=True)
            raise typer.Exit(INTERRUPTED) from None
    terminal.print_comparison(comparison, folder)


@app.command()
def show(
    names: Annotated[
        list[str] | None, typer.Argument(help="Rules, such as adam or 'sgd(momentum=0.9)', or landscapes.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every rule, side by side.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="What differs between two rules.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Only the equations, as LaTeX.")] = False,
    lang: Annotated[str, typer.Option(help="Language of the texts: en or zh.")] = "en",
) -> None:
    """Show a rule's formula, settings and character, or a landscape's facts; several rules side by side.

    [dim]steepest show adam                                      formula, settings, memory, stability, reference[/dim]

    [dim]steepest show adam adamw --diff                         what differs[/dim]

    [dim]steepest show sgd momentum adagrad rmsprop adam         side by side[/dim]

    [dim]steepest show rosenbrock                                formula, gradient, minima, saddles[/dim]
    """
    from . import rules, showing, terminal

    chosen = [*rules.RULES] if everything else names or []
    shown = showing.show(chosen, diff=diff, lang=lang)
    if latex:
        for name in chosen:
            typer.echo("\n".join([f"% {name}"] * (len(chosen) > 1) + showing.equations(name)))
        return
    for each in shown:
        terminal.print_shown(each)


@app.command(name="list")
def list_all() -> None:
    """List the rules, landscapes, schedules and workloads, a line each."""
    from . import terminal

    terminal.print_list()


def _setting(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InvalidValue(f"--set {text!r}: write it as name=value, for example momentum=0.9")
    return name.strip(), spec.value(value)


def _for_rule(rule: str, given: dict[str, object]) -> dict[str, object]:
    """The settings given for all rules, less those that this rule was given by itself."""
    own = dict(spec.parse(rule).kwargs)
    return {name: value for name, value in given.items() if name not in own}


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidValue(f"--{option} {text!r}: write numbers with commas between, for example -1.2,1") from None


def _usage(error: TyperException) -> str:
    """What is wrong with the words of the command, and where help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "steepest"
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(context.get_help()) if context is not None else ""
    what = " ".join(error.format_message().split()).rstrip(".")  # type: ignore[attr-defined]
    return f"steepest: {what}; see {command} --help"


def main() -> None:
    """Run the command line; whatever goes wrong is one clear message and an exit code."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except SteepestError as error:
        print(f"steepest: {error}", file=sys.stderr)
        sys.exit(2)
    except TyperException as error:  # wrong usage: an option that does not exist, an argument that is missing
        print(_usage(error), file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("STEEPEST_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}"
        print(f"steepest: internal error, {what}; please report it (STEEPEST_DEBUG=1 shows where)", file=sys.stderr)
        sys.exit(70)


if __name__ == "__main__":
    main()
