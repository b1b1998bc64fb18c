"""What the models of workloads have learned, for their pages of the site: docs/images/workloads.

python tools/workload_pictures.py [workload ...]   train each for a whole run, and keep what its session shows
"""

import json
import runpy
import sys
from io import BytesIO
from pathlib import Path

from steepest.rules import find as find_rule
from steepest.training import pictures
from steepest.workloads import WORKLOADS, file_of, find

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/images/workloads"


def main(names: list[str]) -> int:
    """Train by the better rule of the measurements, at its rate, with seed 0; keep the picture of the end."""
    smaller = runpy.run_path(str(ROOT / "tools/gallery.py"))["smaller"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or WORKLOADS:
        measured = file_of(name).parent / "measured" / f"{name}.json"
        problem = find(name, try_out=False)
        if not problem.shows or not measured.exists():
            continue
        bar = json.loads(measured.read_text(encoding="utf-8"))["bar"]
        (last,) = pictures(problem, find_rule(bar["rule"], lr=bar["lr"]), seed=0, at=(problem.steps,))
        if isinstance(last.picture, str):
            (FOLDER / f"{name}.txt").write_text(last.picture.rstrip() + "\n", encoding="utf-8")
        else:
            drawn = BytesIO()
            last.picture.save(drawn, "PNG")
            (FOLDER / f"{name}.png").write_bytes(smaller(f"{name}.png", drawn.getvalue()))
        print(f"{name}: {problem.metric_name} {last.metric:.3g}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
