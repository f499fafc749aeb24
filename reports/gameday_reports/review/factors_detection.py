"""Contributing factors in detection: who noticed the outage, when, and who could have."""

from __future__ import annotations

import math

from gameday.recording.journal_events import Scraped
from gameday_reports.review.findings import Finding, detectors, fastest, measured
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import count, seconds, times

FAR = 3.0
"""Times the theoretical limit from which on detection counts as late."""
LATE_S = 1.0
"""A page that came sooner than this is not late, whatever the limit."""
LEAST_S = 0.5
"""By how much sooner a detector that only watches must have seen it to be worth a line."""


def unpaged(run: Run) -> Finding | None:
    """Find users who were hurt without a page."""
    if "effect" not in run.clocks or run.outcome.ttd_state != "censored":
        return None
    return Finding(
        "No detector that pages saw the outage: nobody was called.",
        "Make sure that an outage like this pages.",
    )


def watcher_first(run: Run) -> Finding | None:
    """Find a detector that only watches but was earlier than the page, or alone saw the outage."""
    watching = fastest(run, lambda detector: detector.pages is False)
    paged = fastest(run, lambda detector: detector.pages is True)
    if watching is None or (paged is not None and paged[1] - watching[1] < LEAST_S):
        return None
    name, ttd = watching
    than = (
        f"{seconds(paged[1] - ttd)} before {paged[0]}, which pages"
        if paged
        else "and no detector that pages did"
    )
    alarms = run.outcome.detectors[name].false_alarms
    false = f" It raised {count(alarms)} false alarms in this run." if alarms else ""
    sentence = f"{name}, which only watches, saw it {seconds(ttd)} after the first failure, {than}.{false}"
    return Finding(
        sentence, f"Decide whether {name} is to page, with a longer quiet run to bound its false alarms."
    )


def service_blind(run: Run) -> Finding | None:
    """Find an outage that the services' own metrics showed late or not at all."""
    if "effect" not in run.clocks or not any(
        detector.side == "service" for detector in detectors(run).values()
    ):
        return None
    then = "Add a service-side signal for this failure, or page on what customers see (real-user samples, probes)."
    seen = fastest(run, lambda detector: detector.side == "service")
    behind = run.outcome.customer_reports.ahead_service_s
    if seen is None:
        read = _scrapes(run)
        if not read:
            sentence = "No service-side detector saw the outage: the services' metrics were not read once while it lasted."
            return Finding(
                sentence,
                "Read metrics more often, or page on what customers see (real-user samples, probes).",
            )
        often = "once" if read == 1 else f"{read} times"
        sentence = f"No service-side detector saw the outage, though the services' metrics were read {often} while it lasted."
        return Finding(sentence, then)
    if behind is None or behind >= 0:
        return None
    sentence = f"The first service-side detector ({seen[0]}) was {seconds(-behind)} behind the customers' reports (modelled)."
    return Finding(sentence, then)


def _scrapes(run: Run) -> int:
    """Return the number of scrapes from the first failure to the last."""
    since, until = run.clocks["effect"], run.clocks.get("recovered", math.inf)
    return len({event.t for event in run.journal.of(Scraped) if since <= event.t <= until})


def customers_first(run: Run) -> Finding | None:
    """Find customers who would have known before any client-side detector."""
    behind = run.outcome.customer_reports.ahead_client_s
    if behind is None or behind >= 0:
        return None
    sentence = (
        f"Customers' reports (modelled) were {seconds(-behind)} ahead of the first client-side detector."
    )
    return Finding(sentence, "Tighten detection on this objective: customers would have told first.")


def far_from_limit(run: Run) -> Finding | None:
    """Find a page much later than the best possible detector's."""
    ttd, ratio, limit = measured(run, "ttd"), run.outcome.detection.ratio, run.outcome.detection.limit_s
    if ratio is None or ttd is None or limit is None or ratio < FAR or ttd < LATE_S:
        return None
    sentence = f"The page came {seconds(ttd)} after the first failure: {times(ratio)} the theoretical {seconds(limit)}."
    return Finding(
        sentence,
        "Tune the detectors on the recorded stream of this run, and see how near the limit they come.",
    )


def false_pages(run: Run) -> Finding | None:
    """Find false pages, which teach people to wait."""
    alarms = sum(1 for alert in run.outcome.alerts if alert.pages and alert.false_alarm)
    if not alarms:
        return None
    sentence = f"{alarms} {'page was' if alarms == 1 else 'pages were'} for no objective in breach."
    return Finding(sentence, "Look at what raised the false pages, and raise its threshold or fix its data.")
