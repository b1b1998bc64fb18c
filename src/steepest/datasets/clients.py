"""Fetching packages by their own clients, pip and npm, which know the user's index, mirror and proxy."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from shutil import which

from .fetching import NotFetched
from .record import Npm, Package

__all__ = ["fetch_archive", "fetch_member"]


def fetch_archive(npm: Npm, part: Path) -> None:
    """The archive of an npm package, as `part`.

    Raises:
        NotFetched: there is no npm, or what it says.
        OSError: `part` cannot be written.
    """
    if not (program := which("npm")):
        raise NotFetched(f"{npm.command}: there is no npm here")
    with tempfile.TemporaryDirectory(dir=part.parent) as folder:
        package = f"{npm.package}@{npm.version}"
        _run([program, "pack", package, "--silent", "--ignore-scripts", "--pack-destination", folder], npm.command)
        _only(folder, "*.tgz", npm.command).replace(part)


def fetch_member(package: Package, part: Path) -> None:
    """A file of a Python package that is not installed, as `part`.

    Raises:
        NotFetched: there is no pip, or what it says.
        OSError: `part` cannot be written.
    """
    project = f"{package.project}=={package.version}"
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--no-input"]
    with tempfile.TemporaryDirectory(dir=part.parent) as folder:
        _run([sys.executable, "-m", "pip", "download", *options, "--dest", folder, project], f"pip download {project}")
        with zipfile.ZipFile(_only(folder, "*.whl", project)) as wheel:
            part.write_bytes(wheel.read(f"{package.module}/{package.path}"))


def _run(command: list[str], shown: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()]  # not npm's place of a log
        raise NotFetched(f"{shown}: {(errors or lines or [f'ended with code {done.returncode}'])[-1][:200]}")


def _only(folder: str, pattern: str, shown: str) -> Path:
    files = list(Path(folder).glob(pattern))
    if len(files) != 1:
        raise NotFetched(f"{shown}: it brought no {pattern[1:]} file")
    return files[0]
