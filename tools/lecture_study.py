"""Make `src/steepest/lecture/applications.json`: what the lecture says of the published study.

python tools/lecture_study.py
"""

import json
from dataclasses import asdict
from pathlib import Path

from steepest.lecture.uses import PUBLISHED, Results

ROOT = Path(__file__).parent.parent


def main() -> None:
    results = Results.read(ROOT / "docs/applications.sqlite.xz")
    text = json.dumps(asdict(results), ensure_ascii=False, indent=1, allow_nan=False)
    (ROOT / "src/steepest/lecture" / PUBLISHED).write_text(f"{text}\n", encoding="utf-8")


main()
