"""Contributing factors: the table of all rules. To add one, add a function and a line.

A factor is a fact that a rule considers contributing; it is never a cause, and never a person.
"""

from __future__ import annotations

from collections.abc import Mapping

from gameday_reports.review import factors_change as change
from gameday_reports.review import factors_detection as sight
from gameday_reports.review import factors_response as response
from gameday_reports.review.findings import Finding, Rule
from gameday_reports.run_page.run_data import Run

RULES: Mapping[str, Rule] = {
    "shipped to every region at once": change.everywhere_at_once,
    "an AI change without the approval it needs": change.ai_unapproved,
    "a change that can't be taken back": change.one_way,
    "several changes at once": change.several_changes,
    "an automation with too many rights": change.privilege,
    "nobody paged": sight.unpaged,
    "a watching detector was sooner": sight.watcher_first,
    "service-side sight blind or late": sight.service_blind,
    "customers were sooner": sight.customers_first,
    "far from the limit of detection": sight.far_from_limit,
    "false pages": sight.false_pages,
    "a page nobody took": response.untaken,
    "slow to take the page": response.slow_ack,
    "slow to decide": response.slow_decision,
    "the first operation was wrong": response.wrong_first,
    "a rollback that was not enough": change.rollback_not_enough,
    "ended by the schedule": response.by_schedule,
    "never ended": response.never_ended,
    "relapses": response.relapsed,
    "guardrails off": change.guardrails_off,
    "orders lost": change.orders_lost,
    "records that disagree": change.wrong_records,
    "capacity came back late": change.capacity,
}


def factors(run: Run) -> list[Finding]:
    """Return the findings of all rules, in the order of the table."""
    return [found for rule in RULES.values() for found in [rule(run)] if found]
