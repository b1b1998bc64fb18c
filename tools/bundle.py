"""Make `src/steepest/web/bundle.js` of the modules beside it, with esbuild, in the version of `package-lock.json`.

python tools/bundle.py           write the bundle; the first time, npm fetches esbuild
python tools/bundle.py --check   fail if it is not up to date
"""

import shutil
import subprocess
import sys
from pathlib import Path

from steepest.web import digest_of_sources

WEB = Path(__file__).parent.parent / "src" / "steepest" / "web"
BUNDLE = WEB / "bundle.js"
OPTIONS = (
    "--bundle", "--minify", "--format=iife", "--global-name=Steepest", "--charset=utf8", "--target=es2022",
    "--legal-comments=none", "--log-level=warning",
    "--loader:.css=text", "--loader:.html=text",
)  # fmt: skip


def made() -> str:
    """The bundle, with a first line that names the sources that it was made of."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("needs npm (Debian's package `npm`) to fetch and run esbuild")
    esbuild, lock = WEB / "node_modules" / ".bin" / "esbuild", WEB / "package-lock.json"
    if not esbuild.exists() or esbuild.lstat().st_mtime < lock.stat().st_mtime:
        subprocess.run([npm, "ci", "--silent", "--ignore-scripts"], cwd=WEB, check=True)
    command = [
        str(esbuild),
        "index.js",
        *OPTIONS,
        f"--banner:js=/* made of {digest_of_sources()} by tools/bundle.py */",
    ]
    return subprocess.run(command, cwd=WEB, check=True, capture_output=True, text=True).stdout


def main() -> None:
    if "--check" not in sys.argv:
        BUNDLE.write_text(made(), encoding="utf-8")
    elif BUNDLE.read_text(encoding="utf-8") != made():
        sys.exit("src/steepest/web/bundle.js is not up to date; run ./dev bundle")


main()
