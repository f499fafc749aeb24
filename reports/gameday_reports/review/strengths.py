"""What went well in a run: the table of all rules. To add one, add a function and a line."""

from __future__ import annotations

from collections.abc import Mapping

from gameday.analysis.model.harm_models import Tally
from gameday.recording.journal_events import ChangeFailed
from gameday_reports.review.factors_change import WRONG_RECORDS
from gameday_reports.review.findings import Finding, Rule, cured_after, judged, measured, reverted_after
from gameday_reports.review.provenance import faulty, shipped
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import count, seconds, times
from gameday_reports.text.summary import join_names, name_operation

NEAR = 2.0
"""Times the theoretical limit up to which detection counts as near it."""


def within(run: Run, key: str, what: str) -> Finding | None:
    """Find an expectation on a clock that held, with its measurement."""
    value = measured(run, key)
    held = [expectation.expr for expectation in run.outcome.expectations if expectation.holds]
    mine = [expr for expr in held if expr.replace(" ", "").startswith((f"{key}<", f"{key}_s<"))]
    return (
        Finding(f"{what} as expected: {mine[0]}, measured {seconds(value)}.")
        if mine and value is not None
        else None
    )


def detected(run: Run) -> Finding | None:
    """Find detection within the expectation."""
    return within(run, "ttd", "The outage was detected as soon")


def recovered(run: Run) -> Finding | None:
    """Find recovery within the expectation."""
    if run.outcome.ended_by in ("schedule", "cleanup") or reverted_after(run) is not None:
        return None  # how soon is what the timeline says
    return within(run, "ttr", "Users were well as soon")


def near_limit(run: Run) -> Finding | None:
    """Find detection close to the limit."""
    ratio = run.outcome.detection.ratio
    if ratio is None or ratio > NEAR or measured(run, "ttd") is None:
        return None
    if ratio <= 1:
        return Finding("Detection was as soon as the best possible detector is on the mean.")
    if ratio < 1:
        return Finding("Detection was at the theoretical limit of what is possible.")
    return Finding(f"Detection was near what is possible: {times(ratio)} the theoretical limit.")


def ahead(run: Run) -> Finding | None:
    """Find monitors that were ahead of the customers."""
    by = run.outcome.customer_reports.ahead_client_s
    if by is None or by <= 0:
        return None
    return Finding(f"Client-side monitors were {seconds(by)} ahead of the customers' reports (modelled).")


def right_first(run: Run) -> Finding | None:
    """Find a first operation that touched the cause."""
    done = judged(run)
    if not done or not done[0].right:
        return None
    first = name_operation(done[0].name, done[0].target)
    others = sum(1 for operation in done if not operation.right)
    and_none = f"; {others} later ones were not" if others else ""
    return Finding(f"The first operation, the {first}, was a right one{and_none}.")


def by_itself(run: Run) -> Finding | None:
    """Find an outage that the system ended by itself."""
    if run.outcome.ended_by != "system" or reverted_after(run) is not None or cured_after(run) is not None:
        return None
    return Finding("The system ended the outage by itself; nobody had to act.")


def refused(run: Run) -> Finding | None:
    """Find an automation that a guardrail stopped."""
    releases = {each.change.id: each.change.release for each in shipped(run)}
    events = [event for event in run.journal.of(ChangeFailed) if event.why.startswith("refused")]
    if not events:
        return None
    return Finding(f"A guardrail held: {releases.get(events[0].change, 'a change')} was {events[0].why}.")


def unhurt(run: Run) -> Finding | None:
    """Find regions and journeys without a bad request while others had some."""
    places, journeys = _whole(run.outcome.impact.regions), _whole(run.outcome.impact.journeys)
    whole = [f"for users of {join_names(places)}"] if places else []
    whole += [f"on {join_names(journeys)}"] if journeys else []
    return Finding(f"Not one request was bad {' and none '.join(whole)}.") if whole else None


def _whole(tallies: Mapping[str, Tally]) -> list[str]:
    """Return the names without a bad request; empty if no request was bad at all."""
    if not any(tally.bad for tally in tallies.values()):
        return []
    return [name for name, tally in tallies.items() if name and tally.bad == 0 and tally.requests]


def nothing_lost(run: Run) -> Finding | None:
    """Find that no acknowledged order was lost."""
    lost, kept = run.outcome.audit.lost, run.outcome.audit.acknowledged
    return Finding(f"No order was lost, of {count(kept)} acknowledged.") if lost == 0 and kept else None


def records_agree(run: Run) -> Finding | None:
    """Find that client, database and ledger agree on every order."""
    audit = run.outcome.audit
    if not audit.acknowledged or any(getattr(audit, key) != 0 for key, _ in WRONG_RECORDS):
        return None
    return Finding("What clients were told, the database and the ledger of payments agree on every order.")


def held(run: Run) -> Finding | None:
    """Find a recovery that lasted to the end."""
    well, end = run.clocks.get("recovered"), run.outcome.run.judged_s
    if well is None or end is None or end <= well or "effect" not in run.clocks or run.outcome.relapses:
        return None
    return Finding(
        f"Once well, users stayed well: every objective held for the {seconds(end - well)} to the end of the run."
    )


def harmless(run: Run) -> Finding | None:
    """Find a change or fault that hurt nobody measurably."""
    if "inject" not in run.clocks or run.outcome.ttr_state != "no_effect":
        return None
    return Finding(
        "No objective was breached: what was done to the system hurt no objective in the time watched."
    )


def stopped(run: Run) -> Finding | None:
    """Find a rollout that stopped before users were hurt."""
    bad = faulty(run)
    failed = {event.change for event in run.journal.of(ChangeFailed)}
    if bad is None or bad.plan or bad.change.id not in failed or "effect" in run.clocks:
        return None
    return Finding(
        f"{bad.change.release} stopped by itself while it shipped ({bad.change.strategy}), before it hurt users."
    )


RULES: Mapping[str, Rule] = {
    "nobody was hurt": harmless,
    "a guardrail held": refused,
    "a rollout that stopped": stopped,
    "detected as expected": detected,
    "near the limit of detection": near_limit,
    "ahead of the customers": ahead,
    "the first operation was right": right_first,
    "ended by the system itself": by_itself,
    "recovered as expected": recovered,
    "held to the end": held,
    "others unhurt": unhurt,
    "no order lost": nothing_lost,
    "records agree": records_agree,
}


def strengths(run: Run) -> list[Finding]:
    """Return the findings of all rules, in the order of the table."""
    return [found for rule in RULES.values() for found in [rule(run)] if found]
