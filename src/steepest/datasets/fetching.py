"""Fetching a file over HTTP, which can be interrupted and resumed: what came is kept."""

import os
import time
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError

from ..base.translation import in_chinese

__all__ = ["NotFetched", "Progress", "download"]

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that are here and the bytes that there are, which may be 0: not known."""

TIMEOUT = 30
TRIES = 4
CHUNK = 1 << 16
SLACK = 8 << 20
PARTIAL, NOT_SATISFIABLE = 206, 416


class NotFetched(Exception):
    """A file that could not be fetched; its text says why."""

    def text(self, lang: str = "en") -> str:
        """The reason, in English or with "zh" in Chinese."""
        return in_chinese(str(self)) if lang == "zh" else str(self)


def download(address: str, part: Path, name: str, size: int, progress: Progress) -> None:
    """Fetch the rest of a file into `part`; a connection that breaks is made again where it broke off.

    Args:
        address: the URL.
        part: the file, with what an earlier call fetched, or none.
        name: for the progress.
        size: bytes that it has, about; an answer of twice as many is refused.
        progress: called as bytes come.

    Raises:
        NotFetched: why it cannot be fetched; what came is kept.
        OSError: `part` cannot be written.
    """
    for tries_left in reversed(range(TRIES)):
        before = _length(part)
        try:
            _go_on(address, part, name, 2 * size + SLACK, progress)
            return
        except HTTPError as error:
            error.close()
            raise NotFetched(f"{address}: HTTP {error.code} {' '.join(str(error.reason).split())}".rstrip()) from None
        except _Cut as error:
            here, reason = _length(part), str(error)
        except (URLError, HTTPException, TimeoutError, ConnectionError, ValueError) as error:
            here, reason = _length(part), str(getattr(error, "reason", "") or error or type(error).__name__)
        if here <= before or not tries_left:  # nothing more comes
            raise NotFetched(f"{address}: {' '.join(reason.split())}")
        time.sleep(0.2)


class _Cut(Exception):
    """The connection was closed before the end."""


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _go_on(address: str, part: Path, name: str, most: int, progress: Progress) -> None:
    from urllib.request import Request, build_opener

    here = _length(part)
    request = Request(address, headers={"User-Agent": "steepest"} | ({"Range": f"bytes={here}-"} if here else {}))
    try:
        response: HTTPResponse = build_opener().open(request, timeout=TIMEOUT)  # knows the proxies of now
    except HTTPError as error:
        if error.code != NOT_SATISFIABLE or not here:
            raise
        error.close()
        if error.headers.get("Content-Range", "").strip() == f"bytes */{here}":  # all of it is here
            return
        part.unlink()  # longer than the file is now
        _go_on(address, part, name, most, progress)
        return
    with response:
        if response.status != PARTIAL or not response.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
            here = 0  # a server that ignores ranges sends all of it
        length = response.headers.get("Content-Length")
        total = here + int(length) if length else 0
        with part.open("ab" if here else "wb") as stream:
            while chunk := response.read(CHUNK):
                here += stream.write(chunk)
                progress(name, here, total)
                if here > most:
                    raise NotFetched(f"{address}: sends more than the file has; it is another one")
            stream.flush()
            os.fsync(stream.fileno())
    if here < total:
        raise _Cut(f"the connection was closed after {here} of {total} bytes")
