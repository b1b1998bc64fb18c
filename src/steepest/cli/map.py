"""`steepest map basin` and `steepest map sweep`: many runs in one picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ..base.errors import InvalidValue
from ..base.numbers import general, point
from . import options, terminal
from .language import language, translate
from .options import Dark, Formula, Lang, On, Rate, Schedule, Settings, Start, Steps

if TYPE_CHECKING:
    from ..paths.maps import BasinMap, SweepMap

__all__ = ["command"]

command = typer.Typer()

Rules = Annotated[list[str], typer.Argument(help="Rules, such as sgd or 'adam(lr=0.1)'; each gets a panel.")]
Save = Annotated[Path | None, typer.Option(help="Draw the map to a .png, .svg or .pdf file.")]


@command.callback()
def maps(lang: Lang = "") -> None:
    """Draw maps of many runs: which minimum each start reaches, what each pair of settings does."""


@command.command()
def basin(
    context: typer.Context,
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
    lang: Lang = "",
    dark: Dark = False,
) -> None:
    """Find out which minimum each start on a grid reaches, and after how many steps.

    [dim]steepest map basin "sgd(lr=0.01)" "adam(lr=0.1)" --on himmelblau --size 1000 --save basins.png[/dim]

    [dim]steepest map basin momentum --on six_hump_camel --lr 0.1 --window 0:2,-1:1 --save zoom.png[/dim]
    """
    from ..paths.maps import map_basin

    _check(save, lang)
    options.needs(context, "dark", save is not None, "--save")
    where, chosen = options.on_landscape(context, on, f), options.rules_of(optimizers)
    box = None if window is None else options.window(window)
    rules, proposed = options.with_rates(chosen, options.settings(settings, lr, chosen), where)
    with terminal.Working(translate("following starts")) as progress:
        basins = map_basin(rules, where, steps=steps, size=size, window=box, schedule=schedule, on_progress=progress)
    if save is not None:
        from ..figures.basins import draw_basin
        from ..figures.style import save as save_figure

        with terminal.notices():
            save_figure(draw_basin(basins, lang=lang, dark=dark), save)
    _print_basin(basins)
    if proposed:
        terminal.echo(translate("(learning rates that suit this landscape; --lr gives another)"))
    _print_file(save)


@command.command()
def sweep(
    context: typer.Context,
    optimizers: Rules,
    over: Annotated[
        list[str],
        typer.Option(help="A hyperparameter and its range, such as lr=1e-4:1 or betas.0=0:0.99; twice, across and up."),
    ],
    on: On = "rosenbrock",
    f: Formula = None,
    start: Start = None,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate, where it is not swept; default: each rule's own.")
    ] = None,
    steps: Steps = 200,
    settings: Settings = None,
    schedule: Schedule = None,
    size: Annotated[int, typer.Option(help="Values of each hyperparameter.")] = 200,
    save: Save = None,
    lang: Lang = "",
    dark: Dark = False,
) -> None:
    """Run every pair of values of two hyperparameters from one start: last value, and steps to the minimum.

    [dim]steepest map sweep adam --on rosenbrock --over lr=1e-4:1 --over betas.0=0:0.99 --save sweep.png[/dim]

    [dim]steepest map sweep momentum adam --on ravine --over lr=1e-3:2 --over momentum/betas.0=0:0.99[/dim]
    """
    from ..paths.maps import map_sweep

    _check(save, lang)
    options.needs(context, "dark", save is not None, "--save")
    where, chosen = options.on_landscape(context, on, f), options.rules_of(optimizers)
    point = None if start is None else options.numbers("start", start)
    ranges, common = options.spans(over), options.settings(settings, lr, chosen)
    for name in common:
        if name in ranges:
            raise InvalidValue(f"{name} is given by --over and by {'--lr' if name == 'lr' else '--set'}; leave out one")
    with terminal.Working(translate("running settings")) as progress:
        swept = map_sweep(
            chosen, where, ranges, start=point, steps=steps, size=size, schedule=schedule, on_progress=progress,
            **common,
        )  # fmt: skip
    if save is not None:
        from ..figures.style import save as save_figure
        from ..figures.sweeps import draw_sweep

        with terminal.notices():
            save_figure(draw_sweep(swept, lang=lang, dark=dark), save)
    _print_sweep(swept)
    _print_file(save)


def _check(save: Path | None, lang: str) -> None:
    """Raise before the work for what could not be drawn after it."""
    if save is not None:
        from ..base.checks import check_language
        from ..base.files import check_place
        from ..figures.style import check_figure_file

        check_figure_file(save)
        check_place(save)
        check_language(lang)


def _print_file(save: Path | None) -> None:
    if save is not None:
        terminal.echo(translate("drawn to {}", save))


SEEN = 0.0005
"""The least share of the starts for which an end has a row of its own."""


def _print_basin(basins: "BasinMap") -> None:
    """How many of the starts reach each minimum, for each rule."""
    import numpy as np

    from ..findings.catalogue import phrase
    from ..paths.maps import End

    names = map(point, basins.minima.round(9) + 0.0)
    table = terminal.table("reaches", ">value", *(f">{escape(rule.label())}" for rule in basins.rules))
    shares = [basins.shares(rule) for rule in range(len(basins.rules))]
    for index, (name, value) in enumerate(zip(names, basins.values.round(9) + 0.0, strict=True)):
        table.add_row(name, general(value), *(f"{share[index]:.1%}" for share in shares))
    for end in End:
        if any(share[end] >= SEEN for share in shares):
            table.add_row(phrase("basin", end.name, language()), "", *(f"{share[end]:.1%}" for share in shares))
    steps = [arrived[arrived <= basins.steps] for arrived in basins.arrived]
    table.add_row(translate("median steps"), "", *(f"{np.median(taken):.0f}" if len(taken) else "-" for taken in steps))
    where = translate("from {:,} x {:,} starts, {} steps", len(basins.x), len(basins.y), basins.steps)
    console = terminal.Console(highlight=False)
    console.print(f"[bold]{escape(basins.landscape.name)}[/bold] {where}\n")
    console.print(table)


def _print_sweep(sweep: "SweepMap") -> None:
    """The best pair of settings of each rule."""
    import numpy as np

    rows = []
    for index, rule in enumerate(sweep.rules):
        best, fastest = sweep.best(index), sweep.fastest(index)
        value = "-" if best is None else general(sweep.final[index].flat[best], 3)
        steps = "-" if fastest is None or sweep.arrived is None else str(sweep.arrived[index].flat[fastest])
        escaped = f"{np.isnan(sweep.final[index]).mean():.0%}"
        rows.append((rule.title, escaped, value, _pair(sweep, index, best), steps, _pair(sweep, index, fastest)))
    size = len(sweep.across.values), len(sweep.up.values)
    console = terminal.Console(highlight=False, markup=False)  # a user's rule may have brackets in its title
    where = translate("from ({}), {:,} x {:,} settings, {} steps", terminal.point(sweep.start), *size, sweep.steps)
    console.print(f"{sweep.landscape.name} {where}\n")
    head = ("rule", ">escaped", ">best\nvalue", "at", ">fewest\nsteps", "at")
    terminal.print_rows(console, head, rows)


def _pair(sweep: "SweepMap", rule: int, place: int | None) -> str:
    if place is None:
        return ""
    names = (sweep.across.names[rule], sweep.up.names[rule])
    return ",\n".join(f"{name}={general(value, 3)}" for name, value in zip(names, sweep.pair(place), strict=True))
