"""Whether optimizers can train a workload where not all is steepest's own: tried before anything is stored."""

from collections.abc import Sequence
from pathlib import Path

from .. import rules
from ..base.errors import InvalidValue, SteepestError, did_you_mean
from ..base.guards import exits_raised
from ..base.modules import importing, last_words
from ..base.spec import parse
from ..optim.signature import SWITCHES
from ..rules import RULES, External, Rule
from ..workloads import Problem
from .plan import Contestant

__all__ = ["check_fits", "check_group_settings"]

BESIDE = {"params", "param_names", "name", "initial_lr", *SWITCHES}
"""What a group may have that is no hyperparameter."""


def check_fits(problem: Problem, contestant: Contestant) -> None:
    """Begin a session, make two steps of the contestant's first trial, and go to the weights to evaluate and back.

    Raises:
        InvalidValue: something raises; whose, and what.
    """
    rule = contestant.make_rule(contestant.trials[0])
    files = [Path(file) for file in (parse(contestant.rule).file, problem.name) if file and file.endswith(".py")]
    try:
        _two_steps(problem, contestant, rule, files)
    except SteepestError as error:
        if _lacks_closure(rule, error):
            raise _closure_missing(problem, rule, error, files) from error
        message = f"{error}{_hint_of_groups(problem, contestant, rule, files)}"
        raise InvalidValue(message if message.startswith(rule.title) else f"{rule.title}: {message}") from error
    except (Exception, SystemExit) as error:
        if _lacks_closure(rule, error):
            raise _closure_missing(problem, rule, error, files) from error
        hint = _hint_of_groups(problem, contestant, rule, files)
        words = last_words(error, *files, named=True)
        raise InvalidValue(f"{rule.title} cannot train {problem.name}: {words}{hint}") from error


def _lacks_closure(rule: Rule, error: BaseException) -> bool:
    return rule.evaluations != 1 and "closure" in str(error)


def _closure_missing(problem: Problem, rule: Rule, error: BaseException, files: Sequence[Path]) -> InvalidValue:
    words = last_words(error, *files, named=True)
    return InvalidValue(
        f"{rule.title} cannot train {problem.name}: {words}; its step needs a closure: make steps by"
        " steepest.workloads.stepping.make_step(optimizer, compute)"
    )


def _two_steps(problem: Problem, contestant: Contestant, rule: Rule, files: Sequence[Path]) -> None:
    from ..optim.external import evaluating
    from ..training.trainer import Trainer
    from ..workloads.seeding import seeded

    with importing(*(file.parent for file in files)), exits_raised(), seeded(0):
        trainer = Trainer(problem, rule, 0, contestant.steps, contestant.batch_size, contestant.schedule)
        first = trainer.spend(1)
        if first > contestant.steps:
            raise InvalidValue(
                f"{rule.title}: its first update evaluates the gradient {first:,} times, and a run has"
                f" {contestant.steps:,} steps, which are evaluations; give more steps"
            )
        if contestant.steps > 1:  # a scheduler is first stepped before the second
            trainer.spend(1)
        with evaluating(trainer.optimizer):
            pass


def _hint_of_groups(problem: Problem, contestant: Contestant, rule: Rule, files: Sequence[Path]) -> str:
    """What to do where an optimizer fails on a file's parameter groups only, as those that take a single one do."""
    if getattr(problem, "groups", None) is None:
        return ""
    try:
        _two_steps(problem.replace(groups=None), contestant, rule, files)
    except (Exception, SystemExit):
        return ""
    return f"; it trains without the `groups` of {problem.name}: leave them out there, or leave out this optimizer"


def check_group_settings(problem: Problem, contestants: Sequence[Contestant]) -> None:
    """See that each setting in a workload's parameter groups is one of some optimizer that trains it.

    Optimizers ignore what they do not know, as torch's do: a misspelt setting would train all alike, without a word.

    Raises:
        InvalidValue: neither an optimizer here nor one of steepest's own has it.
    """
    from ..workloads.recipe import Recipe

    if not isinstance(problem, Recipe) or problem.groups is None:
        return
    rule_classes = [rules.resolve(contestant.rule).rule_class for contestant in contestants]
    if any(issubclass(own, External) for own in rule_classes):
        return  # it may read whatever a group has
    settings = {name for own in (*rule_classes, *RULES.values()) for name in own.hyperparameters()}
    settings |= {name for own in rule_classes for name in own.foreign_arguments()}
    with problem.naming("groups"):
        for name in {name for group in problem.groups(problem.model()) for name in group}:
            if name not in settings | BESIDE:
                raise InvalidValue(f"sets {name!r}, which no optimizer has; {did_you_mean(name, settings)}")
