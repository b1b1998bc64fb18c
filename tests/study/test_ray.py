"""Runs on a Ray cluster of two nodes on this machine: what they find, and what becomes of them when a node dies."""

import json
import os
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

import steepest
from steepest.base.errors import InvalidValue, SteepestError
from steepest.study.jobs import Entry, Job
from steepest.study.workers import on_ray

from ..studies import assert_planned_runs, assert_same_results

try:
    import ray
    from ray.cluster_utils import Cluster
except ImportError:
    ray = None

needs_ray = pytest.mark.skipif(ray is None, reason="needs Ray: pip install 'steepest[ray]'")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def cluster():
    """Two nodes; the driver is on the first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
        yield made
        ray.shutdown()
        made.shutdown()


@needs_ray
def test_a_study_outlives_the_death_of_a_node_and_each_run_is_stored_once(cluster, write_workload):
    node, killed = cluster.add_node(num_cpus=1), []
    cluster.wait_for_nodes()

    def kill_the_node(store):
        if store.done() >= 6 and not killed:
            killed.append(store.done())
            cluster.remove_node(node, allow_graceful=False)

    slow = "import time\ndef model():\n    time.sleep(0.1)\n    return torch.nn.Linear(2, 1)"
    ask = {"workload": write_workload(slow), "optimizers": ["sgd", "adam"], "trials": 6, "seeds": 3}
    ask |= {"searches": 1, "search_seeds": 2}
    result = steepest.compare(**ask, on="ray", on_progress=kill_the_node)
    assert 6 <= killed[0] < result.plan.runs
    assert result.complete
    assert_planned_runs(result)
    assert_same_results(result, steepest.compare(**ask, jobs=1))
    assert ray.is_initialized()  # the cluster was there before, and stays


WRONG = """
import ctypes
import time

def model():
    if torch.initial_seed() == 1:
        raise RuntimeError(__file__)
    if torch.initial_seed() == 2:
        ctypes.CDLL(None)._exit(5)
    if torch.initial_seed() == 3:
        time.sleep(100)
    return torch.nn.Linear(2, 1)
"""

MINE = """
from steepest.rules import SGD

class Mine(SGD):
    title = "Mine"
"""


@needs_ray
def test_files_travel_by_content_and_runs_that_go_wrong_cost_no_other(cluster, write_workload, write_file):
    file, mine = write_workload(WRONG), write_file("mine.py", MINE)
    result = steepest.compare(file, [f"{mine}:Mine(lr=0.1)"], seeds=4, on="ray", timeout=4)
    assert result.complete
    messages = result.runs.set_index("seed")["message"]
    line, _, place = messages[1].partition(": RuntimeError: ")
    assert (
        line
        == f"small.py, line {1 + Path(file).read_text().splitlines().index('        raise RuntimeError(__file__)')}"
    )
    assert place.endswith("/small.py")
    assert place != file
    assert messages[2] == "its process ended itself with exit code 5"
    assert messages[3].startswith("stopped after 4 seconds")
    assert list(result.runs.set_index("seed").loc[[1, 2, 3], "status"]) == ["failed", "failed", "timed out"]
    assert result.runs.set_index("seed").loc[4, "final_loss"] < 10, messages[4]


@needs_ray
def test_runs_share_the_gpus_of_several_nodes(cluster, monkeypatch, tmp_path):
    """Two nodes with a GPU each, which Ray is told of and which nobody touches; two runs share each."""
    seen = tmp_path / "nodes"
    seen.mkdir()

    def do(job, *_):
        """In the place of a run: says where it is done, and begins when both nodes are at work."""
        begun, number, node = time.time(), json.loads(job)["id"], ray.get_runtime_context().get_node_id()
        (seen / node).touch()
        while len(list(seen.iterdir())) < 2 and time.time() < begun + 30:
            time.sleep(0.02)
        time.sleep(0.2)
        visible = os.environ["CUDA_VISIBLE_DEVICES"]
        return json.dumps({"id": number, "parts": [],
                           "result": {"node": node, "gpu": visible, "span": [begun, time.time()]}})  # fmt: skip

    monkeypatch.setattr(on_ray, "_do", do)
    with pytest.raises(SteepestError, match="on ray: no node of the cluster has a GPU, so runs would wait for ever"):
        on_ray.OnRay(gpus=0.5)
    nodes = [cluster.add_node(num_cpus=3, num_gpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    try:
        executor, jobs = on_ray.OnRay(gpus=0.5), [Job(number, ()) for number in range(8)]
        assert executor.room == 2 * 2 * 2  # two a place, two places a GPU
        for job in jobs:
            executor.submit(job)
        results = []
        while len(results) < len(jobs):
            results += [ending.result for ending in executor.ended(1.0)]
        by_node = {node: [each["span"] for each in results if each["node"] == node] for node in
                   {each["node"] for each in results}}  # fmt: skip
        assert len(by_node) == 2 and {each["gpu"] for each in results} == {"0"}
        for spans in by_node.values():
            assert max(sum(begun <= moment < ended for begun, ended in spans) for moment, _ in spans) <= 2
        executor.submit(Job(9, (), timing=True))  # step times have a whole GPU
        while not (endings := executor.ended(1.0)):
            assert ray.available_resources().get("GPU", 0.0) in (1.0, 2.0)
        assert endings[0].id == 9
        executor.close()
    finally:
        for node in nodes:
            cluster.remove_node(node)


def test_a_node_keeps_no_process_that_sees_another_gpu(monkeypatch):
    closed = []

    class Made:
        def __init__(self, size, timeout):
            self.close = lambda: closed.append(self)

    monkeypatch.setattr(on_ray, "Pool", Made)
    monkeypatch.setattr(on_ray, "_POOLS", {})
    first = on_ray._pool(None, "0")
    assert on_ray._pool(None, "0") is first and closed == []
    assert on_ray._pool(None, "1") is not first and closed == [first]


RAYLET = """
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import steepest
from steepest import verbs
from steepest.base.errors import SteepestError


