"""Summary of a run in three to five sentences, from measurements and the scenario's own words.

Unknowns are stated plainly: a run that ended early, a system that wasn't steady, an outage without
an end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gameday.analysis.evidence.run_history import RecordedChange
from gameday.analysis.model.harm_models import Impact, Tally
from gameday.analysis.model.outcome_model import Outcome
from gameday.recording.journal_events import FaultIntended
from gameday_reports.review.findings import cured_after, reverted_after
from gameday_reports.run_page.detection_table import held_against, quiet
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import ENDED_BY, count, interval, kinds_of, percent, seconds

SHOWN = 4  # of a list of names
MOST = 3  # reasons
AT_ONCE = 0.005  # seconds
LONG_S = 10.0
"""After an operation was done: who are well only later than this can't be said to be well by it."""


def summary(run: Run) -> list[str]:
    """Return the sentences in order of events."""
    parts = [*_doubt(run), *_begun(run)]
    if "effect" in run.clocks:
        parts += [_hurt(run), _times(run), ended(run)]
    elif "inject" in run.clocks:
        parts += _harmless(run)
    elif quiet(run.outcome):
        parts.append(quiet(run.outcome))
    return [part for part in [*parts, *_stopped(run.outcome), _orders(run), *_unjudged(run)] if part]


def _stopped(outcome: Outcome) -> list[str]:
    """Yield how the run ended if one of its own conditions stopped it."""
    if outcome.stopped is None:
        return []
    at, condition = seconds(outcome.stopped.t), outcome.stopped.expr
    what = f"The run was stopped at {at}: its abort condition “{condition}” held."
    return [what, "What it had done to the system was taken back at once."]


def unfit(run: Run) -> str:
    """Return why a run proves nothing about the system; empty if it does."""
    if run.outcome.exit_status == 130:
        return "The run was interrupted"
    if run.outcome.verdict == "error":
        return "The tool or the substrate failed"
    if run.outcome.steady_state.met is False:
        return "The steady state was not met before the fault"
    return ""


def _doubt(run: Run) -> list[str]:
    why = unfit(run)
    if not why:
        return []
    reasons = _reasons(run) or run.outcome.steady_state.why
    sentence = (
        f"{why}{f' ({reasons})' if reasons else ''}, so nothing here can be held for or against the system."
    )
    return [sentence, *([] if run.events else ["It left no journal."])]


def _unjudged(run: Run) -> list[str]:
    """Yield what is open in a run that is inconclusive for another reason."""
    if unfit(run) or run.outcome.verdict != "inconclusive":
        return []
    reasons = _reasons(run)
    return [f"The run is inconclusive{f': {reasons}' if reasons else ''}."]


def _reasons(run: Run) -> str:
    reasons = [reason.rstrip(".") for reason in run.outcome.reasons]
    more = f"; and {len(reasons) - MOST} more" if len(reasons) > MOST else ""
    return "; ".join(reasons[:MOST]) + more


def _begun(run: Run) -> list[str]:
    """Yield what was done to the system, and the defect in the scenario's own words."""
    at = run.clocks.get("inject")
    if at is None:
        return ["No fault was injected in this run."] if run.events else []
    begun = run.journal.faults
    names = join_names([_fault(run, fault.intended) for fault in begun]) if begun else _deploy(run)
    defect = next((fault.intended.defect for fault in begun if fault.intended.defect), "")
    first = ", the first" if len(begun) > 1 else ""
    end = f": {defect.rstrip('.')}." if defect else "."
    return [f"{names[:1].upper()}{names[1:]} began{first} at {seconds(at)} into the run{end}"]


def _fault(run: Run, fault: FaultIntended) -> str:
    kind, target = fault.kind or "fault", fault.target
    if kind != "bad-deploy":
        return f"the fault “{kind}”{f' on {target}' if target else ''}"
    change = run.journal.change(fault.change)
    about = ", ".join(filter(None, [change.started.release, _how(change)])) if change else ""
    return f"a bad deploy of {target}{f' ({about})' if about else ''}" if target else "a bad deploy"


HOW = {"failed": "failed", "wrong": "were answered wrongly", "slow": "were too slow"}
"""Kind of bad requests → what they did."""


def _how(change: RecordedChange) -> str:
    return f"shipped {change.started.strategy}" if change.started.strategy else ""


def _deploy(run: Run) -> str:
    change = next(iter(run.journal.changes), None)
    name = (change.started.release or change.started.service) if change else ""
    return f"the deploy of {name}" if name else "the change"


def _hurt(run: Run) -> str:
    """Yield from when, how many requests and users, and where."""
    clocks, impact = run.clocks, run.outcome.impact
    after = clocks["effect"] - clocks["inject"] if "inject" in clocks else None
    later = f", {delay_words(after)}" if after is not None else ""
    sentence = f"Users were affected from {seconds(clocks['effect'])} on{later}"
    bad, requests, users = impact.bad, impact.requests, impact.users
    if bad is None:
        return f"{sentence}; how many was not measured."
    only = next((name for name in HOW if getattr(impact, name) == bad), None) if bad else "failed"
    how = HOW[only] if only else "were bad"
    of = f" of {count(requests)} requests" if requests else ""
    ratio = ": ".join(
        filter(None, (percent(impact.bad_ratio) if requests else "", "" if only else kinds_of(impact)))
    )
    sentence += f": {count(bad)}{of} {how}{f' ({ratio})' if ratio else ''}"
    if users is not None:
        share = impact.users_affected_ratio
        met = f" and {count(users)} {'user' if users == 1 else 'users'} met {'a failure' if only == 'failed' else 'one'}"
        sentence += met + (f" ({percent(share)} of those who came)" if share is not None else "")
    return f"{sentence}{_where(impact)}."


