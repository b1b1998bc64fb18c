"""Fetching from a server on this machine: resumed, checked, alone, and one line for all that can go wrong."""

import errno
import hashlib
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from steepest.base.errors import InvalidValue, SteepestError
from steepest.base.text import Text
from steepest.datasets import DATASETS, Dataset, File, find, getting, watch_with
from steepest.datasets.record import Debian, Npm, Package, Url

CONTENT = bytes(range(256)) * 1200  # five reads of a download
HALF = len(CONTENT) // 2
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """What each path does is in its name."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        begin = int(re.sub(r"\D", "", self.headers.get("Range", "0")))
        self.server.asked.append((self.path, begin))
        if self.path == "/404":
            return self.send_error(404)
        if self.path == "/round-and-round":
            self.send_response(302)
            self.send_header("Location", self.path)
            return self.end_headers()
        if self.path == "/ignores-ranges":
            begin = 0
        content = CONTENT[::-1] if self.path == "/another" else CONTENT
        if begin >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        body = content[begin:]
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        if self.path == "/endless":
            body = content * 60
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path == "/breaks-off" or (self.path == "/breaks-off-once" and len(self.server.asked) == 1):
            body = body[:HALF] if not begin else b""
        self.wfile.write(body)
        return None


@pytest.fixture(scope="module")
def running():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(running, monkeypatch):
    running.asked = []
    running.address = f"http://127.0.0.1:{running.server_port}"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return running


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("STEEPEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STEEPEST_DATA", raising=False)
    monkeypatch.setattr(getting, "_watch", getting._say)
    return tmp_path / "cache" / "data"


@pytest.fixture
def sample(monkeypatch, server, cache):
    """Define a data set of one file at this path of the server."""

    def define(path: str, *more) -> str:
        file = File("sample.bin", len(CONTENT), SHA256, (Url(server.address + path), *more))
        plain = Text("Bytes.", "字节。")
        monkeypatch.setitem(DATASETS, "sample", Dataset("sample", plain, plain, "nobody", (file,)))
        return "sample"

    return define


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_file_is_fetched_once_checked_and_said(sample, server, cache, capsys):
    name = sample("/file")
    assert find(name) == find(name) == (cache / "sample.bin",)
    assert (cache / "sample.bin").read_bytes() == CONTENT
    assert (server.asked, names(cache)) == ([("/file", 0)], ["sample.bin"])
    assert capsys.readouterr().err == "sample: Bytes. Bytes.; 0.3 MB; nobody\n"


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/file", [HALF]), ("/ignores-ranges", [HALF]), ("/breaks-off-once", [0, HALF])],
)
def test_what_is_there_is_not_fetched_again(sample, server, cache, path, asked):
    if path != "/breaks-off-once":
        cache.mkdir(parents=True)
        (cache / ".sample.bin.part").write_bytes(CONTENT[:HALF])
    find(sample(path))
    assert (cache / "sample.bin").read_bytes() == CONTENT
    assert [begin for _, begin in server.asked] == asked


@pytest.mark.parametrize("left", [CONTENT[::-1][:HALF], CONTENT + b"more", CONTENT[:-1] + b"x"])
def test_what_an_earlier_call_left_of_another_file_is_thrown_away(sample, server, cache, left):
    cache.mkdir(parents=True)
    (cache / ".sample.bin.part").write_bytes(left)
    find(sample("/file"))
    assert ((cache / "sample.bin").read_bytes(), names(cache)) == (CONTENT, ["sample.bin"])
    assert server.asked[-1] == ("/file", 0)


def test_what_is_there_whole_is_only_checked(sample, server, cache):
    cache.mkdir(parents=True)
    (cache / ".sample.bin.part").write_bytes(CONTENT)
    find(sample("/file"))
    assert server.asked == [("/file", len(CONTENT))]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/404", "HTTP 404 Not Found"),
        ("/round-and-round", "would lead to an infinite loop"),  # said by Python in three lines
        ("/another", "not the published file (its SHA-256 differs)"),
        ("/endless", "sends more than the file has"),
        ("/breaks-off", f"the connection was closed after {HALF} of {len(CONTENT)} bytes"),
    ],
)
def test_what_cannot_be_fetched_is_one_line_with_what_helps(sample, server, cache, path, reason):
    name = sample(path, Debian("a-package", "/none/at/all"))
    with pytest.raises(SteepestError) as error:
        find(name)
    parts = ("sample: ", server.address + path, reason, "apt-get install a-package", "steepest data get sample")
    assert all(part in str(error.value) for part in (*parts, "STEEPEST_DATA=FOLDER (FOLDER/sample.bin)"))
    assert "\n" not in str(error.value)
    assert "这台机器上没有" in error.value.text("zh")
    assert "sample.bin" not in names(cache)


def test_without_a_network_or_with_a_proxy_that_is_not_there_it_is_one_line(sample, server, monkeypatch):
    name = sample("/file")
    monkeypatch.setenv("no_proxy", "")
    for proxy in ("http://127.0.0.1:9", "nonsense://proxy"):
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(
            SteepestError, match=r"sample: not on this machine \(http://127.0.0.1:.*\); one of"
        ) as error:
            find(name)
        assert "\n" not in str(error.value)
    assert server.asked == []


def test_an_interrupt_keeps_what_came(sample, server, cache, monkeypatch):
    name = sample("/file")

    @contextmanager
    def interrupted(wanted):
        def progress(name, done, total):
            if done >= HALF / 2:
                raise KeyboardInterrupt

        yield progress

    watch_with(interrupted)
    with pytest.raises(KeyboardInterrupt):
        find(name)
    begun = (cache / ".sample.bin.part").stat().st_size
    assert 0 < begun < len(CONTENT)
    watch_with(getting._say)
    find(name)
    assert server.asked == [("/file", 0), ("/file", begun)]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_nothing_is_named_and_not_left_full(sample, cache, monkeypatch, code):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InvalidValue) as error:
        find(sample("/file"))
    assert (
        str(error.value)
        == f"{cache}: cannot be written ({os.strerror(code)}); choose another folder with STEEPEST_CACHE"
    )
    assert names(cache) == ([] if code == errno.ENOSPC else [".sample.bin.part"])


def test_a_cache_that_cannot_be_made_is_named(sample, cache):
    cache.parent.write_text("a file")
    with pytest.raises(InvalidValue, match=r"cannot be written.*choose another folder with STEEPEST_CACHE"):
        find(sample("/file"))


def test_a_damaged_file_in_the_cache_is_fetched_again(sample, cache):
    cache.mkdir(parents=True)
    (cache / "sample.bin").write_bytes(CONTENT[:10])
    assert find(sample("/file"))[0].read_bytes() == CONTENT


PROCESS = """
import hashlib, sys
from steepest.base.text import Text
from steepest.datasets import DATASETS, Dataset, File, find
from steepest.datasets.record import Url
plain = Text("Bytes.", "")
file = File("sample.bin", 300_000, sys.argv[2], (Url(sys.argv[1] + "/file"),))
DATASETS["sample"] = Dataset("sample", plain, plain, "nobody", (file,))
print(find("sample")[0].stat().st_size)
"""


def test_two_processes_fetch_it_once(server, cache):
    command = [sys.executable, "-c", PROCESS, server.address, SHA256]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in both] == [f"{len(CONTENT)}\n"] * 2
    assert server.asked == [("/file", 0)]


# --- pip and npm ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (Npm("no-such-package", "1.0"), "npm pack no-such-package@1.0: "),
        (Package("no-such-package", "1.0", "no_such_module", "file.txt"), "pip download no-such-package==1.0: "),
    ],
)
def test_what_a_client_says_is_the_reason(monkeypatch, cache, tmp_path, place, reason):
    """The clients are stand-ins that fail as the real ones do."""
    for program in ("npm", "python"):
        (tmp_path / program).write_text(
            "#!/bin/sh\necho >&2 'error: no such package'\necho >&2 'see the log'\nexit 1\n"
        )
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    plain = Text("Bytes.", "字节。")
    file = File("sample.bin", 1, "0" * 64, (place,))
    monkeypatch.setitem(DATASETS, "sample", Dataset("sample", plain, plain, "nobody", (file,)))
    with pytest.raises(SteepestError, match=re.escape(f"({reason}error: no such package); ")) as error:
        find("sample")
    assert place.command in str(error.value)
    assert names(cache) == []


def test_without_npm_it_says_so(monkeypatch, cache):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SteepestError, match="there is no npm here"):
        find("quatrains")
