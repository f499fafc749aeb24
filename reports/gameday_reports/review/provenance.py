"""Changes in flight: who made and approved them, the part of AI, and the questions that remain.

The questions are a team's policies as small rules over the record; a rule is a function and a line
of QUESTIONS. Rollbacks are left out: they are operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gameday_reports.run_page import change_feed
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.loose import items, mapping, person, pick, text

OWNER = ("owner",)
SENIOR = ("senior", "staff", "principal", "lead", "owner")
LESS_SENIOR = ("junior", "mid", "service account")
EXTRA_CARE = ("auth", "infra")
STAGELESS = "all-at-once"


@dataclass(frozen=True)
class Shipped:
    """One change. `record` is all that is known of it; `faulty` is True if the timeline counts it
    as a fault."""

    change: change_feed.Change
    record: Mapping[str, Any]
    faulty: bool
    regions: int

    @property
    def ai(self) -> bool | None:
        """Return True if AI took part in it; None if that isn't recorded."""
        if self.record.get("ai"):
            return True
        return False if self.change.ai == change_feed.NO_AI else None

    @property
    def approvals(self) -> list[str] | None:
        """Return who approved, by role; None if that isn't recorded."""
        recorded = self.record.get("approvals")
        return (
            None
            if recorded is None
            else [role(item) for item in items(recorded)] or ([text(recorded)] if recorded else [])
        )

    @property
    def everywhere(self) -> bool:
        """Return True if every one of several regions got it at once."""
        return self.change.strategy == STAGELESS and self.regions > 1

    def approved_by(self, words: Sequence[str]) -> bool:
        return any(word in approval.lower() for approval in self.approvals or () for word in words)

    @property
    def plan(self) -> str:
        """Return what an automation planned besides shipping; empty for a plain deploy."""
        return "; ".join(
            f"{key} the {text(value)}" for key, value in mapping(self.record.get("plan")).items()
        )


def role(value: Any) -> str:
    """Return a role and its level as 'code owner (senior)'; anything else as text."""
    name, level = text(pick(value, "role")), text(pick(value, "level"))
    return f"{name} ({level})" if name and level else name or person(value)


def shipped(run: Run) -> list[Shipped]:
    """Return every change except rollbacks, in order."""
    harmful = {fault.intended.change or fault.intended.plan for fault in run.journal.faults}
    regions = len(run.outcome.system.regions or items(pick(run.scenario, "system", "regions")))
    recorded = [(change.id, change_feed.recorded(change)) for change in run.journal.changes]
    recorded = recorded or [
        (change.id, change.model_dump(exclude_none=True)) for change in run.outcome.changes
    ]
    kept = [(id_, data) for id_, data in recorded if not data.get("rollback_of")]
    eaches = [each for each in change_feed.feed(run) if each.kind != "rollback"]
    return [
        Shipped(change, change_feed.record(run, data), id_ in harmful, regions)
        for (id_, data), change in zip(kept, eaches, strict=False)
    ]


def faulty(run: Run) -> Shipped | None:
    """Return the change that a fault of the timeline stands for."""
    return next((each for each in shipped(run) if each.faulty), None)


def ai_sentence(each: Shipped) -> str:
    """Return if AI took part, in what, and with which tool and model."""
    if each.ai is None:
        return "Whether AI had part in it is not recorded."
    if not each.ai:
        return "No AI had part in it, by its record."
    what = each.change.kind or "change"
    return f"AI had part in this {what if what == 'change' else f'{what} change'}. {each.change.ai}."


def prompt(each: Shipped) -> str:
    return text(pick(each.record, "ai", "prompt"))


def questions(each: Shipped) -> list[str]:
    """Return the questions about this change; none if its record leaves nothing open."""
    return [said for rule in QUESTIONS for said in [rule(each)] if said]


def together(found: Sequence[Shipped]) -> Iterator[str]:
    """Return the questions about several changes of one run."""
    kinds = {each.change.kind for each in found}
    if {"schema", "auth"} <= kinds:
        yield "A schema and an auth change were under way in one run: should one of them have waited?"


def unowned(each: Shipped) -> str:
    """Ask for the approval of an owner of the service if AI took part."""
    if not each.ai or each.approvals is None:
        return ""
    if not each.approvals:
        return "An AI-assisted change shipped without any approval on record: who has to approve one?"
    if not each.approved_by(OWNER):
        return "No owner of the service is among those who approved an AI-assisted change: should one have to be?"
    return ""


def unsenior(each: Shipped) -> str:
    """Ask for a senior's sign-off of a change by a junior or mid-level author."""
    author = text(pick(each.record, "author", "level")).lower()
    if author not in LESS_SENIOR or not each.approvals or each.approved_by(SENIOR):
        return ""
    return f"The author's level is “{author}” and nobody senior is on record as having approved it: should a senior have?"


def untraced(each: Shipped) -> str:
    """Ask for prompt and model of an AI-assisted change."""
    missing = [name for name in ("tool", "model", "prompt") if not pick(each.record, "ai", name)]
    return f"Not on record of the AI that had part: {', '.join(missing)}." if each.ai and missing else ""


def unknown(each: Shipped) -> str:
    """Ask if AI took part, if the change doesn't say."""
    return "Should every change say whether AI had part in it? This one does not." if each.ai is None else ""


def stageless(each: Shipped) -> str:
    """Ask for progressive delivery."""
    if not each.everywhere:
        return ""
    return f"It went to {every(each.regions)} at once: should it have gone in stages?"


def every(regions: int) -> str:
    return "both regions" if regions == 2 else f"all {regions} regions"


def risky(each: Shipped) -> str:
    """Ask for extra review of infrastructure or auth code by AI."""
    if not each.ai or each.change.kind not in EXTRA_CARE:
        return ""
    return f"AI had part in a change of kind “{each.change.kind}”: which extra review does that need?"


def one_way(each: Shipped) -> str:
    """Ask for a way back."""
    if each.record.get("reversible") is False:
        return "It can't be taken back by shipping the release before: was there another way back?"
    if not each.record.get("migration"):
        return ""
    return "It carries a migration, which a rollback of the code leaves in place: can the release before run on it?"


QUESTIONS: Sequence[Callable[[Shipped], str]] = (
    unowned,
    unsenior,
    untraced,
    unknown,
    stageless,
    risky,
    one_way,
)
