"""Whatever goes wrong with a run costs that run and no other, and no way of dying loses or doubles one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import steepest
from steepest.base.errors import SteepestError
from steepest.findings.catalogue import Finding
from steepest.study import Comparison, Store
from steepest.study.jobs import Entry, Job
from steepest.study.results import STUDY_FILE
from steepest.study.runner import MOST_ATTEMPTS, carry_out
from steepest.study.workers.executors import executor_factory
from steepest.study.workers.growth import MOST_MEMORY, Growth
from steepest.study.workers.in_process import InProcess
from steepest.study.workers.pool import Pool

HELPER = Path(__file__).parent / "killed_studies.py"

# --- killed -----------------------------------------------------------------------------------------------------------


def watch(scenario: str, folder: Path, workload: str) -> dict:
    ask = [sys.executable, "-W", "error", str(HELPER), scenario, str(folder), workload]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_study_killed_at_random_moments_loses_nothing_and_comes_to_the_same_results(tmp_path, write_workload):
    """The process, its workers and all, by SIGKILL, in this process and with two workers, in turns."""
    seen = watch("killed", tmp_path, write_workload())
    assert seen["kills"] >= 40 and seen["between"] >= 30
    assert seen["lost"] == 0
    assert seen["equal"] == seen["studies"] >= 1


def test_two_processes_share_a_study_and_either_takes_over_when_the_other_dies(tmp_path, write_workload):
    slow = "import time\ndef model():\n    time.sleep(0.02)\n    return torch.nn.Linear(2, 1)"
    seen = watch("shared", tmp_path, write_workload(slow))
    assert seen == {name: {"sessions": 2, "equal": True} for name in ("together", "deserted")}


# --- runs that go wrong -----------------------------------------------------------------------------------------------

WRONG = """
import ctypes
import os
import sys
import time


def model():
    seed = torch.initial_seed()
    if seed == 1:
        raise RuntimeError("no luck today")
    if seed == 2:
        sys.exit("enough")
    if seed == 3:
        torch.empty(1 << 60)
    if seed == 4:
        print("one last word", file=sys.stderr)
        ctypes.CDLL(None)._exit(5)
    if seed == 5:
        ctypes.string_at(0)
    if seed == 6:
        while True:
            time.sleep(1)
    if seed == 7:
        os._exit(6)
    return torch.nn.Linear(2, 1)
