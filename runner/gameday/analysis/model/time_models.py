"""Clocks, durations and their error, as the outcome holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from gameday.analysis.model.result_file import Amount, Count, Model, described, stamp

State = Literal["measured", "censored", "no_effect", "not_measured"]
EndedBy = Literal["responder", "system", "schedule", "cleanup"]
DurationName = Literal["ttd", "ttd_from_inject", "tta", "ttr", "ttfr"]
DURATIONS: tuple[DurationName, ...] = ("ttd", "ttd_from_inject", "tta", "ttr", "ttfr")
LIMIT = "mean seconds in which the best possible detector would have raised, from the first bad request"


class Clocks(Model):
    """The clocks of a run, in seconds since its start; null if the event never came."""

    inject: float | None = stamp("the fault's injection was ordered")
    injected: float | None = stamp("the system confirmed it")
    effect: float | None = stamp(
        "midpoint of the last good and the first bad planned time of the excursion that led to the first breach, not before inject"
    )
    detect: float | None = stamp("the first page at or after effect for an SLO then in breach")
    paged: float | None = stamp("that page was delivered")
    ack: float | None = stamp("a responder took the alert, or the first operation")
    act: float | None = stamp("the operation that ended the outage was ordered")
    acted: float | None = stamp("it was confirmed")
    recovered: float | None = stamp(
        "midpoint of the end of the last bad request and the next good answer, with every SLO holding from there to the end"
    )
    restored: float | None = stamp("full capacity: every instance of every region on a good release")


class Relapse(Model):
    """A recovery that lasted at least a window, and the time at which it was lost again."""

    recovered: float
    breached: float


class OutageClocks(Model):
    """One outage of a run: a stretch in which some SLO didn't hold, and its own clocks in seconds since the run's start."""

    slo: str = Field(description="the SLO that broke first")
    slos: tuple[str, ...] = Field(default=(), description="every SLO that was broken")
    effect: float
    detect: float | None = stamp("the first page about it")
    ack: float | None = stamp("it was taken, or the first operation in it")
    act: float | None = stamp("the operation that ended it was ordered")
    acted: float | None = stamp("it was confirmed")
    recovered: float | None = stamp("every SLO held again; for at least a window, in the last one to the end")
    spacing_s: Spacing = Field(
        default_factory=lambda: Spacing(), description="± of its ends, by spacing alone"
    )


class Spacing(Model):
    """± by the spacing of requests alone, in seconds: half of the interval that holds the true time in 95 % of cases."""

    effect: Amount | None = described(
        "from the likelihood of every other moment at which the requests may have turned bad"
    )
    recovered: Amount | None = described("likewise of the moment at which they turned good again")


class ClockError(Model):
    """±, in seconds at 95 %: the machine's calibration and the spacing of requests; null without a calibration."""

    effect: Amount | None = described("of the clock `effect`")
    recovered: Amount | None = described("of the clock `recovered`")
    ttd: Amount | None = described(
        "of TTD: that of the effect, since the page is stamped on the run's own clock"
    )
    ttr: Amount | None = described("of TTR: of effect and recovered together")


@dataclass(frozen=True)
class Duration:
    """The seconds of an interval if `measured`; if `censored`, it still went on at `censored_at` (run seconds)."""

    state: State
    seconds: float | None = None
    censored_at: float | None = None


class Durations(Model):
    """The differences of clocks, each with its state: measured, censored, no effect or not measured."""

    ttd_s: Amount | None = None
    ttd_state: State
    ttd_censored_at: float | None = None
    ttd_from_inject_s: Amount | None = None
    ttd_from_inject_state: State
    ttd_from_inject_censored_at: float | None = None
    tta_s: Amount | None = None
    tta_state: State
    tta_censored_at: float | None = None
    ttr_s: Amount | None = None
    ttr_state: State
    ttr_censored_at: float | None = None
    ttfr_s: Amount | None = None
    ttfr_state: State
    ttfr_censored_at: float | None = None

    def duration(self, name: str) -> Duration:
        """Return a duration by its name, one of `DURATIONS`. Raise AttributeError for any other name."""
        return Duration(
            getattr(self, f"{name}_state"), getattr(self, f"{name}_s"), getattr(self, f"{name}_censored_at")
        )


class Detection(Model):
    """The limit of the time to detect, for the stream that detected the outage first. All null
    without an effect."""

    slo: str | None = None
    rate: Amount | None = described("outcomes/s of the SLO's stream in steady state")
    n: Count | None = described("requests of the stream in steady state")
    errors: Count | None = described("how many of them were bad")
    p0: Amount | None = described("the share of bad ones that was taken for normal")
    p0_upper: Amount | None = described(
        "the most that the steady state allows it to be (95 %, Clopper–Pearson)"
    )
    p1: Amount | None = described("the share of bad ones from the SLO's effect to its end, or the run's")
    limit_s: Amount | None = described(LIMIT)
    limit_at_upper_s: Amount | None = described("the same, were p0 as high as its upper bound")
    ratio: Amount | None = described("TTD in multiples of the limit")
    streams: Count | None = described("how many paging streams share the budget of false alarms")
    arl_s: Amount | None = Field(
        default=None,
        description="mean seconds between false alarms that the limit allows, over all paging streams together",
    )
