"""A worker process: `python -m steepest.comparison STUDY.sqlite NAME`; the study's runner starts it."""

import os
import sys
import traceback

from .worker import work

if __name__ == "__main__":
    try:
        work(*sys.argv[1:])
    except Exception:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)  # the thread that watches the pipe may still be reading
