"""Executors, which do the runs of a study: in this process, in worker processes, or on a Ray cluster."""
