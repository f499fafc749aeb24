"""Draft of a blameless post-incident review from a finished run's folder, as plain words.

Figures and times are measured; factors, strengths and follow-ups come from rules over them. The
review names roles only, and no cause that wasn't measured. `review_markdown` and the page lay it
out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gameday_reports.review import provenance
from gameday_reports.review.factors import factors
from gameday_reports.review.findings import Finding
from gameday_reports.review.strengths import strengths
from gameday_reports.run_page import header
from gameday_reports.run_page.run_data import Run
from gameday_reports.run_page.tables import expectations
from gameday_reports.text.event_timeline import Moment, left_out, moments
from gameday_reports.text.formatting import figures
from gameday_reports.text.loose import person, text
from gameday_reports.text.summary import summary, unfit

HOW = (
    "Every time and figure here is measured by the run. Contributing factors, what went well and the follow-ups are "
    "drafted by fixed rules from these figures: none is a cause until people say so. What customers would have "
    "reported is a model. Roles are named, people are not."
)


@dataclass(frozen=True)
class Item:
    """A follow-up: what to do, and its owner if known."""

    words: str
    owner: str


@dataclass(frozen=True)
class ChangeWords:
    """A change in words: its heading, what is known of it, and the open questions."""

    name: str
    summary: str
    facts: Sequence[tuple[str, str]]
    ai: str
    prompt: str
    questions: Sequence[str]
    faulty: bool


@dataclass(frozen=True)
class Review:
    """The draft. `unfit`: why no factors were drafted, else empty. `figures`: (name, value with its
    note)."""

    title: str
    run: str
    when: str
    verdict: str
    figures: Sequence[tuple[str, str]]
    summary: Sequence[str]
    hypothesis: str
    held: str
    moments: Sequence[Moment]
    left_out: str
    changes: Sequence[ChangeWords]
    together: Sequence[str]
    unfit: str
    factors: Sequence[Finding]
    strengths: Sequence[Finding]
    items: Sequence[Item]
    command: str
    how: str = HOW


def review(run: Run) -> Review:
    """Return the whole draft."""
    shown, why = moments(run), unfit(run)
    shipped = provenance.shipped(run)
    results = [] if why else factors(run)
    top = header.header(run)
    return Review(
        title=top.title,
        run=run.name,
        when=dict(top.facts)["When"],
        verdict=top.word,
        figures=[(figure.label, f"{figure.value} ({figure.note})") for figure in figures(run.outcome)],
        summary=summary(run),
        hypothesis=" ".join(text(run.scenario.get("hypothesis")).split()),
        held=_held(run),
        moments=shown,
        left_out=left_out(run, shown),
        changes=[_change_words(each) for each in shipped],
        together=list(provenance.together(shipped)),
        unfit=why,
        factors=results,
        strengths=[] if why else strengths(run),
        items=_items(run, results),
        command=header.command(run),
    )


def _held(run: Run) -> str:
    """Return how many expectations held, and which did not."""
    judged = expectations(run)
    holding = [each for each in judged if each["mark"] == "yes"]
    if not judged:
        return "No expectation was judged."
    if len(holding) == len(judged):
        return "The one expectation held." if len(judged) == 1 else f"All {len(judged)} expectations held."
    return f"{len(holding)} of {len(judged)} expectations held."


def _change_words(each: provenance.Shipped) -> ChangeWords:
    change = each.change
    at, by = change.t and f"at {change.t}", change.by and f"by {change.by}"
    facts = [
        ("Service", change.service),
        ("Kind", change.kind),
        ("Shipped", ", ".join(filter(None, [at, change.strategy, by]))),
        ("Author", provenance.role(each.record.get("author")) or change.author),
        ("Approved by", change.approvals if each.approvals is None else ", ".join(each.approvals) or "nobody"),
        ("Reversible", change.reversible),
        ("Migration", text(each.record.get("migration"))),
        ("Plan", each.plan),
    ]  # fmt: skip
    return ChangeWords(
        name=change.release or change.service or "a change without a name",
        summary=" ".join(change.summary.split()),
        facts=[(name, value) for name, value in facts if value],
        ai=provenance.ai_sentence(each),
        prompt=" ".join(provenance.prompt(each).split()),
        questions=provenance.questions(each),
        faulty=each.faulty,
    )


def _items(run: Run, found: Sequence[Finding]) -> list[Item]:
    """Return each follow-up once: expectations that did not hold first, then those of the factors."""
    owner = person(run.scenario.get("owner"))
    parts = [
        *((words, True) for words in _missed(run)),
        *((each.then, each.owned) for each in found if each.then),
    ]
    return [Item(words, owner if owned else "") for words, owned in dict(parts).items()]


def _missed(run: Run) -> Iterator[str]:
    for expectation in expectations(run):
        if expectation["mark"] == "no":
            yield f"“{expectation['expr']}” did not hold ({expectation['values']}): change the system, or what is expected of it."
        elif expectation["mark"] == "unknown":
            yield f"“{expectation['expr']}” could not be judged ({expectation['values']}): find out why, and run it again."
