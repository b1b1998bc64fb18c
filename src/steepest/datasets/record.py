"""What a data set is: its facts, its files, where they may be, and what they are made from."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..base.text import Text

__all__ = ["Bundled", "Dataset", "Debian", "File", "Npm", "Package", "Place", "Url"]


@dataclass(frozen=True)
class Url:
    """A file on its public server, which can be fetched."""

    address: str


@dataclass(frozen=True)
class Npm:
    """The archive of an npm package, which npm fetches (it knows the user's registry, mirror and proxy)."""

    package: str
    version: str

    @property
    def command(self) -> str:
        """How a user gets it by hand."""
        return f"npm pack {self.package}@{self.version}"


@dataclass(frozen=True)
class Package:
    """A file in a Python package: read where that is installed; else pip fetches the package and the file is kept."""

    project: str
    version: str
    module: str
    path: str

    @property
    def command(self) -> str:
        """How a user installs it."""
        return f"pip install {self.project}=={self.version}"

    def locate(self) -> Path | None:
        """The file, if the package is installed; nothing is imported."""
        return in_module(self.module, self.path)


@dataclass(frozen=True)
class Bundled:
    """A file that comes with Python, or with a package that steepest needs."""

    module: str
    path: str

    def locate(self) -> Path | None:
        """The file; nothing is imported."""
        return in_module(self.module, self.path)


@dataclass(frozen=True)
class Debian:
    """A file, or a folder, that a Debian package installs."""

    package: str
    path: str

    @property
    def command(self) -> str:
        """How a user installs it."""
        return f"apt-get install {self.package}"

    def locate(self) -> Path | None:
        """Its place, if something is there."""
        place = Path(self.path)
        return place if place.exists() else None


Place = Url | Npm | Package | Bundled | Debian


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Attributes:
        name: what it is called in the folder STEEPEST_DATA and in the cache.
        size: bytes to fetch, about.
        sha256: of its content: the bytes, unpacked where the name ends in .gz, the arrays of an .npz. Empty where
            versions may differ; then the data that are made from it are checked.
        places: where else it may be, in the order of trying.
    """

    name: str
    size: int
    sha256: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set.

    Attributes:
        name: such as `clothes`.
        about: what it is, in a line.
        licence: short, such as `MIT`.
        source: who made it, for a notice.
        files: what is read.
        inputs: what the one file in `files` is made from, where it is not published as it is.
        make: makes the content of that file from the paths of the inputs.
    """

    name: str
    about: Text
    licence: Text
    source: str
    files: tuple[File, ...]
    inputs: tuple[File, ...] = ()
    make: Callable[..., bytes] | None = None

    @property
    def fetched(self) -> tuple[File, ...]:
        """The files that are fetched where the data are not here."""
        return self.inputs or self.files

    @property
    def size(self) -> int:
        """Bytes to fetch, about."""
        return sum(file.size for file in self.fetched)

    @property
    def commands(self) -> list[str]:
        """The commands that bring its files, other than steepest's own."""
        places = [place for file in self.fetched for place in file.places]
        return list(dict.fromkeys(place.command for place in places if isinstance(place, Debian | Package | Npm)))


def in_module(module: str, path: str) -> Path | None:
    """A file beside a module's `__init__.py`, if it is there; nothing is imported."""
    spec = None if module in sys.modules and not hasattr(sys.modules[module], "__spec__") else find_spec(module)
    place = Path(spec.origin).parent / path if spec and spec.origin else None
    return place if place and place.exists() else None
