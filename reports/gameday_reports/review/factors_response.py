"""Contributing factors in the response: acknowledgement, operations, and their lasting effect."""

from __future__ import annotations

from gameday_reports.review.findings import Finding, judged, measured, reverted_after
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import percent, seconds
from gameday_reports.text.summary import name_operation

SHARE = 0.25
"""Of TTR, from which on one step of the response counts as slow."""
SHORT_S = 2.0
"""A step shorter than this never does."""


def wrong_first(run: Run) -> Finding | None:
    """Find a first operation that didn't touch the cause, and its cost."""
    done = judged(run)
    if not done or done[0].right:
        return None
    t, right = done[0].t, next((operation for operation in done if operation.right), None)
    what = name_operation(done[0].name, done[0].target)
    well = run.clocks.get("recovered")
    cost = "none that touched it followed"
    if right is not None:
        cost = f"the {name_operation(right.name, right.target)}, which did, was ordered {seconds(right.t - t)} later"
    elif well is not None:
        cost = f"none that touched it followed, and users were well {seconds(well - t)} later"
    wrong = sum(1 for operation in done if not operation.right)
    of = f"{wrong} of {len(done)} operations judged wrong"
    sentence = f"The first operation, the {what}, did not touch the cause; {cost} ({of})."
    then = "Put into the runbook how to tell this cause from its neighbours before the first operation."
    return Finding(sentence, then, owned=True)


def slow_ack(run: Run) -> Finding | None:
    """Find an acknowledgement that took a large part of the outage."""
    taken, well = measured(run, "tta"), measured(run, "ttr")
    if taken is None or well is None or well <= 0 or taken < SHORT_S or taken / well < SHARE:
        return None
    sentence = f"From the page to its being taken passed {seconds(taken)}, {percent(taken / well)} of the time to recover."
    return Finding(
        sentence,
        "Look at how the page reaches whoever is on call, and what keeps them from taking it.",
        owned=True,
    )


def slow_decision(run: Run) -> Finding | None:
    """Find a decision that took a large part of the outage after the acknowledgement."""
    well, ack = measured(run, "ttr"), run.clocks.get("ack")
    act = next((operation.t for operation in judged(run) if operation.right), None)
    if well is None or ack is None or act is None or act - ack < SHORT_S or (act - ack) / well < SHARE:
        return None
    sentence = (
        f"From taking the page to ordering the first right operation passed {seconds(act - ack)}, "
        f"{percent((act - ack) / well)} of the time to recover."
    )
    return Finding(
        sentence,
        "Write down what had to be known to decide, and put it into the page or the runbook.",
        owned=True,
    )


def untaken(run: Run) -> Finding | None:
    """Find a page without an acknowledgement; without a responder, that was by design."""
    if run.outcome.responder.kind == "none":
        return None
    if "detect" not in run.clocks or run.outcome.tta_state != "censored":
        return None
    return Finding(
        "A page was raised and nobody took it.", "Make sure that a page nobody takes goes to somebody else."
    )


def by_schedule(run: Run) -> Finding | None:
    """Find an outage that ended only because the rehearsal did."""
    how = {"schedule": "the timeline took the fault back", "cleanup": "the clean-up took the fault back"}
    by, after = run.outcome.ended_by, reverted_after(run)
    if by in how:
        sentence = (
            f"The outage ended only because {how[by]}: neither people nor the system had ended it by then."
        )
    elif by == "system" and after is not None:
        sentence = f"No operation ended the outage, and within {seconds(after)} of its end the fault was taken back anyway."
    else:
        return None
    return Finding(
        sentence,
        "Find the operation that ends this outage, put it into the runbook, and rehearse it.",
        owned=True,
    )


def never_ended(run: Run) -> Finding | None:
    """Find users who were hurt to the end."""
    if "effect" not in run.clocks or "recovered" in run.clocks or run.outcome.ttr_state != "censored":
        return None
    if run.outcome.ended_by:
        return None  # an abort condition ended the run, and with it the outage
    lasted = run.outcome.ttr_censored_at
    over = f" {seconds(lasted - run.clocks['effect'])} after the first failure" if lasted is not None else ""
    sentence = f"Nothing ended the outage: users were still hurt{over}, when the run was given up."
    return Finding(
        sentence,
        "Find the operation that ends this outage, put it into the runbook, and rehearse it.",
        owned=True,
    )


def relapsed(run: Run) -> Finding | None:
    """Find a recovery that did not last, without a new fault in between."""
    ordered = [fault.t for fault in run.journal.faults]
    unprovoked = [
        relapse
        for relapse in run.outcome.relapses
        if not any(relapse.recovered <= t <= relapse.breached for t in ordered)
    ]
    if not unprovoked:
        return None
    times = f"{len(unprovoked)} times" if len(unprovoked) > 1 else "once"
    sentence = f"Users were well and hurt again {times} before they stayed well."
    return Finding(
        sentence,
        "Find out what brought the failure back, and say in the runbook when to call it over.",
        owned=True,
    )
