"""A script run in several processes at a time, one a rank: what each of them says, in its last line, as JSON."""

import json
import subprocess
import sys


def results_of_ranks(script, count, *arguments, timeout=240):
    """For each check by name, what the processes `python SCRIPT RANK ARGUMENTS` say about it, by rank."""
    processes = [
        subprocess.Popen([sys.executable, str(script), str(rank), *map(str, arguments)], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
        for rank in range(count)
    ]  # fmt: skip
    said = []
    try:
        for process in processes:
            out, complaints = process.communicate(timeout=timeout)
            assert process.returncode == 0, complaints
            said.append(json.loads(out.splitlines()[-1]))
    finally:
        for process in processes:  # where one has failed, the others wait for it
            process.kill()
            with process:  # its pipes are closed
                pass
    assert all(own.keys() == said[0].keys() for own in said)
    return {name: [by_rank[name] for by_rank in said] for name in said[0]}
