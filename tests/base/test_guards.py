"""Guards around a user's code: what would end or stop this process becomes an exception."""

import os
import threading
import time
from contextlib import suppress

import pytest

from steepest.base.guards import ProcessExit, TimeIsUp, exits_raised, time_limit


@pytest.mark.quick
def test_an_exit_of_the_process_is_an_exception():
    before = os._exit
    with pytest.raises(ProcessExit, match=r"os\._exit\(3\)"), exits_raised(), exits_raised():
        os._exit(3)
    assert os._exit is before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_process_that_the_code_forks_ends_as_it_would():
    with exits_raised():
        number = os.fork()
        if number == 0:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 3


def test_seconds_are_limited_in_the_main_thread():
    started = time.monotonic()
    with pytest.raises(TimeIsUp), time_limit(0.05), suppress(Exception):  # a user's code may catch any exception
        time.sleep(60)
    assert time.monotonic() - started < 30
    with time_limit(0.01):
        pass
    time.sleep(0.05)  # nothing comes later


def test_another_thread_has_no_limit():
    done = []

    def wait():
        with time_limit(0.01):
            time.sleep(0.1)
        done.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert done
