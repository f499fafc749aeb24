"""Bad requests: those that failed, were answered wrongly, or were slower than an objective that covers them allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gameday.recording.samples import ErrorKind, Records, Samples, among
from gameday.scenario import Slo
from gameday.slo import select

Kinds = npt.NDArray[np.integer[Any]]

GOOD, SLOW, WRONG, FAILED = range(4)
"""The kind of a request. One that is bad in several ways has the last of them."""


def kinds(slos: Sequence[Slo], samples: Samples, records: Records) -> Kinds:
    """Return the kind of each of `records`, a part of `samples`. Only sent requests have one."""
    error = records["error"]
    results = np.full(len(error), GOOD, np.uint8)
    for slo in slos:
        if slo.sli == "latency" and len(results):
            counts, good = select(slo, samples.part(records))
            results[counts & ~good] = SLOW
    results[(error == ErrorKind.WRONG) | (records["correct"] == 0)] = WRONG
    results[among(error, (ErrorKind.STATUS, ErrorKind.CONNECTION, ErrorKind.TIMEOUT))] = FAILED
    return results
