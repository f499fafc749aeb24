"""The registry of toxic types: the name in the API and the attributes that make the stages."""

from __future__ import annotations

from gameday.links.server.toxics.bandwidth import Bandwidth
from gameday.links.server.toxics.latency import Latency
from gameday.links.server.toxics.limit_data import LimitData
from gameday.links.server.toxics.noop import Noop
from gameday.links.server.toxics.reset_peer import ResetPeer
from gameday.links.server.toxics.slicer import Slicer
from gameday.links.server.toxics.slow_close import SlowClose
from gameday.links.server.toxics.timeout import Timeout
from gameday.links.server.toxics.toxic_stage import Attributes

TYPES: dict[str, type[Attributes]] = {
    "bandwidth": Bandwidth,
    "latency": Latency,
    "limit_data": LimitData,
    "noop": Noop,
    "reset_peer": ResetPeer,
    "slicer": Slicer,
    "slow_close": SlowClose,
    "timeout": Timeout,
}

__all__ = ["TYPES", "Attributes"]
