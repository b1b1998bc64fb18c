"""The command line: reads arguments, calls the verbs, prints what came of it.

Nothing heavy is imported before a command needs it, so `--help` and `list` answer at once.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException

from .. import __version__
from ..base import spec
from ..base.errors import InvalidValue, SteepestError
from . import options
from .map_command import map_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..study import Comparison
    from .terminal import Watch

__all__ = ["app", "main"]

app = typer.Typer(
    help="Watch, compare and use the optimizers that train deep networks.",
    epilog="Start with: steepest compare      Watch one: steepest trace adam --on rosenbrock --save path.png",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(map_app, name="map", no_args_is_help=True)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

NOT_WITH_RESUME = (
    "workload", "optimizers", "trials", "seeds", "search_seeds", "steps", "target", "batch_size", "ranges", "schedule",
    "out",
)  # fmt: skip
"""The arguments of `compare` that plan a study."""


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
    save: Annotated[
        Path | None,
        typer.Option(help="Draw the paths to a .png, .svg or .pdf file, or animate them: .gif, .webp, .mp4, .html."),
    ] = None,
    surface: Annotated[bool, typer.Option("--surface", help="Draw the landscape as a surface.")] = False,
    frames: Annotated[int, typer.Option(help="Pictures of an animation.")] = 100,
    lang: Annotated[str, typer.Option(help="Language of the words in the picture: en or zh.")] = "en",
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark paper.")] = False,
) -> None:
    """Run rules on a landscape: where they end, what happened, and a picture of the way.

    [dim]steepest trace sgd adam --on rosenbrock --start -1.2,1 --lr 0.01 --steps 200 --save path.png[/dim]

    [dim]steepest trace sgd momentum adam --on himmelblau --lr 0.01 --save paths.gif[/dim]

    [dim]steepest trace "sgd(momentum=0.25)" sgd --f "0.1*x**2 + 2*y**2" --start -5,-2 --lr 0.6 --steps 20[/dim]
    """
    from ..paths.tracing import trace as run_trace
    from . import terminal

    given = options.settings(settings, lr)
    point = None if start is None else options.numbers("start", start)
    if surface and save is None:
        raise InvalidValue("--surface draws a picture; say where to, for example --save surface.png")
    if save is not None:
        from ..figures.files import check_paths_file, save_paths

        check_paths_file(save, lang, surface, frames)
    paths = [
        run_trace(rule, f or on, point, steps, noise, seed, schedule, **_for_rule(rule, given)) for rule in optimizers
    ]
    if save is not None:
        with terminal.notices(), terminal.Working("drawing") as progress:
            save_paths(paths, save, surface=surface, frames=frames, lang=lang, dark=dark, on_frame=progress)
    terminal.print_paths(paths)
    if save is not None:
        typer.echo(f"drawn to {save}")


@app.command()
def compare(
    context: typer.Context,
    workload: Annotated[
        list[str] | None,
        typer.Argument(help="What to train: names (see steepest list) or your own files; default: digits."),
    ] = None,
    optimizers: Annotated[
        str, typer.Option(help="Rules with commas between, or a .py file with rules of your own.")
    ] = "sgd,momentum,adagrad,rmsprop,adam",
    trials: Annotated[int, typer.Option(help="Settings to try for each optimizer.")] = 16,
    seeds: Annotated[int, typer.Option(help="Fresh seeds on which each winner runs again.")] = 10,
    search_seeds: Annotated[int, typer.Option(help="Seeds that every trial runs on.")] = 1,
    steps: Annotated[int | None, typer.Option(help="Updates a run; default: the workload's.")] = None,
    target: Annotated[float | None, typer.Option(help="Value of the metric to reach; default: the workload's.")] = None,
    batch_size: Annotated[
        str | None, typer.Option(help="Examples a step; 1,10,100,all compares them with each other.")
    ] = None,
    ranges: Annotated[
        list[str] | None,
        typer.Option("--range", help="What to search: lr=1e-4:1 for all, adam.lr=1e-3:0.1 for one; repeat for more."),
    ] = None,
    schedule: Annotated[
        str, typer.Option(help="Learning rate over the steps: constant, cosine, warmup+cosine, inverse_sqrt.")
    ] = "constant",
    widen: Annotated[
        bool, typer.Option("--widen", help="Go on beyond the range where the best trial lies at its edge.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
    on: Annotated[str, typer.Option(help="Where: processes, or ray (RAY_ADDRESS names a cluster).")] = "processes",
    timeout: Annotated[float | None, typer.Option(help="Seconds after which a run is given up.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the study; default: steepest-WORKLOAD here.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the study in this folder.")] = None,
    add_rules: Annotated[str | None, typer.Option(help="With --resume: more optimizers, as for --optimizers.")] = None,
    add_seeds: Annotated[int, typer.Option(help="With --resume: more seeds for the winners.")] = 0,
    add_trials: Annotated[int, typer.Option(help="With --resume: more trials for each optimizer.")] = 0,
) -> None:
    """Find out which optimizer, at which settings, gets there first.

    Every optimizer gets the same number of trials over its ranges; the best of each runs again on fresh seeds, and only
    those count. Everything is kept in the folder: study.sqlite, runs.csv, figures, report.html. The same command goes
    on where an interrupted one stopped.

    [dim]steepest compare                              the lecture's five on handwritten digits[/dim]

    [dim]steepest compare digits airfoil --schedule warmup+cosine --widen[/dim]

    [dim]steepest compare my_workload.py --optimizers adam,adamw,mine.py --trials 32 --range lr=1e-4:1[/dim]

    [dim]steepest compare airfoil --optimizers sgd --batch-size 1,10,100,all[/dim]

    [dim]steepest compare --resume steepest-digits --add-rules lion,adamw --add-seeds 10[/dim]
    """
    from .. import verbs
    from ..study.ranges import read_range
    from ..study.workers.workforce import workforce

    means: dict[str, Any] = {"jobs": jobs, "on": on, "timeout": timeout}
    more: dict[str, Any] = {"add_rules": spec.split(add_rules or ""), "add_seeds": add_seeds, "add_trials": add_trials}
    if resume is not None:
        _refuse_with_resume(context)
        _compare(resume, lambda progress: verbs.resume(resume, **more, **means, widen=widen, on_progress=progress))
        return
    if any(more.values()):
        raise InvalidValue("--add-rules, --add-seeds, --add-trials: say which study to extend, with --resume FOLDER")
    chosen, competing = workload or ["digits"], spec.split(optimizers)
    with workforce(chosen, competing, **means) as start:
        plan = verbs.plan_comparison(
            chosen, competing, trials=trials, seeds=seeds, search_seeds=search_seeds, steps=steps, target=target,
            batch_size=None if batch_size is None else spec.split(batch_size),
            ranges=dict(map(read_range, ranges or [])), schedule=schedule,
        )  # fmt: skip
        home = verbs.default_folder(plan) if out is None else out
        _compare(home, lambda progress: verbs.run_comparison(plan, start, widen=widen, out=home, on_progress=progress))


def _refuse_with_resume(context: typer.Context) -> None:
    """A study goes on as it was planned: what plans one has no place beside --resume."""
    for name in NOT_WITH_RESUME:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            shown = {"workload": "a workload", "ranges": "--range"}.get(name, f"--{name.replace('_', '-')}")
            raise InvalidValue(f"--resume goes on with a study as it was planned; leave out {shown}")


def _compare(folder: Path, run: "Callable[[Watch], Comparison]") -> None:
    """Run it, show how it goes, and print what came of it."""
    from . import terminal

    with terminal.Watch() as watch:
        try:
            comparison = run(watch)
        except KeyboardInterrupt:
            watch.stop()
            message = (
                f"stopped: {watch.done} of {watch.total} runs are kept in {folder};"
                f" steepest compare --resume {shlex.quote(str(folder))} goes on from there"
            )
            typer.echo(message, err=True)
            raise typer.Exit(INTERRUPTED) from None
    terminal.print_comparison(comparison, folder)


@app.command()
def report(
    study: Annotated[Path, typer.Argument(help="A study: its folder, or its file study.sqlite; finished or not.")],
    formats: Annotated[
        str, typer.Option("--format", help="Tables to write: csv, parquet, md, tensorboard; with commas between.")
    ] = "csv",
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: the study's own.")] = None,
) -> None:
    """Make the report of a study again, and write its tables for other programs.

    The page, report.html, and the figures are always written. csv and parquet have every run, every measurement, and
    one row an optimizer; md is the verdict and the table for a chat or an issue; tensorboard has the winners' curves.

    [dim]steepest report steepest-digits                         as it stands now[/dim]

    [dim]steepest report steepest-digits --format csv,parquet,md --out shown[/dim]

    [dim]steepest report steepest-digits --format tensorboard    then: tensorboard --logdir steepest-digits[/dim]
    """
    from ..report import write_report
    from ..report.sentences import unfinished_sentence
    from ..study import Comparison

    comparison = Comparison.read(study)
    home = out or (study.parent if study.suffix == ".sqlite" else study)
    page, *tables = write_report(comparison, home, spec.split(formats))
    if not comparison.complete:
        typer.echo(unfinished_sentence(comparison).en)
    typer.echo(f"report: {page}")
    for path in tables:
        typer.echo(f"{path.suffix[1:] or path.name}: {path}")


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
    from .. import rules
    from ..program import showing
    from . import terminal

    chosen = [*rules.RULES] if everything else names or []
    shown = showing.show(chosen, diff=diff, lang=lang)
    if latex:
        for name in chosen:
            typer.echo("\n".join([f"% {name}"] * (len(chosen) > 1) + showing.equations(name)))
        return
    for each in shown:
        terminal.print_shown(each)


@app.command()
def play(
    save: Annotated[Path | None, typer.Option(help="Write the page to this file instead of opening it.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language: en or zh; default: the browser's.")] = None,
) -> None:
    """Open the playground: drag the start, slide the settings, and watch the rules run. One file, no network.

    [dim]steepest play                                           opens it in the browser[/dim]

    [dim]steepest play --save playground.html --lang zh          a file to hand out[/dim]
    """
    from ..playground import open_playground, write_playground

    if save is not None:
        typer.echo(f"saved to {write_playground(save, lang)}; open it in any browser")
        return
    file, shown = open_playground(lang)
    typer.echo(f"opened {file}" if shown else f"no browser could be opened; open this file in one: {file}")


@app.command(name="list")
def list_all() -> None:
    """List the rules, landscapes, schedules and workloads, a line each."""
    from . import terminal

    terminal.print_list()


def _for_rule(rule: str, given: dict[str, object]) -> dict[str, object]:
    """The settings given for all rules, less those that this rule was given by itself."""
    own = dict(spec.parse(rule).kwargs)
    return {name: value for name, value in given.items() if name not in own}


def _usage(error: TyperException) -> str:
    """What is wrong with the words of the command, and where help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "steepest"
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
        if type(error).__name__ != "NoArgsIsHelpError":  # that one has printed the help already
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
