"""Writing files atomically and making folders; a failure is one clear error line that names the path."""

import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from .errors import InvalidValue

__all__ = ["check_place", "make_folder", "write"]


def write(path: Path, content: bytes | str, remedy: str = "choose another place") -> None:
    """Write a file through a draft beside it, so that a full disk or an interrupt leaves the old file or none.

    The file behind a link is written, not the link; a device or a pipe, such as `/dev/stdout`, is written as it is.

    Args:
        path: the file; its folder must exist.
        content: text is encoded as UTF-8.
        remedy: the end of the error message.

    Raises:
        InvalidValue: the file cannot be written.
    """
    content = content.encode() if isinstance(content, str) else content
    draft = None
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(content)
            return
        target = Path(os.path.realpath(path))  # also of a link without end, which is then replaced
        # other processes and threads may be writing the same file
        draft = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}")
        draft.write_bytes(content)
        draft.replace(target)
    except OSError as error:
        raise InvalidValue(f"{path}: cannot be written ({error.strerror}); {remedy}") from None
    finally:
        with suppress(OSError):  # there is none any more, or its folder does not exist
            if draft is not None:
                draft.unlink(missing_ok=True)


def check_place(file: str | Path, remedy: str = "choose another place") -> None:
    """Check that a file can be written, before the work that it is to hold.

    Raises:
        InvalidValue: it is a folder, or its own folder does not exist or cannot be written to.
    """
    path = Path(file).expanduser()
    if path.is_dir():
        raise InvalidValue(f"{path}: is a folder; name a file in it")
    if path.exists() and not path.is_file():  # a device or a pipe
        return
    try:
        with tempfile.NamedTemporaryFile(dir=Path(os.path.realpath(path)).parent):
            pass
    except OSError as error:
        raise InvalidValue(f"{path}: cannot be written ({error.strerror}); {remedy}") from None


def make_folder(folder: Path, remedy: str = "choose another folder") -> None:
    """Make a folder and its parents, and check that files can be written in it.

    Raises:
        InvalidValue: the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InvalidValue(f"{folder}: cannot be written ({error.strerror}); {remedy}") from None
