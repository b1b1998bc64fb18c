"""`python -m steepest.study.workers`: a worker process that reads jobs from stdin; with an argument, a fork server."""

import faulthandler
import json
import os
import sys

from .fork_server import run_fork_server
from .serving import serve

if __name__ == "__main__":
    faulthandler.enable()
    if len(sys.argv) > 1:
        run_fork_server(*json.loads(sys.argv[1]))
    jobs, endings = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # output of a user's file must not mix with the endings
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    serve(os.fdopen(jobs, "rb"), os.fdopen(endings, "wb"))