def kill_the_raylet(store):
    if store.done() < 3:
        return
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"raylet/raylet" in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            pass


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    file, folder = sys.argv[1:]
    try:
        steepest.compare(file, "sgd", trials=8, seeds=2, on="ray", jobs=1, out=folder, on_progress=kill_the_raylet)
    except SteepestError as error:
        before = steepest.Comparison.read(folder).runs
        after = verbs.resume(folder, jobs=1)
        print(error, set(before["status"]) & {"failed"}, after.complete, set(after.runs["status"]) & {"failed"})
"""


@needs_ray
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the process in /proc")
def test_a_study_whose_raylet_dies_stops_and_goes_on_later(write_workload, write_file, tmp_path):
    slow = write_workload("import time\ndef model():\n    time.sleep(0.1)\n    return torch.nn.Linear(2, 1)")
    ask = [sys.executable, write_file("study.py", RAYLET), slow, str(tmp_path / "study")]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    done = subprocess.run(ask, capture_output=True, text=True, timeout=120, env=environment)
    assert "(raylet) has died, so the study stops here" in done.stdout, done.stderr
    assert done.stdout.endswith("set() True set()\n")


@needs_ray
def test_nodes_must_have_the_same_steepest(cluster, monkeypatch):
    monkeypatch.setattr(on_ray, "_version", lambda: "99.0")
    with pytest.raises(SteepestError, match=r"it has steepest \d.*, the study 99\.0; install the same"):
        steepest.compare("digits", "sgd(lr=0.1)", seeds=1, steps=2, on="ray")


@needs_ray
def test_a_cluster_that_does_not_answer_is_said_so_at_once(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"  # nobody listens
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(SteepestError, match=rf"RAY_ADDRESS={address}: no Ray answers there .*; is the cluster running"):
        steepest.compare("digits", "sgd(lr=0.1)", seeds=1, steps=2, on="ray")


def test_a_run_on_a_node_takes_the_first_gpu_that_it_sees():
    entry = Entry("digits", 1.0, "sgd", {"lr": 0.1}, "constant", 1, 1, 1, "cuda")
    assert on_ray._relocated(entry, {}).device == "cuda:0"


def test_without_ray_the_line_to_install_it_is_given(monkeypatch, tmp_path):
    monkeypatch.setattr(on_ray, "find_spec", lambda name: None)
    with pytest.raises(InvalidValue, match=r"ray is not installed; pip install 'steepest\[ray\]'"):
        steepest.compare("digits", "sgd(lr=0.1)", seeds=1, steps=2, on="ray", out=tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


def test_folders_are_written_under_a_name_of_their_content(tmp_path, monkeypatch):
    temporary, far, other = (tmp_path / name for name in ("temporary", "far", "other"))
    for folder in (temporary, far / "pieces", other):
        folder.mkdir(parents=True)
    (far / "away.py").write_text("import helper, pieces.deep")
    (far / "helper.py").write_text("one = 1")
    (far / "pieces" / "__init__.py").write_text("")
    (far / "pieces" / "deep.py").write_text("two = 2")
    (far / "unused.py").write_text("")
    (other / "mine.py").write_text("import helper")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    entry = Entry(f"{far}/away.py", 1.0, f"{other}/mine.py:Rule(lr=0.1)", {"lr": 0.1}, "constant", 1, 1, 1)
    contents = on_ray._folders(Job(1, (entry,)))
    assert set(contents[str(far)]) == {"away.py", "helper.py", "pieces/__init__.py", "pieces/deep.py"}
    assert set(contents[str(other)]) == {"mine.py"}
    folders = {folder: str(on_ray._write_folder(files)) for folder, files in contents.items()}
    assert {folder: str(on_ray._write_folder(files)) for folder, files in contents.items()} == folders
    assert len(set(folders.values())) == 2
    for original, folder in folders.items():
        written = {str(file.relative_to(folder)): file.read_bytes() for file in Path(folder).rglob("*.py")}
        assert written == contents[original]
    moved = on_ray._relocated(entry, folders)
    assert moved.workload == f"{folders[str(far)]}/away.py"
    assert moved.rule == f"{folders[str(other)]}/mine.py:Rule(lr=0.1)"
