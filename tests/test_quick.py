"""The quick part of the tests, `./dev test --quick`: something of every folder."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOLDERS = sorted({file.parent.relative_to(HERE).as_posix() for file in HERE.rglob("test_*.py")})
pytestmark = pytest.mark.quick


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_has_quick_tests(folder):
    """The names of the tests of files with the mark are read by pytest; a folder without one would be left out."""
    marked = [file for file in (HERE / folder).glob("test_*.py") if "pytest.mark.quick" in file.read_text()]
    assert [file for file in marked if file != Path(__file__)], f"mark some tests of {folder} with pytest.mark.quick"
