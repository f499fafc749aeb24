"""Sentences for journal events: what a terminal says while a run is in progress."""

from __future__ import annotations

from gameday.recording.journal_events import (
    AlertAcknowledged,
    AlertRaised,
    ApprovalGiven,
    ChangeDone,
    ChangeFailed,
    ChangeStarted,
    CleanupDone,
    DatabasePromoted,
    EnvironmentDeleted,
    FaultFailed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    FenceConfirmed,
    GateBlocked,
    GateNeedsApproval,
    InstanceDied,
    InstanceKilled,
    JournalEvent,
    LoadStarted,
    Note,
    OperationDone,
    OperationFailed,
    OperationIntended,
    PhaseStarted,
    RegionSeen,
    ReplicaCaughtUp,
    RunEnded,
    RunError,
    RunInterrupted,
    RunStarted,
    RunStopped,
    SteadyStateJudged,
    StreamSilent,
    TrafficDrained,
    TrafficReturned,
)

PHASES = {
    "up": "bringing the system up",
    "warm": "warming up under load",
    "steady": "watching the steady state",
    "fault": "the timeline is in progress",
    "down": "tearing the system down",
    "done": "done",
}
"""Phase → what the run does in it."""
MAX_WHY = 200
"""Characters of the end of a dead instance's log."""


def event_sentence(event: JournalEvent) -> str | None:
    """Return one line for an event; None if it matters only in the journal."""
    return (
        _run_sentence(event)
        or _system_sentence(event)
        or _fault_or_change_sentence(event)
        or _gate_sentence(event)
        or _response_sentence(event)
        or None
    )


def _run_sentence(event: JournalEvent) -> str:
    match event:
        case RunStarted():
            return f"run {event.run}: {event.title} (on {event.substrate}: {event.why})"
        case PhaseStarted():
            return f"phase {event.phase}: {PHASES.get(event.phase, event.phase)}"
        case LoadStarted():
            return f"load of {event.planned_rate:g} requests/s started"
        case SteadyStateJudged():
            return "steady state met" if event.met else f"steady state NOT met: {event.why}"
        case StreamSilent():
            return f"no answers for SLO {event.slo}: it is unknown"
        case Note():
            return event.text
        case RunInterrupted():
            return f"interrupted by {event.signal}: tearing everything down"
        case RunStopped():
            return f"abort condition holds: {event.expr}: reverting faults and tearing everything down"
        case RunError():
            return f"error in {event.where}: {event.why}"
        case RunEnded():
            return f"run ended: {event.reason.replace('_', ' ')}"
        case CleanupDone():
            return "nothing left behind" if event.clean else f"LEFT BEHIND: {', '.join(event.left)}"
    return ""


def _system_sentence(event: JournalEvent) -> str:
    match event:
        case InstanceKilled():
            return f"instance {event.instance} ({event.release}) {event.why}" if event.why else ""
        case InstanceDied():
            return f"instance {event.instance} ({event.release}) died: {event.why.strip()[-MAX_WHY:]}"
        case RegionSeen():
            return f"region {event.region} is {_region_state(event)}"
        case FenceConfirmed():
            return f"the database of {event.region} is confirmed to be stopped"
        case DatabasePromoted():
            return f"the database of {event.region} takes the writes"
        case ReplicaCaughtUp():
            return f"the database of {event.region} has caught up"
        case TrafficDrained():
            return f"no traffic goes to {event.region} any more"
        case TrafficReturned():
            return f"traffic returns to {event.region}"
        case EnvironmentDeleted():
            return f"environment of {event.region} deleted, volumes included; creating it again"
    return ""


def _region_state(region: RegionSeen) -> str:
    """Return what the edge's checks say of a region."""
    state = "up" if region.up else "down"
    database = "" if region.database or not region.up else ", its database can't be reached"
    without = ", takes orders without a standby" if region.asynchronous else ""
    return state + database + (", drained" if region.drained else "") + without


def _fault_or_change_sentence(event: JournalEvent) -> str:
    match event:
        case FaultIntended():
            return f"fault {event.fault}: injecting {event.kind} on {event.target}"
        case FaultInjected():
            return f"fault {event.fault} confirmed by the system"
        case FaultFailed():
            return f"fault {event.fault} could not be injected: {event.why}"
        case FaultReverted():
            return f"fault {event.fault} reverted by {event.by}"
        case ChangeStarted():
            versions = f"{event.service} {event.previous} -> {event.release}"
            return f"change {event.change}: {versions} by {event.by}"
        case ChangeDone():
            return f"change {event.change} {'cancelled' if event.cancelled else 'done'}"
        case ChangeFailed():
            return f"change {event.change} {'was' if event.refused else 'failed:'} {event.why}"
    return ""


def _gate_sentence(event: JournalEvent) -> str:
    match event:
        case ApprovalGiven():
            return f"{event.release} approved by {event.by} as {event.role}, after {event.waited_s:.1f} s"
        case GateBlocked() | GateNeedsApproval():
            verb = {
                (GateBlocked, "block"): "blocks",
                (GateNeedsApproval, "block"): "needs an approval for",
            }.get((type(event), event.mode), "would stop")
            first = event.findings[0] if event.findings else {}
            more = f" (and {len(event.findings) - 1} more)" if len(event.findings) > 1 else ""
            place = f"{first.get('file')}:{first.get('line')}: {first.get('message')}"
            return f"gate {event.gate} {verb} {event.release}: {place}{more}"
    return ""


def _response_sentence(event: JournalEvent) -> str:
    match event:
        case AlertRaised():
            pages = "[DRILL] PAGE" if event.pages else "watching"
            side = "from" if event.side == "outside" else f"{event.side}-side"
            return f"{pages} {event.alert}, {side} {event.detector}: {event.summary}"
        case AlertAcknowledged():
            return f"alert {event.alert} acknowledged by {event.by}"
        case OperationIntended():
            return " ".join(f"operation {event.operation}: {event.name} {event.target} by {event.by}".split())
        case OperationDone():
            return f"operation {event.operation} done"
        case OperationFailed():
            return f"operation {event.operation} failed: {event.why}"
    return ""