def name_operation(name: str, target: str) -> str:
    """Return an operation as a noun: 'rollback of pricing', 'promotion of eu-west'."""
    noun = {"promote": "promotion", "flag": "setting"}.get(name, name or "operation")
    return f"{noun} of {target}" if target else noun


def delay_words(value: float) -> str:
    """Return '2.00 s later', or 'at once' if that would be 0.00 s."""
    return f"{seconds(value)} later" if value >= AT_ONCE else "at once"


def _where(impact: Impact) -> str:
    regions, journeys = hurt_names(impact.regions), hurt_names(impact.journeys)
    there = f", in {join_names(regions)}" if regions else ""
    return there + (f", on {join_names(journeys)}" if journeys else "")


def hurt_names(tallies: Mapping[str, Tally]) -> list[str]:
    """Return the names with at least one bad request."""
    return [name for name, tally in tallies.items() if name and tally.bad]


def join_names(names: Sequence[str]) -> str:
    """Return 'a', 'a and b', 'a, b, c and 3 more'."""
    names = [*names[: SHOWN - 1], f"{len(names) - SHOWN + 1} more"] if len(names) > SHOWN else list(names)
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _times(run: Run) -> str:
    """Yield the times to detect (TTD), to acknowledge (TTA) and to recover (TTR)."""
    (known, known_is), (taken, taken_is), (well, well_is) = (
        interval(run.outcome, key) for key in ("ttd", "tta", "ttr")
    )
    against = held_against(run.outcome)
    if known_is == "measured":
        how = f", {against} of detection" if against else ""
        sentence = f"The first page was raised {known} after the first failure (TTD{how})"
    else:
        sentence = (
            f"Nobody was paged (TTD {known_is})"
            if known == "never"
            else "Whether a page was raised was not measured"
        )
    if taken_is == "measured":
        sentence += f", it was taken {delay_words(run.outcome.tta_s or 0.0)} (TTA)"
    elif taken == "never" and known_is == "measured":
        sentence += f", nobody took it (TTA {taken_is})"
    if well_is == "measured":
        return f"{sentence}, and users were well again {well} after the first failure (TTR)."
    return (
        f"{sentence}; users were not seen to be well again (TTR {well_is})."
        if well == "never"
        else f"{sentence}."
    )


def ended(run: Run) -> str:
    """Return who ended the outage, and what is unknown if there was no end."""
    by, act, after = run.outcome.ended_by, run.clocks.get("act"), reverted_after(run)
    if by == "system" and after is not None:
        return (
            f"No operation ended the outage; the rehearsal took the fault back {delay_words(after)}, which can't be told from "
            "a recovery of the system's own."
        )
    if by == "system" and (cure := cured_after(run)) is not None:
        return (
            f"The last request failed before the {name_operation(cure.name, cure.target)} had an effect; what had "
            f"hurt users was all gone {delay_words((cure.done or 0.0) - run.clocks['recovered'])}. Whether the system had ended the "
            "outage or it only paused can't be told."
        )
    if by is not None and by in ("schedule", "cleanup") and interval(run.outcome, "ttr")[1] != "measured":
        return f"{ENDED_BY[by]} How long it would have lasted is not known."
    if by != "responder":
        lasting = "Users were still affected when the run ended" if "recovered" not in run.clocks else ""
        return ENDED_BY.get(
            by or "", f"{lasting or 'Users were well again'}; nobody is known to have ended the outage."
        )
    last = next((operation for operation in run.outcome.operations if operation.t == act), None)
    if last is None:
        return ENDED_BY[by]
    what = name_operation(last.name, last.target)
    done, well = run.clocks.get("acted"), run.clocks.get("recovered")
    if done is not None and well is not None and well - done > LONG_S:
        return f"The last operation before users were well, the {what}, was done {seconds(well - done)} before they were."
    whose = f" by {last.by}" if last.by else ""
    return f"The {what}, ordered{whose} at {seconds(act)}, ended the outage."


def _harmless(run: Run) -> list[str]:
    """Yield the main finding of a run without an effect: its false pages."""
    if interval(run.outcome, "ttr")[0] != "no effect":
        return ["Its effect was not measured."]
    bad = run.outcome.impact.bad
    few = f" though {count(bad)} requests were bad" if bad else ""
    sentence = f"It had no effect that breached an objective{few}: how soon one would be noticed or ended is not known."
    return [sentence, quiet(run.outcome)]


def two_primaries(outcome: Outcome) -> list[str]:
    """Return a sentence for each pair of databases that acknowledged orders in the same time."""
    return [
        f"Two primaries: the databases {pair.primaries[0]} and {pair.primaries[1]} both acknowledged orders from"
        f" {seconds(pair.since)} to {seconds(pair.until)} of the run, so their data diverged."
        for pair in outcome.audit.two_primaries_spans
    ]


def _orders(run: Run) -> str:
    """Yield if an acknowledged order was lost, and if two databases took orders at once."""
    return " ".join([_lost(run), *two_primaries(run.outcome)])


def _lost(run: Run) -> str:
    audit = run.outcome.audit
    lost, kept, point = audit.lost, audit.acknowledged, audit.rpo_s
    if lost is None:
        nobody = "No order was acknowledged, so none could be lost."
        return nobody if kept == 0 else "Whether an order was lost was not audited."
    if not lost:
        return (
            f"None of the {count(kept)} acknowledged orders was lost."
            if kept
            else "No acknowledged order was lost."
        )
    oldest = f", the oldest {seconds(point)} before the loss" if point is not None else ""
    return (
        f"{count(lost)} of {count(kept)} acknowledged orders {'was' if lost == 1 else 'were'} lost{oldest}."
    )
