"""What is stored with a study about its workloads, so that nothing that shows it needs to load them."""

import json

from .. import workloads
from ..workloads.seeding import seeded
from .plan import Plan

__all__ = ["workload_facts"]


def workload_facts(plan: Plan) -> dict[str, str]:
    """What tables and pages say about the workloads, so that they need not load them."""
    problems = {goal.name: workloads.find(goal.name) for goal in plan.workloads}
    about = {name: {fact: getattr(problem, fact) for fact in problem.FACTS} for name, problem in problems.items()}
    with seeded(0):  # a workload may compute its noise itself
        noise = {name: _gradient_noise(problem, plan.on(name)) for name, problem in problems.items()}
        shows = {name: problem.shows() for name, problem in problems.items()}
    return {
        name: json.dumps(fact) for name, fact in (("workloads", about), ("gradient_noise", noise), ("shows", shows))
    }


def _gradient_noise(problem: workloads.Problem, plan: Plan) -> dict[int, float]:
    """By batch size, where several compete and the problem can tell."""
    sizes = sorted({contestant.batch_size for contestant in plan.contestants})
    if len(sizes) == 1:
        return {}
    return {size: noise for size in sizes if (noise := problem.gradient_noise(size)) is not None}
