"""Print docs/equivalents.md from the facts about other libraries; with --check, say whether it is what they say."""

import sys
from pathlib import Path

from steepest.program.equivalents import document

PAGE = Path(__file__).parents[1] / "docs/equivalents.md"

if __name__ == "__main__":
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != document():
            print("docs/equivalents.md is not what the facts say; run: python tools/equivalents.py", file=sys.stderr)
            sys.exit(1)
    else:
        PAGE.write_text(document(), encoding="utf-8")
