"""Data sets: one that scikit-learn brings along, others fetched once, with their hash checked, into a cache folder.

`STEEPEST_DATA` names the folder; default `~/.cache/steepest`. A file that is there already is used without a network.
"""

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..base.errors import SteepestError
from ..base.files import write

__all__ = ["airfoil_self_noise", "folder", "handwritten_digits"]

AIRFOIL = "airfoil_self_noise.dat"
AIRFOIL_SHA1 = "76e5be1548fd8222e5074cf0faae75edff8cf93f"
AIRFOIL_SOURCE = "https://archive.ics.uci.edu/ml/machine-learning-databases/00291/airfoil_self_noise.dat"


def folder() -> Path:
    """Where data sets are kept."""
    return Path(os.environ.get("STEEPEST_DATA") or Path.home() / ".cache" / "steepest").expanduser()


def handwritten_digits() -> NDArray[np.float64]:
    """The 64 pixels (0 to 16) and the digit of 1,797 images, shape (1797, 65) (Alpaydin and Kaynak 1998).

    Read from scikit-learn's file: importing scikit-learn takes longer than training ten networks on it.
    """
    package = find_spec("sklearn")
    file = Path(str(package and package.origin)).parent / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    return np.column_stack(load_digits(return_X_y=True))


def airfoil_self_noise() -> NDArray[np.float64]:
    """NASA's airfoil self-noise data, shape (1503, 6), the last column the target (Brooks, Pope and Marcolini 1989).

    Raises:
        SteepestError: it is neither in the folder nor can it be fetched.
    """
    return np.loadtxt(_fetch(AIRFOIL, AIRFOIL_SOURCE, AIRFOIL_SHA1), dtype=np.float64)


def _fetch(name: str, source: str, sha1: str) -> Path:
    file = folder() / name
    if not file.is_file():
        _download(source, file, sha1)
    if _sha1(file.read_bytes()) != sha1:
        raise SteepestError(f"{file}: not the published file (its SHA-1 differs); delete it to fetch it again")
    return file


def _download(source: str, file: Path, sha1: str) -> None:
    from http.client import HTTPException
    from urllib.request import urlopen

    remedy = f"download it by hand to {file}, or name its folder in STEEPEST_DATA"
    try:
        with urlopen(source, timeout=30) as response:
            content = response.read()
        if _sha1(content) != sha1:
            raise SteepestError(f"{source}: not the published file (its SHA-1 differs); {remedy}")
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, content)
    except (OSError, HTTPException) as error:
        raise SteepestError(f"cannot fetch {source} ({error}); {remedy}") from None


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
