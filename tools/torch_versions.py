"""Run a part of the tests with the oldest and the newest torch that can be installed here, beside the one that is.

python tools/torch_versions.py               those of which pip finds a build for the CPU; says so where it finds none
python tools/torch_versions.py 2.9.1 2.15.0  these, whichever build of them pip finds

All else is taken from the environment that runs this. What is tested needs torch most: the optimizers against torch's
own, and two processes under DDP and FSDP2.
"""

import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import venv
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = [
    f"tests/optim/test_{name}.py" for name in ("clients", "checkpoints", "distributed", "engines", "optim_signature")
]
TESTS += ["tests/rules/test_rules_foreign.py", "tests/rules/test_rules_torch_more.py"]


def main(asked: list[str]) -> int:
    """Test each version; how many of them fail."""
    here = version("torch")
    chosen = asked or extremes(offered(), least(), here, every_build_is_for_cpus=sys.platform != "linux")
    if not chosen:
        print(f"torch {here} alone: of other versions from {least()} pip finds no build for the CPU here")
        return 0
    return sum(map(fails_with, chosen))


def least() -> str:
    """The oldest torch that `pyproject.toml` allows."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return next(each.removeprefix("torch>=") for each in needed if each.startswith("torch>="))


def offered() -> list[str]:
    """The versions that pip finds."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "index", "versions", "torch"], capture_output=True, text=True, check=False
    )
    listed = re.search(r"Available versions: (.*)", said.stdout)
    return listed[1].split(", ") if listed else []


def extremes(found: Iterable[str], oldest: str, here: str, every_build_is_for_cpus: bool) -> list[str]:
    """The oldest and the newest of the versions from `oldest` with a build for the CPU, without the one that is here.

    On Linux a build for the CPU is one with "+cpu"; others bring gigabytes of libraries for GPUs.
    """
    fit = [each for each in found if each.endswith("+cpu") or (every_build_is_for_cpus and "+" not in each)]
    known = sorted({each for each in fit if _order(each) >= _order(oldest)}, key=_order)
    return [each for each in dict.fromkeys(known[:1] + known[-1:]) if _order(each) != _order(here)]


def _order(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("+")[0])[:3])


def fails_with(torch: str) -> bool:
    """Whether the tests fail with this version, in an environment whose other packages are those of this one."""
    print(f"torch {torch}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", f"torch=={torch}"], check=True)
        ours = sysconfig.get_paths()["purelib"]
        theirs = Path(sysconfig.get_path("purelib", vars={"base": folder, "platbase": folder}))
        (theirs / "others.pth").write_text(f"import site; site.addsitedir({ours!r})\n")  # stands behind its own torch
        check = f"import torch; assert torch.__version__.startswith({torch!r}), torch.__version__"
        subprocess.run([python, "-c", check], check=True)
        return bool(subprocess.run([python, "-m", "pytest", "-n", "2", *TESTS], cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
