"""The content of data sets as arrays and texts."""

import ast
import gzip
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .getting import dataset, find, here
from .locating import read

__all__ = ["Clothes", "Emoji", "Proteins", "content"]


class Clothes(NamedTuple):
    """Fashion-MNIST: images, shape (60000, 28, 28), uint8, and labels 0 to 9; then 10,000 held-out ones."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    held_out_images: NDArray[np.uint8]
    held_out_labels: NDArray[np.uint8]


class Emoji(NamedTuple):
    """Pictures, shape (n, 32, 32, 3), uint8, and their names in English and Chinese."""

    pictures: NDArray[np.uint8]
    english: list[str]
    chinese: list[str]


class Proteins(NamedTuple):
    """Chains: sequences of one-letter codes, and the places of N, CA, C and O, shape (length, 4, 3), in ångström."""

    names: list[str]
    sequences: list[str]
    backbones: list[NDArray[np.float32]]


def digits() -> NDArray[np.float64]:
    """The 64 pixels (0 to 16) and the digit of 1,797 images, shape (1797, 65) (Alpaydin and Kaynak 1998).

    Read from scikit-learn's file: importing scikit-learn takes longer than training ten networks on it.
    """
    if paths := here(dataset("digits")):
        return np.loadtxt(paths[0], delimiter=",")
    from sklearn.datasets import load_digits  # a version that keeps it elsewhere

    return np.column_stack(load_digits(return_X_y=True))


def airfoil() -> NDArray[np.float64]:
    """NASA's airfoil self-noise data, shape (1503, 6), the last column the target (Brooks, Pope and Marcolini 1989)."""
    return np.loadtxt(find("airfoil")[0], dtype=np.float64)


def clothes() -> Clothes:
    """Fashion-MNIST (Xiao, Rasul and Vollgraf 2017)."""
    return Clothes(*map(_idx, find("clothes")))


def _idx(path: Path) -> NDArray[np.uint8]:
    """An array in the format of MNIST: two zero bytes, the type, the number of axes, their lengths, the numbers."""
    content = read(path)
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def language() -> str:
    """What `help()` says about Python's syntax, some 0.5 million characters; the text of the Python that runs."""
    module = ast.parse(find("language")[0].read_text(encoding="utf-8"))
    values = [node.value for node in module.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)]
    topics: dict[str, str] = ast.literal_eval(values[0])
    return "\n".join(topics[name] for name in sorted(topics))


def quatrains() -> list[str]:
    """Quatrains of Tang and Song, traditional characters, a line each: four verses of five or of seven characters."""
    return gzip.decompress(find("quatrains")[0].read_bytes()).decode().split("\n")


def spelling() -> list[tuple[str, str]]:
    """Mistakes and the words that were meant, in small letters, where there is only one; some 45,000."""
    lines = find("spelling")[0].read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("->")[::2] for line in lines]
    return [(wrong, right) for wrong, right in pairs if wrong.isalpha() and right.isalpha()]


def emoji() -> Emoji:
    """The pictures of the font Noto Color Emoji with Unicode's names."""
    with np.load(find("emoji")[0]) as arrays:
        return Emoji(arrays["x"], arrays["en"].tolist(), arrays["zh"].tolist())


def proteins() -> Proteins:
    """Chains of the Protein Data Bank without gaps."""
    with np.load(find("proteins")[0]) as arrays:
        names, sequences, backbone = arrays["names"].tolist(), arrays["sequences"].tolist(), arrays["backbone"]
    ends = np.cumsum([len(sequence) for sequence in sequences])[:-1]
    return Proteins(names, sequences, np.split(backbone.astype(np.float32) / 100, ends))


def stamps() -> list[Path]:
    """The photographs and drawings of Tux Paint, PNG files."""
    return sorted(find("stamps")[0].rglob("*.png"))


LOADERS = {
    loader.__name__: loader
    for loader in (digits, airfoil, clothes, language, quatrains, spelling, emoji, proteins, stamps)
}


@cache
def content(name: str) -> Any:
    """As `steepest.datasets.load`."""
    if name not in LOADERS:
        dataset(name)
    return LOADERS[name]()
