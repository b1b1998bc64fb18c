"""The lecture: one page that teaches, a station a screen; every number in its words is computed when it is built."""

from .build import build_lecture, open_lecture, save_lecture
from .stations import STATIONS, Station

__all__ = ["STATIONS", "Station", "build_lecture", "open_lecture", "save_lecture"]
