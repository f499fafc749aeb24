"""Models of a scenario's `monitoring`: a real Prometheus and Alertmanager that watch the shop during the run."""

from __future__ import annotations

from pydantic import Field

from gameday.scenario.scenario_part import Part
from gameday.scenario.units import Lasting, Within

SHORTEST_S = 0.1


class Prometheus(Part):
    """Settings of Prometheus and of the Alertmanager beside it; docs/alerts.md explains them."""

    rules: str = Field(default="burn-rate-drill", description="bundled rules, or a file of your own")
    scrape_interval: Lasting = Field(default=1.0, ge=SHORTEST_S, alias="scrapeInterval")
    evaluation_interval: Lasting = Field(default=1.0, ge=SHORTEST_S, alias="evaluationInterval")
    for_: Within | None = Field(
        default=None, alias="for", description="of every rule; default: what the file says"
    )
    group_wait: Within = Field(default=0.0, alias="groupWait")
    group_interval: Lasting = Field(default=5.0, ge=SHORTEST_S, alias="groupInterval")


class Monitoring(Part):
    """The shop's monitoring for real."""

    prometheus: Prometheus = Prometheus()
