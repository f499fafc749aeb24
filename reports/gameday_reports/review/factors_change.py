"""Contributing factors in what was shipped, and in the system's defences."""

from __future__ import annotations

from gameday.recording.journal_events import EnvironmentDeleted, InstanceDied, InstanceKilled
from gameday_reports.review.findings import Finding, measured, regions
from gameday_reports.review.provenance import every, faulty, shipped, unowned, unsenior
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import count, money, seconds
from gameday_reports.text.loose import mapping, pick, text
from gameday_reports.text.summary import hurt_names, join_names

NEAR_S = 60.0
"""Changes that began in so many seconds before the first hurt user are suspects alike."""
SLOW_S = 10.0
"""A rollback that leaves users hurt for longer than one window of an SLO didn't help by itself."""
AGAINST_HARM = ("timeouts", "breaker", "bulkhead", "retryBudget", "rateLimit", "shedding", "degraded")
WRONG_RECORDS = (
    ("duplicated", "placed twice"),
    ("charged_twice", "charged twice"),
    ("charged_not_kept", "charged and not kept"),
    ("kept_not_charged", "kept and never charged"),
    ("wrong_customer", "held for another customer"),
    ("wrong_basket", "held with other items"),
    ("stock_without_order", "units taken for no order"),
    ("oversold", "oversold"),
    ("wrong_amount", "with different amounts"),
)


def everywhere_at_once(run: Run) -> Finding | None:
    """Find a faulty change that went to every region in one step."""
    bad = faulty(run)
    if bad is None or not bad.everywhere or bad.plan or "effect" not in run.clocks:
        return None
    hurt = hurt_names(run.outcome.impact.regions)
    where = f" Users of {join_names(hurt)} were hurt." if hurt else ""
    sentence = (
        f"{bad.change.release} was shipped to {every(bad.regions)} at once (strategy {bad.change.strategy})."
    )
    then = f"Ship {bad.change.service} in stages, with a rollback where an objective is breached on the way."
    return Finding(sentence + where, then, owned=True)


def ai_unapproved(run: Run) -> Finding | None:
    """Find a faulty AI-assisted change without the approval it needed."""
    bad = faulty(run)
    if bad is None or "effect" not in run.clocks or not bad.ai or not (unowned(bad) or unsenior(bad)):
        return None
    missing = "an owner of the service" if unowned(bad) else "anybody senior"
    how = (
        f"with the approval of {join_names(bad.approvals)}, not of {missing}"
        if bad.approvals
        else "without an approval on record"
    )
    sentence = f"{bad.change.release or 'The change'} was AI-assisted and shipped {how}."
    return Finding(
        sentence, "Make the approval of the service's owner a gate for AI-assisted changes.", owned=True
    )


def one_way(run: Run) -> Finding | None:
    """Find a faulty change that could not be rolled back completely."""
    bad = faulty(run)
    if bad is None or bad.plan or "effect" not in run.clocks:
        return None
    migration = text(bad.record.get("migration"))
    if bad.record.get("reversible") is not False and not migration:
        return None
    why = (
        f"carries a migration ({migration}), which a rollback leaves in place"
        if migration
        else "is not reversible"
    )
    then = "Split the change so that each step can be taken back: expand first, contract once nothing reads the old form."
    return Finding(f"{bad.change.release or 'The change'} {why}.", then, owned=True)


def several_changes(run: Run) -> Finding | None:
    """Find more than one suspect among the changes."""
    effect = run.clocks.get("effect")
    begun = {change.id: change.t for change in run.journal.changes}
    if effect is None:
        return None
    near = [each for each in shipped(run) if 0 <= effect - begun.get(each.change.id, effect + 1) <= NEAR_S]
    if len(near) < 2:
        return None
    names = join_names([each.change.release or each.change.service for each in near])
    sentence = f"{len(near)} changes had begun within {NEAR_S:g} s before the first hurt user ({names})."
    return Finding(sentence, "Let alerts name the changes of the last minutes beside the service they touch.")


