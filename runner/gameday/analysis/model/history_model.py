"""Runs over the years by scenario and quarter: what `gameday history --json` prints."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gameday.analysis.model.result_file import Amount, Count, Interval, Model, Number, ResultFile, Severity


class HistoryShift(Model):
    """The shift since the last quarter that has values, with its interval."""

    value: Number | None = None
    interval: Interval | None = None
    coverage: Amount | None = None


class HistoryMetric(Model):
    """A metric over the runs of a quarter; `never`: the number of censored values, which count as
    infinite."""

    n: Count = 0
    never: Count = 0
    median: Number | None = None
    interval: Interval | None = None
    coverage: Amount | None = None
    values: tuple[Number, ...] = ()
    runs: tuple[str, ...] = Field(default=(), description="the run of each value")
    shift: HistoryShift | None = None


class HistoryQuarter(Model):
    """The runs of a calendar quarter in UTC, as `2026 Q4`; `undated` if the runs have no date."""

    quarter: str
    runs: Count = 0
    passed: Count = Field(default=0, validation_alias="pass", serialization_alias="pass")
    fail: Count = 0
    inconclusive: Count = 0
    error: Count = 0
    lost: Count | None = Field(default=None, description="orders lost, over the audited runs")
    severity: Severity | None = Field(default=None, description="the gravest, over the judged runs")
    metrics: dict[str, HistoryMetric] = Field(default_factory=dict)
    pages: dict[str, str] = Field(default_factory=dict, description="run → its page, below the folder")


class ScenarioHistory(Model):
    """A scenario as one responder answered it on one substrate and machine, with its quarters in order of time.

    Quarters without a run are left out.
    """

    scenario: str
    responder: str = ""
    substrate: str = ""
    machine: str = ""
    runs: Count = 0
    quarters: tuple[HistoryQuarter, ...] = ()


class History(ResultFile):
    """All scenarios, quarter by quarter."""

    NAME: ClassVar[str] = "gameday/history/v1"
    TITLE: ClassVar[str] = "History of scenarios"

    format: Literal["gameday/history/v1"] = Field(default="gameday/history/v1", alias="schema")
    runs: Count = 0
    quarters: tuple[str, ...] = ()
    scenarios: tuple[ScenarioHistory, ...] = ()
