"""What happened on a path, and why."""
