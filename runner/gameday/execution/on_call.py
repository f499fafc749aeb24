"""People of a run: the operators' API while it is in progress, and the receivers of its pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from gameday.execution import active_runs
from gameday.operations import Alert
from gameday.operator_api.alert_webhook import AlertDoor
from gameday.operator_api.credentials import credentials_file, new_token
from gameday.operator_api.http_server import OperatorServer
from gameday.operator_api.status_document import StatusDocument
from gameday.operator_api.status_view import OperationStatus, run_status, slo_rows
from gameday.paging.delivery import Pager
from gameday.paging.payloads import Page, payload
from gameday.paging.target import Target
from gameday.ports import PortError
from gameday.reaper.reaper_process import Reaper
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import AlertResolved, JournalEvent, PageDelivered, PageFailed
from gameday.recording.samples import Samples
from gameday.run.engine import TOO_EARLY
from gameday.run.interpreter import Interpreter
from gameday.scenario import Scenario
from gameday.telemetry.outside.inbox import outside_detectors

SETTLED_S = 1.0
"""How old a request must be to count in the status that operators see."""

SHORTEST_TOKEN = 16
"""Characters of a token for alerts, at least."""


class PageDelivery:
    """Implements `run_context.Pages`: sends every page to every target without blocking, and journals each result.

    The request that resolves a page is left with the reaper too: it makes the request if this process dies, and repeats
    it if the receiver refuses it now.
    """

    def __init__(
        self,
        run: str,
        scenario: Scenario,
        targets: Sequence[Target],
        reaper: Reaper,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._run = run
        self._runbook = scenario.runbook
        self._targets = targets
        self._reaper = reaper
        self._to_resolve: dict[tuple[str, Target], str] = {}
        """(alert, receiver) → the key of the request that resolves its page, left with the reaper."""
        self._resolved: set[tuple[str, Target]] = set()
        self._journalled: set[str] = set()
        """Alerts that were resolved during the run."""
        self._journal = journal
        self._clock = clock
        self._pager = Pager(targets, self._log_result)

    def page(self, alert: Alert) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        page = Page(self._run, alert.id, alert.summary, alert.slo, at, alert.region, self._runbook)
        self._pager.trigger(page)
        for number, target in enumerate(self._targets):
            key = self._to_resolve[alert.id, target] = f"{page.key}-{number}"
            body = payload(target, "resolve", page)
            self._reaper.leave_request(key, target.url, body, run=self._run, alert=alert.id)

    def taken(self, alert: str, by: str) -> None:
        self._pager.acknowledge(alert, by)

    def resolve(self, alert: str) -> None:
        """Resolve the page of an alert, whose resolution the engine has journalled."""
        self._journalled.add(alert)
        self._pager.resolve_alert(alert)

    def close(self) -> None:
        """Resolve every page; leave to the reaper what a receiver refuses or doesn't answer, and journal it."""
        late = self._pager.close()
        alerts = {alert for alert, _ in self._to_resolve}
        for (alert, target), key in self._to_resolve.items():
            if (alert, target) in self._resolved:
                self._reaper.cancel_request(key)
                continue
            alerts.discard(alert)
            self._reaper.make_later(key)
            if target in late:
                self._log(PageFailed(alert, to=target.shown, action="resolve", why="not done in time"))
        for alert in sorted(alerts - self._journalled):
            self._log(AlertResolved(alert, by="gameday"))
        self._to_resolve = {}

    def _log_result(self, alert: str, action: str, to: Target, why: str | None) -> None:
        if why is not None:
            self._log(PageFailed(alert, to=to.shown, action=action, why=why))
        elif action == "trigger":
            self._log(PageDelivered(alert, to=to.shown))
        elif action == "resolve":
            self._resolved.add((alert, to))

    def _log(self, event: JournalEvent) -> None:
        self._journal.append(event.at(self._clock.now()))


@contextmanager
def operator_api(run: str, interpreter: Interpreter, samples: Callable[[], Samples]) -> Iterator[None]:
    """Serve the operators' API while the block runs. Raise OSError if its credentials can't be written."""
    scenario, clock = interpreter.context.scenario, interpreter.context.clock

    def state() -> StatusDocument:
        now = clock.now()
        ended = interpreter.state.phase in ("down", "done")
        slos = slo_rows(scenario.slos, samples(), now - SETTLED_S)
        return run_status(
            run,
            interpreter.view(now),
            operation_statuses(interpreter),
            slos,
            runbook=scenario.runbook,
            ended=ended,
        )

    server = OperatorServer(run, state, interpreter.request, alerts=_alert_door(interpreter))
    try:
        with credentials_file(server.open(), active_runs.api_folder()):
            yield
    finally:
        server.close()


def _alert_door(interpreter: Interpreter) -> AlertDoor | None:
    """Return where alerts from outside come in; None if no detector takes any.

    Raise PortError if the token of an address that a detector names isn't in the environment.
    """
    context = interpreter.context
    if context.deliver is None:
        return None
    detectors = [fold for _, fold in outside_detectors(context.scenario.detectors).values()]
    named = next((fold for fold in detectors if fold.listen), None)
    if named is None or named.listen is None:
        return AlertDoor(context.deliver, new_token())
    host, _, port = named.listen.rpartition(":")
    token = os.environ.get(named.token_env or "", "")
    if len(token) < SHORTEST_TOKEN:
        raise PortError(
            f"alerts are to come in at {named.listen}, but the environment variable {named.token_env} holds no token of "
            f"at least {SHORTEST_TOKEN} characters: export it, and give the sender the same"
        )
    return AlertDoor(context.deliver, new_token(), (host, int(port)), token)


def operation_statuses(interpreter: Interpreter) -> list[OperationStatus]:
    """Return every operation requested so far, in order; `accepted` until the engine has read it."""
    known = {number: state for number, _, state in interpreter.state.operations}
    return [
        OperationStatus(
            number,
            operation,
            state,
            interpreter.why_failed.get(number, TOO_EARLY if state == "refused" else ""),
        )
        for number, operation in list(interpreter.accepted.items())
        for state in [known.get(number, "accepted")]
    ]
