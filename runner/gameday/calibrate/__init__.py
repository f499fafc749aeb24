"""Known truth: cuts a link at times known exactly, and says how far off the clocks of a run are on this machine.

`bench` wires what stands between users and a stub, `outages` cuts and restores, `errors` compares measured with true,
`findings` is what comes of it. The command line and what it prints is `gameday.cli.calibrate`.
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
