"""Files are written whole; links and devices stay what they are."""

import os
import threading

import pytest

from steepest.base.errors import InvalidValue
from steepest.base.files import write


def test_the_file_behind_a_link_is_written(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write(link, "new")
    assert (link.is_symlink(), target.read_text()) == (True, "new")


def test_a_link_to_nothing_makes_its_file(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write(tmp_path / "link", "new")
    assert (tmp_path / "target").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_written_and_stays_a_pipe(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write(pipe, "content")
    reader.join(10)
    assert (got, pipe.is_fifo()) == ([b"content"], True)


def test_a_folder_and_a_place_in_no_folder_are_refused_in_one_line(tmp_path):
    for place in (tmp_path, tmp_path / "none" / "file"):
        with pytest.raises(InvalidValue, match="cannot be written"):
            write(place, "content")