"""

ENDINGS = {
    1: ("failed", "small.py, line {raise}: RuntimeError: no luck today"),
    2: ("failed", "small.py, line {sys.exit}: SystemExit: enough"),
    3: ("failed", "ran out of memory on cpu with batches of 8: small.py, line {empty}: RuntimeError: "),
    4: ("failed", "its process ended itself with exit code 5: one last word"),
    5: ("failed", "its process died (SIGSEGV): Fatal Python error: Segmentation fault, small.py, line {string_at}"),
    6: ("timed out", "stopped after 4 seconds (--timeout); it may hang, or need longer"),
    7: ("failed", "small.py, line {os._exit}: os._exit(6)"),
}


def _filled(message: str, places: dict[str, int]) -> str:
    for word, line in places.items():
        message = message.replace(f"{{{word}}}", str(line))
    return message


def test_runs_that_go_wrong_are_recorded_with_their_last_words_and_stop_no_other(write_workload):
    file = write_workload(WRONG)
    lines = Path(file).read_text().splitlines()
    places = {word: 1 + next(n for n, line in enumerate(lines) if f"{word}(" in line or f"{word} Run" in line)
              for word in ("raise", "sys.exit", "empty", "string_at", "os._exit")}  # fmt: skip
    result = steepest.compare(file, "sgd(lr=0.1)", seeds=9, jobs=2, timeout=4)
    assert result.complete
    runs = result.runs[result.runs["phase"] == "report"]
    for seed, (status, message) in ENDINGS.items():
        ended = runs[runs["seed"] == seed]
        assert set(ended["status"]) == {status}, seed
        assert all(each.startswith(_filled(message, places)) for each in ended["message"]), set(ended["message"])
        assert ended["fingerprint"].isna().all()
    assert (runs[runs["seed"] > 7]["final_loss"] < 10).all()
    assert "Fatal Python error" in runs[runs["seed"] == 5]["message"].iloc[0]
    findings = [Finding.from_json(text) for text in result.runs["finding"]]
    assert [finding.message for finding in findings] == list(result.runs["message"])
    assert [finding.status for finding in findings] == list(result.runs["status"])
    assert "运行 4 秒后被停止（--timeout）；它可能卡住了，或需要更长时间" in [
        finding.text("zh") for finding in findings
    ]


def test_one_process_does_its_runs_in_another_where_they_may_hang():
    """Nothing can stop what hangs in the process itself."""
    with executor_factory(jobs=1, on="processes", timeout=None) as start:
        assert isinstance(start(), InProcess)
    with executor_factory(jobs=1, on="processes", timeout=4.0) as start:
        assert isinstance(start(), Pool)


@pytest.mark.usefixtures("without_report")
def test_one_process_outlives_a_run_that_ends_it(write_workload, command):
    """By an exception in this process; on the command line, where nobody debugs, a crash too."""
    ends = "import ctypes, os\ndef model():\n    if torch.initial_seed() == 2: {}\n    return torch.nn.Linear(2, 1)"
    file = write_workload(ends.format("os._exit(3)"))
    line = len(Path(file).read_text().splitlines()) - 1
    runs = steepest.compare(file, "sgd(lr=0.1)", seeds=3, jobs=1).runs.set_index("seed")
    assert runs["message"][2] == f"small.py, line {line}: os._exit(3)"
    assert list(runs["status"] == "failed") == [False, False, True, False]
    file = write_workload(ends.format("ctypes.string_at(0)"))
    code, _, complaint = command(f"compare {file} --optimizers 'sgd(lr=0.1)' --seeds 3 --jobs 1 --out study")
    assert code == 0, complaint
    runs = Comparison.read("study").runs.set_index("seed")
    assert runs["message"][2] == (
        f"its process died (SIGSEGV): Fatal Python error: Segmentation fault, small.py, line {line}"
    )
    assert (runs["status"] == "failed").sum() == 1


def test_a_line_in_a_file_beside_it_is_named(write_workload, write_file):
    write_file("beside_runs.py", "def fail():\n    raise RuntimeError('no')\n")
    file = write_workload("import beside_runs\ndef model():\n    if torch.initial_seed() == 2: beside_runs.fail()\n"
                          "    return torch.nn.Linear(2, 1)")  # fmt: skip
    runs = steepest.compare(file, "sgd(lr=0.1)", seeds=2, jobs=1).runs.set_index("seed")
    assert runs["message"][2] == "beside_runs.py, line 2: RuntimeError: no"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # dropped in a callback, raised again
@pytest.mark.parametrize("part", ["data", "model"])
def test_the_timeout_covers_data_and_model(part, write_workload, command, tmp_path):
    """Where they are tried out, before anything is written."""
    file = write_workload(f"import time\ndef {part}(): time.sleep(60)")
    place = f"line {len(Path(file).read_text().splitlines())}"
    code, _, complaint = command(f"compare {file} --optimizers 'sgd(lr=0.1)' --timeout 0.2 --out study")
    assert code == 2
    assert complaint == (
        f"steepest: {file}: `data` or `model` took longer than --timeout allows, 0.2 seconds ({place}); it may hang, or"
        " need longer\n"
    )
    assert not (tmp_path / "study").exists()


@pytest.mark.usefixtures("without_report")
def test_the_timeout_covers_data_and_model_in_workers(write_workload):
    """Where they hang later only, such as by a lock."""
    hangs = """
    import os, time
    from pathlib import Path

    def model():
        if Path(__file__).with_name("study").is_dir():
            time.sleep(100)
        return torch.nn.Linear(2, 1)
    """
    file = write_workload(hangs)
    study = Path(file).with_name("study")
    result = steepest.compare(file, "sgd(lr=0.1)", seeds=1, jobs=2, timeout=0.5, out=study)
    assert set(result.runs["status"]) == {"timed out"}
    assert set(result.runs["message"]) == {
        "stopped after 0.5 seconds (--timeout) in `data` or `model`, before its first step; it may hang, or need longer"
    }


KILLED = """
import os
import signal
from pathlib import Path


def model():
    ending = {2: "SIGKILL", 3: "SIGTERM", 4: "SIGABRT"}.get(torch.initial_seed())
    if ending:
        with Path(__file__).with_name(ending).open("a") as file:
            file.write("x")
        os.kill(os.getpid(), getattr(signal, ending))
    return torch.nn.Linear(2, 1)
