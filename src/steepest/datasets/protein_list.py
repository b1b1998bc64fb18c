"""Which chains the data set `proteins` has, and where their files are.

`proteins.txt` lists the name of each chain's file, its number of residues, and the digest by which it is known there.
"""

from importlib.resources import files

__all__ = ["listed", "url"]

BENCHMARK = "https://raw.githubusercontent.com/haddocking/BM5-clean/master/HADDOCK-ready"
BANK = "https://files.rcsb.org/download"


def listed() -> list[tuple[str, int, str]]:
    """Of each chain the file's name, the number of residues, and the digest."""
    rows = (files(__package__) / "proteins.txt").read_text(encoding="utf-8").split("\n")
    return [(name, int(length), digest) for name, length, digest in map(str.split, filter(None, rows))]


def url(name: str) -> str:
    """Where the file of a chain is: `1ZM4_r_u` in the docking benchmark, `1h4aX`, chain X of 1H4A, in the data bank."""
    return f"{BENCHMARK}/{name[:4]}/{name}.pdb" if "_" in name else f"{BANK}/{name[:4].upper()}.pdb"
