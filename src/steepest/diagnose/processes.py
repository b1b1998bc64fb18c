"""Which one of several processes this is, where `torch.distributed` runs."""

import torch

__all__ = ["rank", "world"]


def rank() -> int:
    """The number of this process; 0 of a single one."""
    return torch.distributed.get_rank() if world() > 1 else 0


def world() -> int:
    """The number of processes."""
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if there else 1
