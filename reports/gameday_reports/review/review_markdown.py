"""Review in Markdown, to edit and to paste into a wiki. Everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterator

from gameday_reports.review.draft import ChangeWords, Item, Review
from gameday_reports.text.markdown import block, line, plain, table

BLANK = "______"
"""A place to fill in. Between spaces, or at the end of a line, it is no mark-up."""


def markdown(review: Review) -> str:
    """Return the whole document, ending in a newline."""
    parts = [
        f"# Post-incident review: {plain(review.title)}",
        f"*Draft, blameless. {plain(review.how)}*",
        "\n".join(table(("Run", plain(review.run)), _about(review))),
        "## Summary",
        plain(" ".join(review.summary)) or "Nothing is known of this run.",
        *_expected(review),
        *_timeline(review),
        "## Changes and AI",
        *_changes(review),
        *_drafted(review),
        "## Follow-ups",
        "\n".join([*map(_item, review.items), _item(Item("", ""))]),
        *_repeat(review),
    ]
    return "\n\n".join(parts) + "\n"


def _about(review: Review) -> list[list[str]]:
    about = [["When", review.when], ["Verdict", review.verdict]]
    return about + [[name, value] for name, value in review.figures]


def _expected(review: Review) -> Iterator[str]:
    if review.hypothesis:
        yield f"**Expected** (the scenario's hypothesis): {plain(review.hypothesis)} {plain(review.held)}"
    else:
        yield plain(review.held)


def _timeline(review: Review) -> Iterator[str]:
    yield "## What happened"
    if not review.moments:
        yield "The run left no event log."
        return
    clock = any(each.clock for each in review.moments)
    heads = ("Since the start", "UTC", "Kind", "Event") if clock else ("Since the start", "Kind", "Event")
    cells = [
        [moment.since, *([moment.clock] if clock else []), moment.kind, moment.words]
        for moment in review.moments
    ]
    yield "\n".join(table(heads, cells))
    if review.left_out:
        yield plain(review.left_out)


def _changes(review: Review) -> Iterator[str]:
    if not review.changes:
        yield "Nothing was shipped in this run, so AI had no part in a change of it."
        return
    for change in review.changes:
        yield from _change(change)
    if review.together:
        yield "\n".join(f"- [ ] {plain(words)}" for words in review.together)
    yield f"Had AI part in the design? That is on no record: {BLANK}"


def _change(each: ChangeWords) -> Iterator[str]:
    yield f"### {plain(each.name)}{' (the change with the defect)' if each.faulty else ''}"
    if each.summary:
        yield plain(each.summary)
    facts = [f"- {name}: {plain(value)}" for name, value in each.facts]
    prompt = [f"- Prompt: “{plain(each.prompt)}”"] if each.prompt else []
    yield "\n".join([*facts, f"- AI: {plain(each.ai)}", *prompt])
    if each.questions:
        yield "To ask:"
        yield "\n".join(f"- [ ] {plain(words)}" for words in each.questions)


def _drafted(review: Review) -> Iterator[str]:
    for heading, found, nothing in (
        (
            "Contributing factors",
            review.factors,
            "No rule found one. Add what the people who were there saw.",
        ),
        ("What went well", review.strengths, "No rule found anything."),
    ):
        yield f"## {heading}"
        if review.unfit:
            yield f"Not drafted. {plain(review.unfit)}, so the run says nothing of the system."
        else:
            yield "\n".join(f"- {plain(each.words)}" for each in found) or nothing


def _item(item: Item) -> str:
    owner = f"{plain(item.owner)}," if item.owner else BLANK
    return f"- [ ] {plain(item.words) or BLANK} owner: {owner} due: {BLANK}"


def _repeat(review: Review) -> Iterator[str]:
    yield "## Repeat this run"
    if line(review.command):
        yield "\n".join(block(review.command))
    else:
        yield "The run did not record its command."
