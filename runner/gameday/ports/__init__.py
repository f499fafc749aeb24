"""Ports: the Protocols between a run and everything that touches the world, and the plain values that they pass.

Every call is synchronous, bounded by a time-out of its own, and thread-safe. A failure is `PortError`, whose text says
what failed, where, and what to do. A caller declares the narrowest Protocol that it needs.
"""

from gameday.ports.canary_port import (
    CanaryJudge,
    CanaryPlan,
    CanaryVerdict,
    MakeJudge,
    shares_text,
    watched_seconds,
)
from gameday.ports.faults_port import Arena, Fault, Standing, Wait
from gameday.ports.links_port import Links, Toxic
from gameday.ports.load_port import Load
from gameday.ports.port_error import PortError
from gameday.ports.responder_port import Health, Responder, Sight, View
from gameday.ports.substrate_port import (
    Commands,
    Disks,
    Instance,
    Isolation,
    Limits,
    Release,
    Substrate,
    Volumes,
)
from gameday.ports.system_port import System
from gameday.ports.telemetry_port import Detector, OutsideAlert, OutsideDetector, Telemetry, TooManyAlerts

__all__ = [
    "Arena",
    "CanaryJudge",
    "CanaryPlan",
    "CanaryVerdict",
    "Commands",
    "Detector",
    "Disks",
    "Fault",
    "Health",
    "Instance",
    "Isolation",
    "Limits",
    "Links",
    "Load",
    "MakeJudge",
    "OutsideAlert",
    "OutsideDetector",
    "PortError",
    "Release",
    "Responder",
    "Sight",
    "Standing",
    "Substrate",
    "System",
    "Telemetry",
    "TooManyAlerts",
    "Toxic",
    "View",
    "Volumes",
    "Wait",
    "shares_text",
    "watched_seconds",
]
