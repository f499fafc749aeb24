"""The registry of toxic types: the name in the API and the attributes that make the stages."""

from __future__ import annotations

from runner.links.server.toxics.bandwidth import Bandwidth
from runner.links.server.toxics.base import Attributes
from runner.links.server.toxics.latency import Latency
from runner.links.server.toxics.limit_data import LimitData
from runner.links.server.toxics.noop import Noop
from runner.links.server.toxics.reset_peer import ResetPeer
from runner.links.server.toxics.slicer import Slicer
from runner.links.server.toxics.slow_close import SlowClose
from runner.links.server.toxics.timeout import Timeout

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
