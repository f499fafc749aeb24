"""Detection against its limit, and what quiet time says of false alarms: figures and sentences.

The numbers are the outcome's. `tables` has the race of the detectors.
"""

from __future__ import annotations

from collections.abc import Mapping

from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.time_models import ClockError, Detection, Spacing
from gameday_reports.text.formatting import DAY_S, Figure, count, per_hour, percent, seconds, times

Row = Mapping[str, str]


def held_against(outcome: Outcome) -> str:
    """Return '2.9× the limit'; empty if TTD or the limit is unknown."""
    ratio = outcome.detection.ratio
    return "" if ratio is None else f"{times(ratio)} the limit"


def limit(outcome: Outcome) -> list[str]:
    """Return the limit, its stream, and its range under the known uncertainty; empty without a limit."""
    detection = outcome.detection
    if detection.limit_s is None:
        return []
    streams, days = detection.streams or 1, (detection.arl_s or 0) / DAY_S
    over = f"over the {count(streams)} paging streams" if streams > 1 else "in the one paging stream"
    return [
        f"The limit is that of {detection.slo or ''}: {detection.rate or 0:.3g} requests/s, of which "
        f"{percent(detection.p1)} were bad from effect to recovery (p1). With one false alarm in {count(days)} days "
        f"{over}, the best possible detector raises {seconds(detection.limit_s)} after the first bad request, on "
        f"the mean.{_against(outcome)}",
        f"For normal (p0) were taken {percent(detection.p0)} bad: the steady state had {count(detection.errors)} "
        f"of {count(detection.n)}, which bounds it at {percent(detection.p0_upper)} (95 %). {_at_upper(detection)}",
        "It is the limit for errors that are independent and come all at once; a change that rolls out bit by bit, or "
        "errors that come in bursts, take any detector longer.",
    ]


def _against(outcome: Outcome) -> str:
    ratio = held_against(outcome)
    return f" TTD was {seconds(outcome.ttd_s)}: {ratio}." if ratio else " No page came to be held against it."


def _at_upper(detection: Detection) -> str:
    if detection.limit_at_upper_s is None:
        return "Were it as high as that, there would have been nothing to detect."
    return f"Were it that, the limit would be {seconds(detection.limit_at_upper_s)}."


def quiet(outcome: Outcome) -> str:
    """Return what can be said of false pages in a sentence; empty if the run had no quiet time."""
    watched, pages = outcome.quiet.seconds, outcome.quiet.pages
    if watched is None or pages is None:
        return ""
    bound = per_hour(outcome.quiet.bound_per_hour)
    if pages:
        return (
            f"{count(pages)} false page{'' if pages == 1 else 's'} in {seconds(watched)} of quiet time: "
            f"{per_hour(outcome.quiet.per_hour)}, and up to {bound} can't be ruled out (95 %)."
        )
    return f"No page in {seconds(watched)} of quiet time, which bounds false pages at {bound} and no lower (95 %)."


def quiet_race(outcome: Outcome) -> list[Row]:
    """Return alarms of each detector in quiet time, most first, with the upper bound of their rate."""
    known = [(name, rate) for name, rate in outcome.quiet.detectors.items() if rate.alarms is not None]
    ordered = sorted(known, key=lambda item: (-(item[1].alarms or 0), item[0]))
    return [
        {
            "name": name,
            "alarms": count(rate.alarms),
            "rate": per_hour(rate.per_hour),
            "bound": per_hour(rate.bound_per_hour),
        }
        for name, rate in ordered
    ]


def control_figures(outcome: Outcome) -> list[Figure]:
    """Return the large figures of a run without an effect: its false pages. Empty for any other run."""
    watched, pages = outcome.quiet.seconds, outcome.quiet.pages
    if outcome.ttr_state != "no_effect" or watched is None or pages is None:
        return []
    most = Figure(
        "False pages at most", per_hour(outcome.quiet.bound_per_hour), "all that this time rules out, at 95 %"
    )
    return [
        Figure("Effect on users", "no effect", "no objective was breached", "good"),
        Figure(
            "False pages", count(pages), f"in {seconds(watched)} of quiet time", "bad" if pages else "good"
        ),
        most,
    ]


def precision(outcome: Outcome) -> list[str]:
    """Return the error of the clocks in sentences."""
    known = [f"“{name}” to within {seconds(error)}" for name, error in _clocks(outcome.error_s)]
    if known:
        return [
            f"Known at 95 % are {' and '.join(known)}: this machine's calibration and the spacing of requests."
        ]
    apart = [f"“{name}” off by {seconds(error)}" for name, error in _clocks(outcome.spacing_s)]
    if not apart:
        return []
    return [
        f"The spacing of bad requests alone may have set {' and '.join(apart)} (95 %). What the machine adds isn't "
        "known: it was not calibrated (gameday calibrate)."
    ]


def _clocks(errors: ClockError | Spacing) -> list[tuple[str, float]]:
    known = (("effect", errors.effect), ("recovered", errors.recovered))
    return [(name, error) for name, error in known if error is not None]
