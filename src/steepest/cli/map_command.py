"""`steepest map basin` and `steepest map sweep`: many runs in one picture."""

from pathlib import Path
from typing import Annotated

import typer

from . import options

__all__ = ["map_app"]

map_app = typer.Typer(help="Draw maps of many runs: which minimum each start reaches, what each pair of settings does.")

Rules = Annotated[list[str], typer.Argument(help="Rules, such as sgd or 'adam(lr=0.1)'; each gets a panel.")]
On = Annotated[str, typer.Option(help="A landscape, or a formula such as '0.1*x**2 + 2*y**2'.")]
Formula = Annotated[str | None, typer.Option("--f", help="A formula of your own instead.")]
Rate = Annotated[float | None, typer.Option(help="Learning rate of the rules not given their own.")]
Steps = Annotated[int, typer.Option(help="Number of updates.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Another hyperparameter, such as momentum=0.9; repeat for more.")
]
Schedule = Annotated[str | None, typer.Option(help="Learning rate over the steps, as for trace.")]
Save = Annotated[Path | None, typer.Option(help="Draw the map to a .png, .svg or .pdf file.")]
Lang = Annotated[str, typer.Option(help="Language of the words in the picture: en or zh.")]
Dark = Annotated[bool, typer.Option("--dark", help="Light on dark paper.")]


@map_app.command()
def basin(
    optimizers: Rules,
    on: On = "himmelblau",
    f: Formula = None,
    lr: Rate = None,
    steps: Steps = 200,
    settings: Settings = None,
    schedule: Schedule = None,
    size: Annotated[int, typer.Option(help="Starts along each side.")] = 400,
    window: Annotated[str | None, typer.Option(help="Where the starts lie, such as -5:5,-5:5.")] = None,
    save: Save = None,
    lang: Lang = "en",
    dark: Dark = False,
) -> None:
    """Find out which minimum each start on a grid reaches, and after how many steps.

    [dim]steepest map basin "sgd(lr=0.01)" "adam(lr=0.1)" --on himmelblau --size 1000 --save basins.png[/dim]

    [dim]steepest map basin momentum --on six_hump_camel --lr 0.1 --window 0:2,-1:1 --save zoom.png[/dim]
    """
    from ..paths.maps import map_basin
    from . import terminal

    _check(save, lang)
    place = None if window is None else options.window(window)
    with terminal.Working("following starts") as progress:
        basins = map_basin(
            optimizers, f or on, steps=steps, size=size, window=place, schedule=schedule, on_progress=progress,
            **options.settings(settings, lr),
        )  # fmt: skip
    if save is not None:
        from ..figures.basins import draw_basin
        from ..figures.style import save as save_figure

        with terminal.notices():
            save_figure(draw_basin(basins, lang=lang, dark=dark), save)
    terminal.print_basin(basins)
    _say_where(save)


@map_app.command()
def sweep(
    optimizers: Rules,
    over: Annotated[
        list[str],
        typer.Option(help="A hyperparameter and its range, such as lr=1e-4:1 or betas.0=0:0.99; twice, across and up."),
    ],
    on: On = "rosenbrock",
    f: Formula = None,
    start: Annotated[str | None, typer.Option(help="First point, such as -1.2,1.")] = None,
    lr: Rate = None,
    steps: Steps = 200,
    settings: Settings = None,
    schedule: Schedule = None,
    size: Annotated[int, typer.Option(help="Values of each hyperparameter.")] = 200,
    save: Save = None,
    lang: Lang = "en",
    dark: Dark = False,
) -> None:
    """Run every pair of values of two hyperparameters from one start: last value, and steps to the minimum.

    [dim]steepest map sweep adam --on rosenbrock --over lr=1e-4:1 --over betas.0=0:0.99 --save sweep.png[/dim]

    [dim]steepest map sweep momentum adam --on ravine --over lr=1e-3:2 --over momentum/betas.0=0:0.99[/dim]
    """
    from ..paths.maps import map_sweep
    from . import terminal

    _check(save, lang)
    point = None if start is None else options.numbers("start", start)
    with terminal.Working("running settings") as progress:
        swept = map_sweep(
            optimizers, f or on, dict(map(options.span, over)), start=point, steps=steps, size=size,
            schedule=schedule, on_progress=progress, **options.settings(settings, lr),
        )  # fmt: skip
    if save is not None:
        from ..figures.style import save as save_figure
        from ..figures.sweeps import draw_sweep

        with terminal.notices():
            save_figure(draw_sweep(swept, lang=lang, dark=dark), save)
    terminal.print_sweep(swept)
    _say_where(save)


def _check(save: Path | None, lang: str) -> None:
    """What would otherwise be refused only after the work."""
    if save is not None:
        from ..figures.style import check_figure_file, check_language

        check_figure_file(save)
        check_language(lang)


def _say_where(save: Path | None) -> None:
    if save is not None:
        typer.echo(f"drawn to {save}")
