"""Quatrains from the archive of the npm package chinese-poetry: every tenth of 99,185."""

import gzip
import json
import re
import tarfile
from pathlib import Path, PurePosixPath

__all__ = ["make", "quatrain"]

FILE = re.compile(r"package/dist/quantangshi/(error/)?poet\.(song|tang)\.\d+\.json")
PUNCTUATION = re.compile("[，。？！；：、]")
CHARACTERS = re.compile("[\u4e00-\u9fff]+")
EVERY = 10


def quatrain(text: str) -> str | None:
    """A poem as a line, if it is four verses of five characters each, or of seven; None otherwise.

    >>> quatrain("床前明月光，疑是地上霜。舉頭望明月？低頭思故鄉。。")
    '床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。'
    >>> quatrain("舉頭望明月，低頭思故鄉。")
    """
    verses = [verse for verse in PUNCTUATION.split(text) if verse]
    if len(verses) != 4 or {*map(len, verses)} not in ({5}, {7}) or not all(map(CHARACTERS.fullmatch, verses)):
        return None
    return "{}，{}。{}，{}。".format(*verses)


def make(archive: Path) -> bytes:
    """Of the poems, in the order of their files, each tenth quatrain that was not there before; gzip."""
    poems: dict[str, str] = {}
    with tarfile.open(archive) as opened:
        members = [member for member in opened.getmembers() if FILE.fullmatch(member.name)]
        members.sort(key=lambda member: (PurePosixPath(member.name).name, "/error/" not in member.name))
        for member in members:
            stream = opened.extractfile(member)
            for poem in json.load(stream) if stream else ():
                text = "".join(poem["paragraphs"])
                if line := quatrain(text):
                    poems.setdefault(text, line)
    return gzip.compress("\n".join([*poems.values()][::EVERY]).encode(), mtime=0)
