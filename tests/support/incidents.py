"""A page and the bad deploy behind it."""

from __future__ import annotations

from gameday.operations import Alert, Change

PAGE = Alert("a1", 31.0, "cusum", "client", True, "checkout", "checkout is bad")
BAD = Change("c1", 20.0, "pricing", "pricing-1.1.0", "pricing-1.0.0", "code", "", "timeline", "done")
