"""Calibration: cut a link at exactly known times and measure how far off the clocks of a run are on this machine.

`bench` wires load, link and stub, `known_outages` cuts and restores the link, `deviations` compares the measured times with
the true ones, `calibration_result` is the result. `gameday.cli.calibrate` is the command.
"""

from gameday.calibrate.bench import Settings
from gameday.calibrate.calibration_result import LEAST, coarse, keep, problems, read_findings, write
from gameday.calibrate.known_outages import Calibration, Interrupted, expected_seconds

__all__ = [
    "LEAST",
    "Calibration",
    "Interrupted",
    "Settings",
    "coarse",
    "expected_seconds",
    "keep",
    "problems",
    "read_findings",
    "write",
]
