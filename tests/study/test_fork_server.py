"""Forked workers: they come to the same results as any process, die alone and heard, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from types import SimpleNamespace

import pytest

from steepest.study.jobs import Entry, Job
from steepest.study.workers import fork_server as module
from steepest.study.workers.fork_server import UNKNOWN_EXIT, ForkServer
from steepest.study.workers.pool import Pool, Process
from steepest.study.workers.worker import do

only_on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux only")


@pytest.fixture(scope="module")
def server():
    with closing(ForkServer(["quadratic", "nothing"], ["sgd", "nothing"])) as found:
        yield found


def job(number: int, workload: str = "quadratic", seed: int = 1) -> Job:
    return Job(number, (Entry(workload, 0.05, "sgd", {"lr": 0.02}, "constant", 10, 20, seed),))


def endings_of(pool: Pool, jobs: list[Job]) -> dict[int, dict]:
    found, waiting = {}, list(jobs)
    while len(found) < len(jobs):
        while pool.room and waiting:
            pool.submit(waiting.pop(0))
        found |= {ending.id: ending.result for ending in pool.ended(0.1)}
    return found


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def end(server: ForkServer) -> None:
    server._process.kill()
    server._process.wait()


def close(worker: Process) -> None:
    for pipe in (worker.jobs, worker.endings, worker.errors):
        pipe.close()


def wait_until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def without_times(result: dict) -> dict:
    return {name: value for name, value in result.items() if name != "seconds_a_step"}


def test_a_forked_worker_comes_to_the_same_results_as_this_process(server):
    jobs = [job(number, seed=number) for number in range(4)]
    with closing(Pool(2, start=server.start_worker)) as pool:
        forked = endings_of(pool, jobs)
    assert {each["status"] for each in forked.values()} == {"finished"}
    for each in jobs:
        assert without_times(forked[each.id]) == without_times(do(each).result)


DYING = """
import ctypes, os


def model():
    seed = torch.initial_seed()
    print("to be or not to be")
    if seed == 1:
        os._exit(5)
    if seed == 2:
        ctypes.string_at(0)
    if seed == 3:
        os.kill(os.getpid(), 9)
    return torch.nn.Linear(2, 1)
"""


KILLED = "its process was killed from outside 3 times (SIGKILL, as happens when memory runs out)"


def test_it_dies_alone_and_its_last_words_are_heard(server, write_workload):
    file = write_workload(DYING)
    with closing(Pool(2, start=server.start_worker)) as pool:
        results = endings_of(pool, [job(seed, file, seed) for seed in range(1, 6)])
    messages = {number: str(result["message"]) for number, result in results.items()}
    assert messages[1].endswith(": os._exit(5)")  # raised where it is called, and named by its line
    assert messages[2].startswith("its process died (SIGSEGV): Fatal Python error: Segmentation fault, small.py, line ")
    assert messages[3].startswith(KILLED)
    assert "reached" in messages[4] or "target" in messages[4]
    assert "target" in messages[5]


@only_on_linux
def test_a_worker_that_is_not_wanted_any_more_is_ended_even_before_it_began(server):
    for _ in range(20):
        worker = server.start_worker()
        worker.kill()
        assert worker.wait() == worker.wait() == -signal.SIGKILL
        close(worker)


@only_on_linux
def test_workers_live_on_without_the_fork_server_and_new_ones_are_started_one_by_one(monkeypatch):
    with closing(ForkServer()) as lost, closing(Pool(1, start=lost.start_worker)) as pool:
        assert endings_of(pool, [job(1)])[1]["status"] == "finished"
        end(lost)
        assert endings_of(pool, [job(2)])[2]["status"] == "finished"
        monkeypatch.setattr(module, "start_worker", lambda: "a started one")
        assert lost.start_worker() == "a started one"


@only_on_linux
def test_how_a_worker_ended_is_not_known_without_the_fork_server():
    with closing(ForkServer()) as lost:
        worker = lost.start_worker()
        end(lost)
        assert worker.wait() == UNKNOWN_EXIT
        close(worker)


@only_on_linux
def test_nothing_is_left_when_whoever_wanted_workers_is_gone():
    """It is killed, and cannot say so; the server and the worker see it by themselves."""
    code = (
        "import os, signal; from steepest.study.workers.fork_server import ForkServer\n"
        "server = ForkServer(); worker = server.start_worker(); worker.jobs.write(b' '); worker.jobs.flush()\n"
        "print(server._process.pid, worker.kill.__self__.number, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    processes = [int(each) for each in done.stdout.split()]
    assert len(processes) == 2
    wait_until(lambda: not any(map(is_alive, processes)))


def test_where_processes_do_not_fork_well_workers_are_started(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(module, "start_worker", lambda: "a started one")
    with closing(ForkServer()) as other:
        assert other.start_worker() == "a started one"


# --- accelerators -----------------------------------------------------------------------------------------------------

LOST = """
import json, os, sys
import torch
from steepest.study.workers.fork_server import run_fork_server

server = os.getpid()
torch.cuda._is_in_bad_fork = lambda: os.getpid() != server  # as after torch.cuda.init() in the server
run_fork_server(*json.loads(sys.argv[1]))
"""

ASKING = """
def model():
    raise RuntimeError(f"bad fork: {torch.cuda._is_in_bad_fork()}")
"""


@only_on_linux
def test_a_worker_is_a_fresh_process_where_a_fork_could_not_use_the_accelerator(monkeypatch, write_workload):
    """Whatever initialised it in the server: a file of a workload may."""

    def popen(command, **settings):
        return subprocess.Popen([command[0], "-c", LOST, command[-1]], **settings)

    file = write_workload(ASKING)
    with closing(ForkServer()) as plain, closing(Pool(1, start=plain.start_worker)) as pool:
        assert endings_of(pool, [job(1, file)])[1]["message"].endswith("RuntimeError: bad fork: False")
    with monkeypatch.context() as patch:
        patch.setattr(module, "subprocess", SimpleNamespace(Popen=popen, DEVNULL=subprocess.DEVNULL))
        lost = ForkServer()
    with closing(lost), closing(Pool(2, start=lost.start_worker)) as pool:
        results = endings_of(pool, [job(1, file), job(2), job(3, write_workload(DYING, "dying.py"), seed=3)])
    assert results[1]["message"].endswith("RuntimeError: bad fork: False")
    assert without_times(results[2]) == without_times(do(job(2)).result)
    assert results[3]["message"].startswith(KILLED)


def test_it_starts_before_its_client_has_loaded_torch(python):
    """Both take a second for that: side by side, not one after the other."""
    out = python(
        "import sys\n"
        "from steepest import verbs\n"
        "from steepest.study.workers.fork_server import ForkServer\n"
        "def begin(self, *arguments):\n    print('torch' in sys.modules)\n    raise SystemExit\n"
        "ForkServer.__init__ = begin\n"
        "verbs.compare('digits')\n"
    )
    assert out == "False\n"
