"""`python -m steepest.study.workers`: a worker process, which a pool talks to through pipes, or a nursery of them."""

import faulthandler
import json
import os
import sys

from .nursery import tend
from .serving import serve

if __name__ == "__main__":
    faulthandler.enable()
    if len(sys.argv) > 1:
        tend(*json.loads(sys.argv[1]))
    jobs, endings = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what a user's file prints must not stand among the endings
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    serve(os.fdopen(jobs, "rb"), os.fdopen(endings, "wb"))
