"""`steepest trace`: rules on a landscape; where they end, the finding on each, and a picture of the paths."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.padding import Padding

from ..base.errors import InvalidValue
from ..base.numbers import fixed
from . import options, terminal
from .language import language, translate
from .options import Dark, Formula, Lang, On, Rate, Schedule, Settings, Start, Steps
from .terminal import Sentence

if TYPE_CHECKING:
    from ..paths import tracing

__all__ = ["command"]

STILL = (".png", ".svg", ".pdf")
"""Endings of figures that do not move."""


def command(
    context: typer.Context,
    optimizers: Annotated[
        list[str], typer.Argument(help="Rules, such as sgd or 'adam(betas=(0.9, 0.98))'; see steepest list.")
    ],
    on: On = "rosenbrock",
    f: Formula = None,
    start: Start = None,
    lr: Rate = None,
    steps: Steps = 100,
    settings: Settings = None,
    schedule: Schedule = None,
    noise: Annotated[float, typer.Option(help="Standard deviation of the noise added to each gradient.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    save: Annotated[
        Path | None,
        typer.Option(help="Draw the paths to a .png, .svg or .pdf file, or animate them: .gif, .webp, .mp4, .html."),
    ] = None,
    surface: Annotated[bool, typer.Option("--surface", help="Draw the landscape as a surface.")] = False,
    window: Annotated[
        str | None, typer.Option(help="The part that is drawn, such as -5:5,-5:5; default: chosen for the paths.")
    ] = None,
    frames: Annotated[int, typer.Option(help="Pictures of an animation.")] = 100,
    lang: Lang = "",
    dark: Dark = False,
) -> None:
    """Run rules on a landscape: where they end, what happened, and a picture of the way.

    [dim]steepest trace sgd momentum adam --on himmelblau --save path.png[/dim]

    [dim]steepest trace sgd adam --on rosenbrock --start -1.2,1 --lr 0.001 --steps 200[/dim]

    [dim]steepest trace sgd momentum adam --on himmelblau --lr 0.01 --save paths.gif[/dim]

    [dim]steepest trace "sgd(momentum=0.25)" sgd --f "0.1*x**2 + 2*y**2" --start -5,-2 --lr 0.6 --steps 20[/dim]
    """
    from ..paths.tracing import trace

    point = None if start is None else options.numbers("start", start)
    if surface and save is None:
        raise InvalidValue("--surface draws a picture; say where to, for example --save surface.png")
    box = None if window is None else options.window(window)
    where, chosen = options.on_landscape(context, on, f), options.rules_of(optimizers)
    options.needs(context, "seed", noise != 0, "--noise")
    options.needs(context, "dark", save is not None, "--save")
    options.needs(context, "window", save is not None, "--save")
    options.needs(
        context, "frames", save is not None and save.suffix.lower() not in STILL, "an animation (--save x.gif)"
    )
    if save is not None:
        from ..figures.files import check_paths_file, save_paths

        check_paths_file(save, lang, surface, frames)
    with terminal.Working(translate("following paths")):
        rules, proposed = options.with_rates(chosen, options.settings(settings, lr, chosen), where, point)
        paths = [trace(rule, where, point, steps, noise, seed, schedule) for rule in rules]
    if save is not None:
        with terminal.notices(), terminal.Working(translate("drawing")) as progress:
            save_paths(paths, save, surface=surface, window=box, frames=frames, lang=lang, dark=dark, on_frame=progress)
    _print_paths(paths, steps)
    if proposed:
        terminal.echo(translate("(learning rates that suit this landscape; --lr gives another)"))
    if save is not None:
        terminal.echo(translate("drawn to {}", save))


def _print_paths(paths: "Sequence[tracing.Path]", steps: int) -> None:
    """Where each path ended, what happened on it, and why."""
    from ..landscapes.custom import TYPED
    from ..program.latex import of_landscape
    from ..program.plain import plain

    console = terminal.Console(highlight=False)
    first = paths[0]
    where = translate("from ({}), {} steps", terminal.point(first.x[0]), steps)
    if first.schedule:
        where += f", schedule={first.schedule}"
    if first.noise:
        where += f", noise={first.noise:g}, seed={first.seed}"
    console.print(f"[bold]{escape(first.landscape.name)}[/bold] {where}")
    if first.landscape.source == TYPED:  # so that it is seen how the formula was read
        _print_line(console, plain(*of_landscape(first.landscape, slopes=False)), style="dim")
    for path in paths:
        console.print(f"\n[cyan]{escape(path.rule.label())}[/cyan]")
        console.print(f"  x = ({terminal.point(path.x[-1])}), f = {fixed(path.f[-1])}", soft_wrap=True)
        if path.evaluations != path.steps:
            _print_line(console, translate("{} updates, {} evaluations of the gradient", path.steps, path.evaluations))
        _print_line(console, path.outcome.text(language()))
        if path.why:
            _print_line(console, translate(" ").join(finding.text(language()) for finding in path.why), style="dim")


def _print_line(console: terminal.Console, text: str, style: str | None = None) -> None:
    """A sentence, indented; folded on a terminal, one line elsewhere, so that it can be searched."""
    if console.is_terminal:
        console.print(Padding(Sentence(text), (0, 0, 0, 2)), style=style)
    else:
        console.print(f"  {escape(text)}", soft_wrap=True, style=style)
