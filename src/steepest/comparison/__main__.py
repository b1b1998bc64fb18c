"""A worker process: `python -m steepest.comparison STUDY.sqlite NAME`; the study's runner starts it."""

import os
import sys
import traceback

from .worker import work

if __name__ == "__main__":
    try:
        work(*sys.argv[1:])
        code = 0
    except Exception:
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)  # the thread that watches the pipe may still be reading
