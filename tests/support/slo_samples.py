"""An SLO and the samples of an outage that breaches it."""

from __future__ import annotations

import numpy as np

from gameday.recording.samples import RECORD, ErrorKind, Samples
from gameday.scenario import Slo

CHECKOUT = Slo.model_validate(
    {"name": "checkout", "sli": "availability", "objective": "99%", "window": "10s"}
)


def samples(bad_from: float, until: float) -> Samples:
    """Return ten requests a second up to `until`, failing from `bad_from` on."""
    records = np.zeros(int(until * 10), RECORD)
    records["planned"] = np.arange(len(records)) / 10
    records["end"] = records["planned"] + 0.01
    records["correct"] = 1
    records["error"][records["planned"] >= bad_from] = ErrorKind.STATUS
    return Samples(records, ("browse",), ("home",), ("us-east",), ("catalog-1.0.0",))