"""

KILLINGS = {
    "SIGKILL": (
        3,
        "its process was killed from outside 3 times (SIGKILL, as happens when memory runs out), which need",
    ),
    "SIGTERM": (3, "its process was killed from outside 3 times (SIGTERM), which need not be its fault"),
    "SIGABRT": (1, "its process died (SIGABRT): Fatal Python error: Aborted, small.py, line "),
}
"""By signal, how often a run is begun, and what is said of it."""


@pytest.mark.usefixtures("without_report")
def test_what_kills_a_worker_from_outside_is_tried_again_and_named(write_workload, tmp_path):
    runs = steepest.compare(write_workload(KILLED), "sgd(lr=0.1)", seeds=5, jobs=2).runs
    assert list(runs["seed"][runs["status"] == "failed"]) == [2, 3, 4]
    messages = runs["message"][runs["status"] == "failed"]
    for message, (signal, (attempts, words)) in zip(messages, KILLINGS.items(), strict=True):
        assert message.startswith(words)
        assert (tmp_path / signal).read_text() == "x" * attempts


@pytest.mark.usefixtures("without_report")
def test_a_worker_whose_files_grow_is_replaced_between_two_runs(write_workload, tmp_path):
    leaks = """
    import os
    from pathlib import Path
    left = []

    def model():
        with Path(__file__).with_name("processes").open("a") as file:
            file.write(f"{os.getpid()} ")
        left.extend(open(os.devnull) for _ in range(60))
        return torch.nn.Linear(2, 1)
    """
    result = steepest.compare(write_workload(leaks), "sgd(lr=0.1)", seeds=12, jobs=1, timeout=60)
    assert result.complete
    assert not (result.runs["status"] == "failed").any()
    workers = set((tmp_path / "processes").read_text().split()) - {str(os.getpid())}
    assert 2 <= len(workers) <= 4


@pytest.mark.quick
def test_growth_is_what_a_kind_of_job_leaves_that_was_done_before():
    readings = [(0, 0)]
    growth = Growth(lambda: readings[-1])
    first, second = (Job(1, (Entry(name, 1.0, "sgd", {}, "constant", 1, 1, 1),)) for name in "ab")

    def after(job, more):
        readings.append((readings[-1][0] + more, 0))
        return growth.is_too_much_after(job)

    assert not after(first, 3 * MOST_MEMORY)  # its data
    assert not after(second, 3 * MOST_MEMORY)
    assert not after(first, MOST_MEMORY // 2)
    assert not after(second, -MOST_MEMORY)
    assert not after(second, MOST_MEMORY)
    assert after(first, 1)


POISON = """
import ctypes
from pathlib import Path


def model():
    if torch.initial_seed() == 2:
        with Path(__file__).with_name("deaths").open("a") as file:
            file.write("x")
        ctypes.CDLL(None)._exit(3)
    return torch.nn.Linear(2, 1)
"""


@pytest.mark.usefixtures("without_report")
def test_a_run_that_kills_the_study_itself_is_kept_apart_the_next_time(write_workload, tmp_path):
    """In one process a poisoned run ends the caller; it does so once."""
    ask = {"workload": write_workload(POISON), "optimizers": "sgd(lr=0.1)", "seeds": 3, "jobs": 1}
    ask["out"] = str(tmp_path / "study")
    line = f"import steepest; steepest.compare(**{ask})"
    first = subprocess.run([sys.executable, "-c", line], capture_output=True, timeout=120)
    assert first.returncode == 3
    steepest.compare(**ask)  # the run is done in a process of its own, or it would end this one
    runs = Comparison.read(tmp_path / "study").runs
    assert list(runs["seed"][runs["status"] == "failed"]) == [2]
    assert runs["message"][runs["seed"] == 2].item() == "its process ended itself with exit code 3"
    assert (tmp_path / "deaths").read_text() == "xx"


def test_a_run_in_whose_middle_everything_dies_is_given_up_in_the_end(study, tmp_path):
    """As where memory runs out for a whole container: nobody is left to record it."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / STUDY_FILE).write_bytes((study / STUDY_FILE).read_bytes())
    store = Store.open(folder / STUDY_FILE)
    store._connection.execute("delete from curves where run = 2")
    store._connection.execute("update runs set state = 'waiting', attempts = ? where id = 2", (MOST_ATTEMPTS,))
    carry_out(store, InProcess())
    (given_up,) = store.runs().query("id == 2").itertuples()
    assert (given_up.status, given_up.message) == ("failed", f"{MOST_ATTEMPTS} processes died in the middle of it")
    store.close()


def test_what_a_users_file_prints_or_asks_for_disturbs_no_worker(write_workload):
    loud = """
    import sys

    def model():
        print("begun")
        print('{"id": 1}', flush=True)
        if torch.initial_seed() in (1, 2):  # in a worker: a test has no input either
            sys.stdin.read()
        return torch.nn.Linear(2, 1)
    """
    assert steepest.compare(write_workload(loud), "sgd(lr=0.1)", seeds=2, jobs=2).complete


@pytest.mark.usefixtures("without_report")
def test_a_study_cut_off_before_it_began_begins(write_workload, tmp_path):
    """Killed between making the file and writing the plan to it."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / STUDY_FILE).touch()
    result = steepest.compare(write_workload(), "sgd(lr=0.1)", seeds=2, jobs=1, out=tmp_path / "study")
    assert result.complete
    (tmp_path / "study" / STUDY_FILE).write_text("something else")
    with pytest.raises(SteepestError, match="is not a study of steepest"):
        steepest.compare(write_workload(), "sgd(lr=0.1)", seeds=2, jobs=1, out=tmp_path / "study")
