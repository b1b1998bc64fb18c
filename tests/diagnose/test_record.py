"""A record of a long training: how much of it is kept, and which steps."""

import pytest

from steepest.diagnose.record import FIRST, LEAST_TICKS, MOST_LAYERS, MOST_TICKS, LayerFacts, Record, StepFacts, Tick


def observed(count, layers, every=40):
    """A record of so many observed steps: the first ones, then one in so many."""
    record = Record()
    update = StepFacts([LayerFacts(str(index), 1, 1.0, 1.0, 1.0) for index in range(layers)])
    for index in range(count):
        record.observe(Tick(index if index <= FIRST else FIRST + every * (index - FIRST), update=update))
    return record


@pytest.mark.quick
def test_a_short_training_is_kept_whole():
    record = observed(MOST_TICKS, 10)
    assert len(record.ticks) == record.observed == MOST_TICKS


@pytest.mark.parametrize("layers", [1, 400, 10_000])
def test_of_a_long_training_the_first_steps_and_evenly_spread_ones_are_kept(layers):
    record = observed(1200, layers)
    steps, most = [tick.step for tick in record.ticks], max(LEAST_TICKS, min(MOST_TICKS, MOST_LAYERS // layers))
    assert record.observed == 1200 and len(steps) == most and sorted(set(steps)) == steps
    assert steps[: FIRST + 1] == list(range(FIRST + 1)) and steps[-1] == FIRST + 40 * (1199 - FIRST)
    gaps = [later - earlier for earlier, later in zip(steps[FIRST:], steps[FIRST + 1 :], strict=False)]
    assert max(gaps) <= 2.5 * sum(gaps) / len(gaps)
    assert sum(len(tick.update.layers) for tick in record.ticks) <= max(MOST_LAYERS, LEAST_TICKS * layers)
