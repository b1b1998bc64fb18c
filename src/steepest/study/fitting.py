"""Whether an optimizer that is not steepest's own can train a workload: two steps of it, before anything is stored."""

from pathlib import Path

from ..base.errors import InvalidValue, SteepestError
from ..base.guards import exits_raised
from ..base.modules import importing, last_words
from ..base.spec import parse
from ..rules import External
from ..workloads import Problem
from .plan import Contestant

__all__ = ["check_fits"]


def check_fits(problem: Problem, contestant: Contestant) -> None:
    """Begin a session, make two steps of the contestant's first trial, and go to the weights to evaluate and back.

    Raises:
        InvalidValue: something raises; whose, and what.
    """
    from ..optim.external import evaluating
    from ..training.trainer import Trainer
    from ..workloads.seeding import seeded

    rule = contestant.make_rule(contestant.trials[0])
    files = [Path(file) for file in (parse(contestant.rule).file, problem.name) if file and file.endswith(".py")]
    try:
        with importing(*(file.parent for file in files)), exits_raised(), seeded(0):
            size = contestant.batch_size
            trainer = Trainer(problem, rule, 0, contestant.steps, size, contestant.schedule)
            trainer.advance(min(2, contestant.steps))  # a scheduler is first stepped before the second
            with evaluating(trainer.optimizer):
                pass
    except SteepestError as error:
        message = str(error)
        raise InvalidValue(message if message.startswith(rule.title) else f"{rule.title}: {message}") from error
    except (Exception, SystemExit) as error:
        hint = ""
        if isinstance(rule, External) and rule.closure and "closure" in str(error):
            hint = "; its step needs a closure: make steps by steepest.workloads.stepping.make_step(optimizer, compute)"
        words = last_words(error, *files, named=True)
        raise InvalidValue(f"{rule.title} cannot train {problem.name}: {words}{hint}") from error
