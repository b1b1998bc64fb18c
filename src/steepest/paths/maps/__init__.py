"""Maps made of many trajectories: which minimum each start reaches, and what each pair of settings comes to."""

from .basin import BasinMap, End, map_basin
from .sweep import Axis, SweepMap, map_sweep

__all__ = ["Axis", "BasinMap", "End", "SweepMap", "map_basin", "map_sweep"]
