"""Journal events of a run as a whole: its start, phases, steady state, orders, end and clean-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from gameday.recording.journal_events.event_type import JournalEvent


@dataclass(frozen=True)
class RunStarted(JournalEvent, kind="run.started", subject="run"):
    """The first event. `started` is the wall time in ISO 8601, `why` the reason for the choice of the substrate.

    `rate` (requests/s) is recorded by a calibration only. `policy` is None if the responder has none, empty if it
    wasn't recorded. `links` is "embedded" or the path of a Toxiproxy server. `probe_s` is the time of a fixed piece of
    work on this machine, which tells machines apart.
    """

    run: str
    _: KW_ONLY
    scenario: str = ""
    title: str = ""
    substrate: str
    why: str = ""
    seed: int | None = None
    rate: float | None = None
    started: str
    version: str = ""
    host: str = ""
    command: str | tuple[str, ...] = ""
    responder: str = ""
    policy: str | None = ""
    links: str = ""
    probe_s: float | None = None


@dataclass(frozen=True)
class PhaseStarted(JournalEvent, kind="phase", subject="phase"):
    """The run entered a phase: up, warm, steady, fault, down or done."""

    phase: str


@dataclass(frozen=True)
class SteadyStateJudged(JournalEvent, kind="steady"):
    """Whether the SLOs held from `since` to `until`; `why` says why not."""

    _: KW_ONLY
    met: bool
    why: str
    since: float
    until: float


@dataclass(frozen=True)
class OrdersCollected(JournalEvent, kind="audit"):
    """The records of the system and of the third party: file names and their counts of rows.

    A part that couldn't be had is None; `why` then says why.
    """

    _: KW_ONLY
    file: str | None
    orders: int | None
    ledger: str | None
    charges: int | None
    stock: str | None
    why: str


@dataclass(frozen=True)
class Note(JournalEvent, kind="note"):
    """Text put on the timeline by a person, or by gameday itself."""

    _: KW_ONLY
    text: str
    by: str


@dataclass(frozen=True)
class RunInterrupted(JournalEvent, kind="run.interrupted"):
    """A signal ended the run."""

    _: KW_ONLY
    signal: str


@dataclass(frozen=True)
class RunStopped(JournalEvent, kind="run.stopped"):
    """An abort condition of the scenario ended the run; `values` are those that the expression used."""

    _: KW_ONLY
    expr: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class RunError(JournalEvent, kind="run.error"):
    """The tool or the substrate failed; `where` names the part."""

    _: KW_ONLY
    where: str
    why: str


@dataclass(frozen=True)
class RunEnded(JournalEvent, kind="run.ended"):
    """The engine ended the run: held, no_effect, give_up, unsteady, stopped, interrupted or error.

    `judged`: requests planned up to this time were judged, with all of their answers; None if the load's end decides.
    """

    _: KW_ONLY
    reason: str
    judged: float | None = None


@dataclass(frozen=True)
class CleanupDone(JournalEvent, kind="cleanup"):
    """The system was taken down; `left` names what couldn't be removed."""

    _: KW_ONLY
    clean: bool
    left: tuple[str, ...]
