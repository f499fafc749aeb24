"""Tests of a run's history: the course of each fault, change, operation and alert."""

from gameday.analysis.evidence.recorded_run import read_run
from gameday.analysis.evidence.run_history import RunHistory
from gameday.recording.event import Event
from gameday.recording.journal_events import OperationFailed
from tests.support.paths import ROOT

HISTORY = RunHistory(
    [
        Event(1.0, "phase", "fault"),
        Event(2.0, "fault.intended", "f1", {"kind": "link.down", "target": "payments"}),
        Event(2.1, "fault.injected", "f1"),
        Event(2.2, "fault.intended", "f2", {"kind": "bad-deploy", "target": "pricing", "change": "c1"}),
        Event(2.2, "change.started", "c1", {"service": "pricing", "release": "pricing-1.1.0"}),
        Event(2.9, "fault.failed", "f2", {"why": "no room"}),
        Event(3.0, "change.failed", "c1", {"why": "no room"}),
        Event(4.0, "alert.raised", "a1", {"slo": "checkout", "pages": True}),
        Event(4.1, "page.delivered", "a1", {"to": "screen"}),
        Event(4.9, "page.delivered", "a1", {"to": "pager"}),
        Event(5.0, "ack", "a1", {"by": "on-call"}),
        Event(6.0, "operation.intended", "o1", {"name": "restart", "target": "payments", "by": "on-call"}),
        Event(6.5, "operation.failed", "o1", {"why": "busy"}),
        Event(7.0, "fault.reverted", "f1", {"by": "schedule"}),
        Event(8.0, "fault.reverted", "f1", {"by": "cleanup"}),
    ]
)


def test_faults_have_their_later_events() -> None:
    """A fault has its confirmation, failure and first revert; None for an event that never came."""
    down, deploy = HISTORY.faults
    assert (down.id, down.t, down.intended.kind, down.failed) == ("f1", 2.0, "link.down", None)
    assert down.injected is not None
    assert down.injected.t == 2.1
    assert down.reverted is not None
    assert (down.reverted.t, down.reverted.by) == (7.0, "schedule")
    assert deploy.failed is not None
    assert (deploy.injected, deploy.reverted, deploy.failed.why) == (None, None, "no room")
    assert HISTORY.fault("f2") is deploy
    assert HISTORY.fault("f3") is None


def test_changes_operations_and_alerts() -> None:
    """Each has its end; an alert has its first page and its acknowledgement."""
    (change,), (operation,), (alert,) = HISTORY.changes, HISTORY.operations, HISTORY.alerts
    assert change.failed is not None
    assert (change.started.release, change.done, change.failed.t) == ("pricing-1.1.0", None, 3.0)
    assert HISTORY.change("c1") is change
    assert HISTORY.change(None) is None
    assert isinstance(operation.end, OperationFailed)
    assert (operation.intended.by, operation.done, operation.end.why) == ("on-call", None, "busy")
    assert alert.delivered is not None
    assert (alert.raised.slo, alert.delivered.to) == ("checkout", "screen")
    assert alert.acknowledged is not None
    assert alert.acknowledged.by == "on-call"


def test_phases() -> None:
    """A phase has its begin, or None if the run never reached it."""
    phase = HISTORY.phase("fault")
    assert phase is not None
    assert phase.t == 1.0
    assert HISTORY.phase("down") is None


def test_an_old_journal_has_a_history() -> None:
    """The golden run of an older version gives its fault, changes, operations and alerts."""
    run = read_run(ROOT / "tests/golden")
    assert [fault.intended.change for fault in run.faults] == ["c1"]
    assert [change.started.rollback_of for change in run.changes] == [None, "c1"]
    assert [operation.intended.name for operation in run.operations] == ["rollback"]
    assert run.alerts
    assert run.started is not None
    assert (run.id, run.started.scenario) == (run.started.run, "bad-deploy-pricing")
    assert run.faults is run.faults