def rollback_not_enough(run: Run) -> Finding | None:
    """Find users who stayed hurt long after the right rollback."""
    recovered = run.clocks.get("recovered")
    done = [
        (operation.done, operation.target)
        for operation in run.outcome.operations
        if operation.name == "rollback" and operation.right and operation.done is not None
    ]
    first = min(done, default=None)
    if (
        first is None
        or "effect" not in run.clocks
        or (recovered is not None and recovered - first[0] <= SLOW_S)
    ):
        return None
    until = f"{seconds(recovered - first[0])} later" if recovered is not None else "never in this run"
    begun = {change.id: change.t for change in run.journal.changes}
    between = [
        each
        for each in shipped(run)
        if first[0] < begun.get(each.change.id, 0.0) <= (recovered or float("inf"))
    ]
    names = join_names([each.change.release or each.change.service for each in between])
    sentence = f"The rollback of {first[1]} was done at {seconds(first[0])}, and users were well {until}."
    sentence += f" In between {names} began to ship." if names else ""
    return Finding(
        sentence,
        f"Find out what the rollback of {first[1]} leaves behind, and rehearse the way out.",
        owned=True,
    )


def guardrails_off(run: Run) -> Finding | None:
    """Find defences that were switched off during a failure that is no change."""
    known = mapping(run.scenario.get("guardrails"))
    off = [name for name in AGAINST_HARM if known.get(name) is False]
    of_changes = all(fault.intended.change or fault.intended.plan for fault in run.journal.faults)
    if not off or of_changes or "effect" not in run.clocks:
        return None
    sentence = f"Switched off in this run: {', '.join(off)}. Whether one of them would have helped is not measured here."
    then = "Run the scenario with guardrails on, one at a time, and compare: --set guardrails.breaker=true, or a matrix."
    return Finding(sentence, then)


def privilege(run: Run) -> Finding | None:
    """Find an automation that could delete more than its task needed."""
    gone = [event.region for event in run.journal.of(EnvironmentDeleted)]
    if not gone:
        return None
    off = pick(run.scenario, "guardrails", "leastPrivilege") is False
    why = "; least privilege was switched off" if off else ""
    sentence = (
        f"The credential of an automation sufficed to delete the environment of {join_names(gone)}{why}."
    )
    return Finding(
        sentence, "Take the right to delete environments from credentials of automations.", owned=True
    )


def orders_lost(run: Run) -> Finding | None:
    """Find acknowledged orders that no record holds, and how they were replicated."""
    audit, system = run.outcome.audit, run.outcome.system
    if not audit.lost:
        return None
    mode = system.replication or text(pick(run.scenario, "system", "replication", "mode"))
    many = regions(run) > 1
    how = (
        f"replication was {'asynchronous' if mode == 'async' else 'synchronous'}"
        if many
        else "there was one region"
    )
    far = f", {seconds(system.delay_s)} between regions" if many and system.delay_s else ""
    back = f"; the recovery point was {seconds(audit.rpo_s)}" if audit.rpo_s is not None else ""
    sentence = (
        f"{count(audit.lost)} of {count(audit.acknowledged)} acknowledged orders were lost; {how}{far}{back}."
    )
    then = "Decide whether orders may be lost: synchronous replication, or a way to find and honour those that are."
    return Finding(
        sentence, then if mode == "async" and many else "Decide how many orders may be lost between backups."
    )


def wrong_records(run: Run) -> Finding | None:
    """Find orders on which the three records disagree."""
    audit = dict(run.outcome.audit)
    lines = [f"{count(audit[key])} {words}" for key, words in WRONG_RECORDS if audit[key]]
    if not lines:
        return None
    cents = run.outcome.audit.wrong_amount_cents
    sum_ = f"; the amounts differ by {money(cents)} in sum" if cents else ""
    sentence = f"The audit of orders found: {', '.join(lines)}{sum_}."
    return Finding(
        sentence,
        "Put right the orders that the audit found, and add a check that would have found them.",
        owned=True,
    )


def capacity(run: Run) -> Finding | None:
    """Find instances that were still missing when users were well."""
    inject = run.clocks.get("inject", 0.0)
    if not any(event.t >= inject for event in run.journal.of(InstanceDied, InstanceKilled)):
        return None
    after, well = measured(run, "ttfr"), measured(run, "ttr")
    if well is None or run.outcome.ttfr_state == "not_measured":
        return None
    if after is not None and after - well <= SLOW_S:
        return None
    when = (
        f"{seconds(after - well)} after users were well"
        if after is not None
        else "not back when the run ended"
    )
    sentence = f"Full capacity was {'back only ' if after is not None else ''}{when}."
    return Finding(
        sentence, "Rehearse how capacity comes back: until then the next failure hits a weaker system."
    )
