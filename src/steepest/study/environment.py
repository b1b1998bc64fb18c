"""The surroundings in which a study began: versions, machine, time, and the command."""

import json
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

__all__ = ["environment", "versions"]


def versions() -> dict[str, str]:
    """The versions of steepest and of the libraries that numbers depend on, by name."""
    return {name: version(name) for name in ("steepest", "torch", "numpy", "scipy", "scikit-learn")}


def _is_command(program: Path) -> bool:
    """Whether a program is the command line: `steepest`, or `python -m steepest`."""
    return "steepest" in program.name or program.parts[-2:] == ("steepest", "__main__.py")


def environment() -> dict[str, str]:
    """The texts that a study stores of its beginning, by key."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": json.dumps(versions()),
        "command": shlex.join(["steepest", *sys.argv[1:]]) if _is_command(Path(sys.argv[0])) else "",
    }
