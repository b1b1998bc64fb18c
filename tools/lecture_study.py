"""Make what the lecture and `steepest show` say of the published study: `applications.json` and `pictures/`.

python tools/lecture_study.py
"""

import json
from dataclasses import asdict
from pathlib import Path

from steepest.lecture.uses import PICTURES, PUBLISHED, Results, pictures_of
from steepest.study import Comparison
from steepest.study.shots import TEXT

ROOT = Path(__file__).parent.parent
STUDY, LECTURE = ROOT / "docs/applications.sqlite.xz", ROOT / "src/steepest/lecture"


def main() -> None:
    text = json.dumps(asdict(Results.read(STUDY)), ensure_ascii=False, indent=1, allow_nan=False)
    (LECTURE / PUBLISHED).write_text(f"{text}\n", encoding="utf-8")
    (LECTURE / PICTURES).mkdir(exist_ok=True)
    for workload, (_, shot) in pictures_of(Comparison.read(STUDY)).items():
        if shot.kind != TEXT:
            (LECTURE / PICTURES / f"{workload}.{shot.kind.removeprefix('image/')}").write_bytes(shot.content)


main()
