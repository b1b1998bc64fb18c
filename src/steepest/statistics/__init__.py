"""Statistics of comparisons: tables in, tables out. Needs nothing else of the package and runs nothing.

A *contestant* is an optimizer (at a batch size), known by its `label`. Its *trials* are runs at different settings, on
search seeds; the best of them, its *winner*, is run again on fresh seeds, its *report* runs.

A table of runs has one run a row, with the columns `label`, `phase` ("search" or "report"), `trial` (of the search),
`seed`, `lr`, `status`, `steps_to_target` and `seconds_to_target` (inf where missed), `seconds_a_step`, `final_loss`,
`final_metric`; and, where they are known, `workload`, `settings` (JSON of all hyperparameters of the trial),
`default` (whether they are the rule's defaults), `best_loss`, `best_metric` and `fingerprint`. Every function is
about one workload, except `time_to_target`, `performance_profiles` and `equal_fingerprints`, which are about all of
them.
"""

from .budget import budget_curve
from .fingerprints import SetAside, equal_fingerprints
from .halving import ahead
from .intervals import Interval, bootstrap_interval, holm, mean_interval, step_time_interval
from .profiles import Profiles, performance_profiles, time_to_target
from .ranges import edges, wider_range
from .ratios import LEVEL_LATER, paired_ratios
from .sequential import nominal_level
from .summary import summarize
from .tables import BROKEN, STOPPED, Measure
from .trials import best_trials, finalists
from .verdicts import Verdict, clearly_last, verdict

__all__ = [
    "BROKEN", "LEVEL_LATER", "STOPPED", "Interval", "Measure", "Profiles", "SetAside", "Verdict", "ahead",
    "best_trials", "bootstrap_interval", "budget_curve", "clearly_last", "edges", "equal_fingerprints", "finalists",
    "holm", "mean_interval", "nominal_level", "paired_ratios", "performance_profiles", "step_time_interval",
    "summarize", "time_to_target", "verdict", "wider_range",
]  # fmt: skip
