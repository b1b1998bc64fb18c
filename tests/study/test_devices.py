"""Studies on other devices than the CPU: which ones, how they are shared, what each run says, and a lack of memory."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from steepest import verbs
from steepest.base.errors import InvalidValue, UnknownName
from steepest.findings.catalogue import Finding
from steepest.report.provenance import provenance_sentences
from steepest.statistics import equal_fingerprints
from steepest.study import Comparison, Plan, Store, devices, runner
from steepest.study.devices import places, read_devices
from steepest.study.jobs import Ending, Entry, Job
from steepest.study.results import STUDY_FILE
from steepest.study.workers import executors
from steepest.study.workers.worker import do
from steepest.training.memory import is_out_of_memory

from ..studies import change, small_plan
from . import toy_device

# --- which ones -------------------------------------------------------------------------------------------------------


@pytest.fixture
def cuda(monkeypatch):
    """A machine with two CUDA devices, or as many as the list `models` is made to have."""
    models = ["H200", "H200"]
    module = SimpleNamespace(
        is_available=lambda: True, device_count=lambda: len(models),
        get_device_name=lambda device: models[int(device.partition(":")[2])],
    )  # fmt: skip
    monkeypatch.setattr(torch, "cuda", module)
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    devices._here.cache_clear()
    yield models
    devices._here.cache_clear()


@pytest.mark.usefixtures("cuda")
def test_devices_are_named_as_torch_names_them():
    assert read_devices("cuda") == read_devices("auto") == read_devices("CUDA:0") == ("cuda:0",)
    assert read_devices("cuda:0, cuda:1,cuda") == read_devices(["cuda", "cuda:1"]) == ("cuda:0", "cuda:1")
    assert read_devices("cpu") == read_devices("cpu:0") == ("cpu",)
    assert read_devices("cuda", on="ray") == ("cuda",)  # which one is for Ray to say


WRONG = {
    "cuda": "device: this machine has no CUDA device; it has: cpu",
    "cuda:1,cpu": "device: this machine has no CUDA device; it has: cpu",
    "mps": "device: this machine has no MPS device; it has: cpu",
    "cpu:1": "device: this machine has no cpu:1; it has: cpu",
    "gpu": "device: unknown device 'gpu'; known: auto, cpu, cuda, mps, xpu",
    "cuda:x": "device: 'cuda:x': write the number of a device, from 0, behind a colon, for example cuda:0",
    "cuda:-1": "device: 'cuda:-1': write the number of a device, from 0, behind a colon, for example cuda:0",
    "cuda1": "device: 'cuda1': write the number of a device, from 0, behind a colon, for example cuda:1",
    "auto:1": "device: 'auto:1': auto has no number; write auto, or one of cpu, cuda, mps, xpu",
    "cpu,": "device: unknown device ''; known: auto, cpu, cuda, mps, xpu",
}


@pytest.mark.quick
@pytest.mark.parametrize("text", WRONG)
def test_a_device_that_is_not_there_is_one_line_with_what_is(text, command, tmp_path):
    code, printed, complaint = command(f"compare quadratic --device '{text}'")
    assert (code, printed, complaint.count("\n")) == (2, "", 1)
    assert WRONG[text] in complaint
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InvalidValue):
        read_devices(text)


def test_devices_that_could_not_be_compared_are_refused(cuda):
    assert read_devices("auto") == ("cuda:0",)
    with pytest.raises(InvalidValue, match="device: this machine has no cuda:2; it has: cpu, cuda:0, cuda:1"):
        read_devices("cuda:2")
    with pytest.raises(InvalidValue, match=r"device: cpu is cpu, cuda:0 is H200; runs on both could not be compared"):
        read_devices("cpu,cuda")
    cuda[1] = "T4"
    with pytest.raises(InvalidValue, match="cuda:0 is H200, cuda:1 is T4"):
        read_devices("cuda:0,cuda:1")


def test_on_a_cluster_only_a_kind_can_be_named():
    assert read_devices("cuda", "ray") == ("cuda",)
    for text in ("cuda:1", "mps", "auto"):
        with pytest.raises(InvalidValue, match=f"device: on ray, name a kind, cpu or cuda, not {text}"):
            read_devices(text, "ray")
    with pytest.raises(UnknownName, match="on: unknown place 'moon'"):
        verbs.devices_of("cuda", "moon")


@pytest.mark.quick
def test_so_many_runs_share_a_device(command):
    assert [places(["a", "b"], *limits) for limits in ((None, None), (4, None), (4, 3), (4, 9))] == [2, 8, 3, 8]
    assert (places(["cpu"], None, None), places(["cpu"], 3, None), places(["cpu"], None, 5)) == (None, 3, 5)
    with executors.executor_factory(
        jobs=None, on="processes", timeout=None, devices=["cuda:0", "cuda:1"], per_device=3
    ) as start:
        assert start().room == 6
    code, _, complaint = command("compare quadratic --per-device 0")
    assert (code, "per-device: must be a whole number from 1 to 1024, got 0" in complaint) == (2, True)


class Recorder:
    """An executor that ends the jobs that it has in the order in which they came, one each time."""

    def __init__(self, size):
        self.size, self.jobs, self.most = size, [], {}

    @property
    def room(self):
        return self.size - len(self.jobs)

    def submit(self, job):
        self.jobs.append(job)
        running = [entry.device for each in self.jobs for entry in each.entries[:1]]
        self.most = {name: max(running.count(name), self.most.get(name, 0)) for name in {*running, *self.most}}

    def ended(self, wait):
        ended, self.jobs = self.jobs[:1], self.jobs[1:]
        return [Ending(job.id, {"status": "finished", "final_loss": 1.0, "fingerprint": "a"}) for job in ended]

    def close(self):
        pass


def test_each_run_goes_to_the_device_with_the_fewest_and_says_so(tmp_path):
    plan = small_plan({"a": 6, "b": 6}, seeds=2, devices=("cuda:0", "cuda:1"))
    assert Plan.from_json(plan.to_json()) == plan
    facts = {"code": "{}", "workloads": json.dumps({"digits": {"about": "", "about_zh": "", "metric_name": "m",
                                                               "higher_is_better": True}})}  # fmt: skip
    store, executor = Store.create(tmp_path / STUDY_FILE, plan, facts), Recorder(4)
    runner.carry_out(store, executor)
    assert executor.most == {"cuda:0": 2, "cuda:1": 2}
    assert dict(store.runs()["device"].value_counts()) == {"cuda:0": 8, "cuda:1": 8}
    assert set(store.devices()) == {"cuda:0", "cuda:1"}
    store.close()
    change(tmp_path, "update study set value = json_set(value, '$.devices[0]', 'rm -rf') where key = 'plan'")
    with pytest.raises(Exception, match="plan: has a device that makes no sense"):
        Comparison.read(tmp_path)


def test_runs_on_two_kinds_of_device_are_pairs_only_where_their_problems_are_the_same():
    runs = pd.DataFrame({
        "label": ["a", "b", "c"], "seed": 1, "fingerprint": ["f0", "f0", "77"],
        "device": ["cuda:0 H200", "cuda:1 H200", "cpu"],
    })  # fmt: skip
    stay, (aside,) = equal_fingerprints(runs)
    assert list(stay["label"]) == ["a", "b"]
    assert str(aside).endswith("they were done on cpu, the others on cuda H200, which rounds differently")
    assert len(equal_fingerprints(runs.assign(fingerprint="f0"))[0]) == 3
    assert "did the workload" in str(equal_fingerprints(runs.assign(device="cpu"))[1][0])


# --- memory -----------------------------------------------------------------------------------------------------------

HUNGRY = """
def loss(output, targets):
    if len(output) > {most} and output.requires_grad:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    return torch.nn.functional.mse_loss(output, targets)
