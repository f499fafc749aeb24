"""gameday_reports.charts.panel_axes: where the axes of the timeline's panels begin and end."""

from __future__ import annotations

import numpy as np
import pytest

from gameday_reports.charts import panel_axes
from gameday_reports.charts.panel_axes import latency_ends


@pytest.mark.parametrize("chunk", [7, 1 << 16])
@pytest.mark.parametrize(
    ("fast", "slow", "ends"),
    [
        (0.012, 0.3, (0.5, 0.01)),
        (0.0004, 0.02, (0.04, 0.001)),
        (0.12, 0.13, (0.2, 0.02)),
        (2.5, 95.0, (190.0, 1.0)),
    ],
)
def test_a_latency_axis_holds_nearly_all_that_was_seen(
    monkeypatch: pytest.MonkeyPatch, chunk: int, fast: float, slow: float, ends: tuple[float, float]
) -> None:
    """From the power of ten below all but one in a hundred, 1 ms at least, to over the slowest, at most twice it."""
    monkeypatch.setattr(panel_axes, "CHUNK", chunk)
    taken = np.full(1000, fast)
    taken[500], taken[3:10] = slow, 0.0002  # seven in a thousand don't stretch it
    assert latency_ends(taken) == pytest.approx(ends)


def test_requests_without_an_answer_leave_the_axis_as_it_is() -> None:
    """Neither NaN nor a time that isn't over 0 counts; where nothing was seen it ends at a second."""
    assert latency_ends(np.array([np.nan, 0.02, -0.5, 0.03])) == pytest.approx((0.06, 0.006))
    assert latency_ends(np.array([np.nan])) == (1.0, 0.001)
