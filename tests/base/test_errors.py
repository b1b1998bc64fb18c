"""Errors: each leaves a worker process as what it is."""

import pickle

import pytest

from steepest.base.errors import SteepestError
from steepest.datasets import NotHere
from steepest.study.store import Extended

ERRORS = [SteepestError("wrong"), NotHere("not here", "emoji"), Extended("twice")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_pickled_whole(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and str(copy) == str(error) and vars(copy) == vars(error)
