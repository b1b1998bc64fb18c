"""Guards around a user's code: what would end or stop this process becomes an exception."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from steepest.base.guards import ProcessExit, TimeIsUp, exits_raised, time_limit


@pytest.mark.quick
def test_an_exit_of_the_process_is_an_exception():
    with pytest.raises(ProcessExit, match=r"os\._exit\(3\)"), exits_raised(), exits_raised():
        os._exit(3)


CODE = """
import os, threading
from steepest.base.guards import exits_raised

def guard(begun, over):
    with exits_raised():
        begun.set()
        over.wait()

begun, over = threading.Event(), threading.Event()
with exits_raised():
    thread = threading.Thread(target=guard, args=(begun, over))
    thread.start()
    begun.wait()
over.set()  # ends after ours, which began before it
thread.join()
with exits_raised():
    number = os.fork()
    if number == 0:
        os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]), flush=True)
os._exit(4)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
def test_forked_processes_and_all_that_comes_after_end_as_they_would():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("3\n", 4), done.stderr


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


@pytest.mark.quick
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_limit_that_ends_in_a_finalizer_where_python_drops_it_is_said_again():
    class Slow:
        def __del__(self):
            time.sleep(0.3)

    with pytest.raises(TimeIsUp), time_limit(0.2):
        Slow()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            pass