"""


def lacking(file: str, batch_size: int) -> Finding:
    job = Job(1, (Entry(file, 0.1, "adam", {"lr": 0.1}, "constant", batch_size, 4, 1),))
    return Finding.from_json(do(job).result["finding"])


def test_a_lack_of_memory_names_the_largest_batch_that_fits(write_workload):
    found = lacking(write_workload(HUNGRY.format(most=5)), 24)
    assert (found.code, found.numbers["fits"]) == ("out_of_memory", 3)
    assert found.text().startswith("ran out of memory on cpu with batches of 24: small.py, line ")
    assert found.text().endswith(
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.; 3 examples a step fit (--batch-size 3), the"
        " largest of the halves of 24"
    )
    assert found.text("zh").startswith("cpu 内存不足（批大小 24）：small.py")
    nothing = lacking(write_workload(HUNGRY.format(most=0), "nothing.py"), 8)
    assert nothing.numbers["fits"] == 0 and "no smaller batch fits" in nothing.text()


def test_a_run_on_a_machine_without_its_device_fails_with_one_line():
    job = Job(1, (Entry("quadratic", 0.1, "sgd", {"lr": 0.1}, "constant", 1, 4, 1, "cuda:0"),))
    result = do(job).result
    assert (result["status"], result["device"]) == ("failed", "cuda:0")
    assert result["message"].endswith("device: this machine has no CUDA device; it has: cpu")


def test_words_of_errors_that_have_no_class_of_their_own():
    for words in ("MPS backend out of memory (MPS allocated: 9 GB)", "DefaultCPUAllocator: can't allocate memory"):
        assert is_out_of_memory(RuntimeError(words))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))


# --- a whole study on a device that is not the CPU --------------------------------------------------------------------

STUDIES = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
import torch
import toy_device
import steepest
from steepest import verbs
from steepest.study.devices import read_devices
from steepest.study.jobs import Entry, Job
from steepest.study.workers.worker import do

import steepest.report
steepest.report.write_report = lambda *_: None
small, mixed = sys.argv[1:]
ask = {"optimizers": ["sgd", "adam"], "trials": 2, "seeds": 2, "searches": 1, "search_seeds": 1, "steps": 6}
said = {"auto": read_devices("auto")}
steepest.compare(small, **ask, jobs=1, out="on_cpu")
steepest.compare(small, **ask, jobs=1, device="toy", out="on_toy")
said["waits"], said["emptied"] = torch.toy.waits, torch.toy.emptied
steepest.compare(small, **ask, device="toy:0,toy:1", out="on_two")
try:
    steepest.compare(mixed, **ask, device="toy")
except steepest.base.errors.InvalidValue as error:
    said["mixed"] = str(error)
toy_device.MEMORY = 4 * 2 * 10
job = Job(1, (Entry(small, 0.1, "sgd", {"lr": 0.1}, "constant", 16, 4, 1, "toy:1"),))
said["lacking"] = do(job).result
with open("said.json", "w") as file:
    json.dump(said, file)
"""

