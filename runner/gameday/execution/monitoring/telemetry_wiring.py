"""Wiring of the watch: its streams, the scrape, the inbox of outside alerts, and the run's own Prometheus."""

from __future__ import annotations

from pathlib import Path

from gameday.detect import make as make_detector
from gameday.detect import make_scrape
from gameday.execution import active_runs
from gameday.operator_api.alert_webhook import PATH
from gameday.operator_api.credentials import read_credentials
from gameday.ports import PortError
from gameday.recording.clock import RunClock
from gameday.recording.journal import Journal
from gameday.scenario import Scenario
from gameday.substrates.process.process_table import RUN
from gameday.telemetry.metrics_scrape import Scrape
from gameday.telemetry.outside.inbox import Inbox
from gameday.telemetry.outside.monitoring_alerts import OutsideAlerts
from gameday.telemetry.outside.monitoring_config import DETECTOR
from gameday.telemetry.outside.own_monitoring import OwnMonitoring, process_environment
from gameday.telemetry.watch import Watch


def watch(
    scenario: Scenario, run: str, folder: Path, clock: RunClock, journal: Journal, inbox: Inbox
) -> Watch:
    """Return the client-side streams, and the service side, outside alerts and monitoring if the scenario has them.

    Raise PortError if the monitoring's programs are missing.
    """
    service_side = next((detector for detector in scenario.detectors if detector.detector == "scrape"), None)
    scrape = Scrape(service_side, scenario.slos, make_scrape, clock, journal) if service_side else None
    own = _own_monitoring(scenario, run, folder)
    outside = OutsideAlerts(inbox, clock, journal, own) if inbox.detectors else None
    return Watch(scenario, make_detector, clock, journal, scrape, outside)


def _own_monitoring(scenario: Scenario, run: str, folder: Path) -> OwnMonitoring | None:
    if scenario.monitoring is None:
        return None

    def webhook() -> tuple[str, str]:
        """Return where this run takes alerts, and the token for it; the operators' API is open by then."""
        try:
            key = read_credentials(active_runs.api_folder() / f"{run}.json")
        except (OSError, ValueError) as error:
            raise PortError(f"the run's alerts can't be taken: {error}") from error
        return f"http://{key.host}:{key.port}{PATH}{DETECTOR}", key.alerts_token

    return OwnMonitoring(
        scenario.monitoring.prometheus,
        folder / "work" / "monitoring",
        folder / "logs",
        process_environment({RUN: run}),
        webhook,
    )
