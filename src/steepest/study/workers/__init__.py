"""Who does the runs of a study: this process, worker processes, a Ray cluster."""
