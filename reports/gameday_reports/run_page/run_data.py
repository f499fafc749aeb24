"""Data of a run folder, read once: the only input of a report. Missing optional files are empty,
not errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gameday.analysis.evidence.journal_reader import read_events
from gameday.analysis.evidence.run_history import RunHistory
from gameday.analysis.model.outcome_model import Outcome
from gameday.recording.event import Event
from gameday.recording.journal_events import RunStarted
from gameday.recording.samples import Samples, read_samples
from gameday.scenario.scenario_model import Slo
from gameday.scenario.yaml_document import Invalid, read_yaml
from gameday_reports.charts.time_series import Mask, outcome_masks
from gameday_reports.live.system_layout import SystemLayout, read_layout
from gameday_reports.text.loose import mapping, pick, rows


@dataclass(frozen=True)
class Run:
    """One run folder. `releases` maps release → its release.yaml as plain data, `patches` release →
    the diff's text."""

    name: str
    outcome: Outcome
    events: Sequence[Event]
    samples: Samples
    scenario: Mapping[str, Any]
    releases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    patches: Mapping[str, str] = field(default_factory=dict)
    layout: SystemLayout = field(default_factory=lambda: SystemLayout((), (), ()))

    @cached_property
    def journal(self) -> RunHistory:
        """The events by their types, indexed once."""
        return RunHistory(self.events)

    @cached_property
    def started(self) -> RunStarted | None:
        """The run's first event; None if the journal lacks it."""
        return self.journal.first(RunStarted)

    @cached_property
    def clocks(self) -> dict[str, float]:
        """Return the clocks that were set, in seconds since the run's start, by time."""
        known = {name: t for name, t in self.outcome.clocks if t is not None}
        return dict(sorted(known.items(), key=lambda clock: clock[1]))

    @cached_property
    def outcomes(self) -> dict[str, Mask]:
        """Return the masks of requests by outcome."""
        return outcome_masks(self.samples.records)

    @cached_property
    def slos(self) -> list[Slo]:
        """Return the scenario's SLOs; unreadable ones are left out."""
        results = []
        for spec in rows(pick(self.scenario, "slos")):
            try:
                results.append(Slo.model_validate(spec))
            except ValidationError:
                continue
        return results


def read(folder: Path) -> Run:
    """Read a run folder. Raise OSError if outcome.json is missing, ValueError if a file is damaged."""
    path, journal, samples = folder / "outcome.json", folder / "journal.jsonl", folder / "samples"
    outcome = Outcome.read_data(json.loads(path.read_text(encoding="utf-8")), str(path))
    events = read_events(journal) if journal.is_file() else []
    return Run(
        name=outcome.run.id or "run",
        outcome=outcome,
        events=events,
        layout=read_layout(folder, events),
        samples=read_samples(samples),
        scenario=_plain(folder / "scenario.yaml"),
        releases={path.stem: _plain(path) for path in sorted((folder / "releases").glob("*.yaml"))},
        patches={path.stem: _diff(path) for path in sorted((folder / "releases").glob("*.patch"))},
    )


def changed_service(run: Run) -> str | None:
    """Return the service of the change that a fault of the timeline stands for; else of the first
    change."""
    journal = run.journal
    bad = (journal.change(fault.intended.change) for fault in journal.faults)
    chosen = next((change for change in bad if change), next(iter(journal.changes), None))
    return chosen.started.service or None if chosen else None


def _plain(path: Path) -> Mapping[str, Any]:
    """Return the YAML file's data; empty if it is missing or unreadable, since a report is made all
    the same."""
    try:
        return mapping(read_yaml(path, recorded=True).data)
    except Invalid:
        return {}


def _diff(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
