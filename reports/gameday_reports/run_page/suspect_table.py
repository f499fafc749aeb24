"""Suspects: the changes in flight by the odds that they were the cause, as the outcome has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gameday.analysis.model.evidence_models import SuspectResult
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import count, percent, seconds
from gameday_reports.text.loose import person

BAD_DEPLOY = "bad-deploy"


@dataclass(frozen=True)
class Suspects:
    """Rows of the table, likeliest first, and a sentence about them; both empty if there is no suspect."""

    sentence: str
    rows: Sequence[Mapping[str, str]]


def suspects(run: Run) -> Suspects:
    ranked = run.outcome.suspects
    if not ranked:
        return Suspects("", ())
    return Suspects(_sentence(run), [_row(run, suspect) for suspect in ranked])


def _sentence(run: Run) -> str:
    ranked = run.outcome.suspects
    none = percent(max(0.0, 1 - sum(suspect.odds for suspect in ranked)))
    text = (
        f"What the requests said of each change when the first operation was requested, or else by the end of the outage. "
        f"That no change was the cause has {none}."
    )
    bad = {fault.change for fault in run.outcome.faults if fault.kind == BAD_DEPLOY and fault.change}
    places = [place for place, suspect in enumerate(ranked, 1) if suspect.change in bad]
    return f"{text} The faulty change is number {places[0]} of {len(ranked)}." if places else text


def _row(run: Run, suspect: SuspectResult) -> Mapping[str, str]:
    change = run.journal.change(suspect.change)
    return {
        "odds": percent(suspect.odds),
        "release": suspect.release or suspect.change,
        "with_it": f"{count(suspect.bad)} of {count(suspect.requests)}",
        "without": f"{count(suspect.bad_without)} of {count(suspect.requests_without)}",
        "author": person(change.started.author) if change else "",
    }


def diagnoses(run: Run) -> list[Mapping[str, str]]:
    """Return a row for each cause that somebody named."""
    return [
        {
            "t": seconds(diagnosis.t),
            "culprit": diagnosis.culprit,
            "by": diagnosis.by,
            "right": "right" if diagnosis.right else "wrong",
            "after": seconds(diagnosis.after_effect_s)
            if diagnosis.after_effect_s is not None
            else "before any",
            "text": diagnosis.text,
        }
        for diagnosis in run.outcome.diagnoses
    ]
