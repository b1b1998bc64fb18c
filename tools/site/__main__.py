"""Build the site into a folder: python -m tools.site [folder]; without one, build/site."""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.site.live import write_live
from tools.site.stage import stage

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
LANGUAGES = {"en": "en", "zh": "zh_CN"}
"""What each is called by Sphinx. English is the root of the site, Chinese lies in a folder below it."""


def main(arguments: list[str]) -> int:
    """Stage both languages, and let Sphinx make them, each in a process of its own; a warning of either fails."""
    out = Path(arguments[0] if arguments else ROOT / "build/site").resolve()
    work = out.with_name(f"{out.name}-source")
    for folder in (out, work):
        shutil.rmtree(folder, ignore_errors=True)
    builds = {}
    (work / "live").mkdir(parents=True)
    states = write_live(work / "live")
    for lang, name in LANGUAGES.items():
        stage(work / lang, lang, states)
        target = out if lang == "en" else out / lang
        command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "-b", "html"]
        command += ["-c", str(HERE), "-D", f"language={name}", "-d", str(work / f"{lang}-trees")]
        builds[lang] = subprocess.Popen([*command, str(work / lang), str(target)], cwd=ROOT)
    failed = [lang for lang, build in builds.items() if build.wait()]
    if failed:
        print(f"tools.site: Sphinx has warnings or errors, above, in: {', '.join(failed)}", file=sys.stderr)
        return 1
    shutil.copytree(work / "live", out / "live")
    print(out / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
