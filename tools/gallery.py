"""Run every script of the gallery and print docs/gallery.md: a picture, a sentence and a link for each.

python tools/gallery.py           run the scripts, keep their pictures in docs/images/gallery, and those in Chinese in
                                  docs/images/zh/gallery where they have words, write the page
python tools/gallery.py --check   run nothing; fail if the page is not what it would write
"""

import ast
import io
import os
import runpy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from steepest.figures.style import in_language

ROOT = Path(__file__).parent.parent
SCRIPTS, PAGE = ROOT / "examples/gallery", ROOT / "docs/gallery.md"
PICTURES, IN_CHINESE = ROOT / "docs/images/gallery", ROOT / "docs/images/zh/gallery"

TITLES = {
    "ravine": "狭谷", "learning_rates": "学习率", "local_minima": "局部极小点", "saddle_escape": "逃离鞍点",
    "vanishing_gradient": "梯度消失", "rosenbrock": "Rosenbrock 函数", "momentum_limit": "动量的稳定极限",
    "adagrad_rmsprop": "AdaGrad 与 RMSProp", "rotation": "旋转的狭谷", "schedules": "学习率调度", "basins": "吸引域",
    "fractal": "分形边界", "adam_sweep": "Adam 的超参数", "surface": "曲面", "learning": "网络的学习",
}  # fmt: skip
"""Scripts and their Chinese titles, as the lecture goes: from one learning rate to maps of many runs."""

LARGEST = 98_000
"""Bytes of a picture."""

SIZES = [(width, colours) for width in (1400, 1200, 1000, 800) for colours in (256, 128)]
"""Pixels across and colours that are tried, until a picture is small enough."""

HEAD = """# Gallery

Each picture is made by a script of about ten lines: `python examples/gallery/ravine.py` writes it to the folder where
you are. `python tools/gallery.py` runs them all and writes this page.

每张图由一个十来行的脚本画出。
"""


def main(arguments: list[str]) -> int:
    """Write the page, or see whether it is up to date."""
    if sorted(TITLES) != sorted(script.stem for script in SCRIPTS.glob("*.py")):
        print("tools/gallery.py: TITLES does not name the scripts in examples/gallery", file=sys.stderr)
        return 1
    if arguments == ["--check"]:
        if PAGE.read_text(encoding="utf-8") != page():
            print("docs/gallery.md is not what the scripts say; run: python tools/gallery.py", file=sys.stderr)
            return 1
        return 0
    for folder in (PICTURES, IN_CHINESE):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
    for name in TITLES:
        file, content = run(SCRIPTS / f"{name}.py")
        keep(PICTURES / file, content)
        with in_language("zh"):
            _, translated = run(SCRIPTS / f"{name}.py")
        if translated != content:
            keep(IN_CHINESE / file, translated)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


def keep(file: Path, content: bytes) -> None:
    """Keep a picture, made small."""
    file.write_bytes(smaller(file.name, content))
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1000:.0f} kB")


def run(script: Path) -> tuple[str, bytes]:
    """Run a script in an empty folder; the one file that it makes: name and content."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            runpy.run_path(str(script), run_name="__main__")
        finally:
            os.chdir(before)
        (made,) = Path(folder).iterdir()
        return made.name, made.read_bytes()


def smaller(name: str, content: bytes) -> bytes:
    """A PNG with as few pixels and colours as it takes to be small; other files as they are."""
    if not name.endswith(".png"):
        return content
    image = Image.open(io.BytesIO(content)).convert("RGB")
    for width, colours in SIZES:
        part = min(1.0, width / image.width)
        sized = image.resize((round(part * image.width), round(part * image.height)), Image.Resampling.LANCZOS)
        drawn = io.BytesIO()
        few = sized.quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
        few.save(drawn, "PNG", optimize=True)
        if drawn.tell() <= LARGEST:
            break
    return drawn.getvalue()


def page() -> str:
    """The page as text, from the scripts' own words."""
    return "\n".join([HEAD, *(part for name in TITLES for part in entry(name))])


def entry(name: str) -> Iterator[str]:
    """The lines of one script."""
    text = (SCRIPTS / f"{name}.py").read_text(encoding="utf-8")
    english, chinese = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")
    yield f"## {name.replace('_', ' ').capitalize()} · {TITLES[name]}\n"
    yield f"![{english}](images/gallery/{picture(text)})\n"
    yield f"{english}\n"
    yield f"{chinese}\n"
    yield f"[examples/gallery/{name}.py](../examples/gallery/{name}.py)\n"


def picture(text: str) -> str:
    """The file that a script saves, as it is named there."""
    names = [each.value for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Constant)]
    (found,) = [each for each in names if isinstance(each, str) and each.endswith((".png", ".svg", ".gif"))]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