MIXED = """
def loss(output, targets):
    return ((output - targets) * torch.ones(len(output), 1)).square().mean()
"""


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """A folder with studies on toy devices, and what was said of them; in a process that knows such devices."""
    folder = tmp_path_factory.mktemp("toys")
    from ..conftest import SMALL

    plugin = toy_device.install(folder / "plugin")
    (folder / "small.py").write_text(SMALL.lstrip())
    (folder / "mixed.py").write_text(SMALL.lstrip() + MIXED)
    (folder / "studies.py").write_text(STUDIES)
    paths = [str(plugin), *filter(None, [os.environ.get("PYTHONPATH")])]
    ask = [sys.executable, "studies.py", "small.py", "mixed.py"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(ask, cwd=folder, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    return folder, json.loads((folder / "said.json").read_text())


def without_clocks(folder: Path) -> pd.DataFrame:
    runs = Comparison.read(folder).runs.sort_values(["label", "phase", "trial", "seed"]).reset_index(drop=True)
    when_looked = ["finding", "diagnoses"]  # the doctor looks when there is time
    return runs.drop(columns=["id", "seconds_a_step", "seconds_to_target", "device", *when_looked])


def test_a_study_on_a_device_is_the_same_to_the_last_bit_as_that_device_computes(toys):
    """The toys compute as the CPU does; so data, weights, batches and random numbers have come to them as they were."""
    folder, said = toys
    assert said["auto"] == ["toy:0"]
    on_cpu = without_clocks(folder / "on_cpu")
    for name in ("on_toy", "on_two"):
        pd.testing.assert_frame_equal(without_clocks(folder / name), on_cpu, check_exact=True)
    on_toy, on_two = (Comparison.read(folder / name) for name in ("on_toy", "on_two"))
    assert (on_toy.plan.devices, on_two.plan.devices) == (("toy:0",), ("toy:0", "toy:1"))
    assert set(on_toy.runs["device"]) == {"toy:0 Toy 1"}
    assert set(on_two.runs["device"]) == {"toy:0 Toy 1", "toy:1 Toy 1"}  # by forked processes that touched no device
    assert set(on_toy.timings["clock"]) == {"wall"}
    assert said["waits"] > len(on_toy.timings) and said["emptied"] >= len(on_toy.runs)


def test_a_workload_that_mixes_devices_is_refused_before_anything_is_stored(toys):
    assert "mixed.py: cannot be trained on toy:0 (line 22: RuntimeError: Expected all tensors" in toys[1]["mixed"]
    assert toys[1]["mixed"].endswith("; move what it makes to the device of its model")


def test_a_device_that_lacks_memory_says_so(toys):
    """The toy takes no more than ten rows."""
    result = toys[1]["lacking"]
    assert (result["status"], result["device"]) == ("failed", "toy:1 Toy 1")
    assert "toy out of memory. Tried to allocate" in result["message"]


@pytest.mark.usefixtures("without_report")
def test_a_study_goes_on_elsewhere_and_says_so_in_a_line(toys, command, tmp_path):
    folder, _ = toys
    code, _, complaint = command(f"compare --resume {folder / 'on_toy'} --add-seeds 1")
    assert code == 2
    assert complaint.splitlines()[-1] == (
        "steepest: device: unknown device 'toy:0'; known: auto, cpu, cuda, mps, xpu; to go on with this study"
        " elsewhere, name it with --device"
    )
    code, _, complaint = command(f"compare --resume {folder / 'on_toy'} --add-seeds 1 --device cpu --jobs 1")
    assert code == 0
    assert "steepest: runs of this study were done on toy:0 Toy 1, from here on they are done on cpu" in complaint
    comparison = Comparison.read(folder / "on_toy")
    runs, (sentence, *_) = comparison.runs, provenance_sentences(comparison)
    assert sentence.en.startswith("The runs were done on cpu and toy Toy 1.")
    assert dict(runs.groupby("device")["seed"].nunique()) == {"cpu": 1, "toy:0 Toy 1": 3}
    assert len(runs) == 2 * (2 + 3)  # the toys' fingerprints are those of the CPU: all are compared
