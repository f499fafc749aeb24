"""gameday_reports.review.draft and its Markdown: what a person reads after a run, for runs of every kind."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from gameday.recording.journal import Event
from gameday_reports.review.draft import review
from gameday_reports.review.review_markdown import markdown
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run
from tests.support.html_page import HOSTILE, Page, rendered
from tests.support.nonempty_all import nonempty_all
from tests.support.sample_review import HUMAN, REGION_LOST, Variant, variant

RENDERER = MarkdownIt("commonmark", {"html": True}).enable("table")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("review") / "run"))


def test_a_bad_deploy_by_ai_that_automation_took_back(run: Run) -> None:
    """Five sentences; the change with its provenance and what it leaves to ask; what went well, and what to do."""
    draft = review(run)
    assert draft.summary == [
        "A bad deploy of pricing (pricing-1.1.0, shipped all-at-once) began at 14.20 s into the run: The largest "
        "discount has no tier, so the price of those products raises an error.",
        "Users were affected from 14.31 s on, 0.11 s later: 65 of 2,700 requests failed (2.4 %) and 60 users met a "
        "failure (7.1 % of those who came), in us-east and eu-west, on browse and buy.",
        "The first page was raised 1.08 s after the first failure (TTD, 1.8× the limit of detection), it was taken "
        "0.05 s later (TTA), and users were well again 5.32 s after the first failure (TTR).",
        "The rollback of pricing, ordered by auto at 15.44 s, ended the outage.",
        "None of the 531 acknowledged orders was lost.",
    ]
    assert draft.held == "All 2 expectations held."
    good, bad = draft.changes
    assert (good.name, good.faulty, good.ai) == (
        "catalog-1.1.0",
        False,
        "Whether AI had part in it is not recorded.",
    )
    assert (bad.name, bad.faulty) == ("pricing-1.1.0", True)
    assert bad.ai == "AI had part in this code change. Tool: code assistant; Model: large-2."
    assert bad.prompt == "Make the discount tiers a table"
    assert ("Author", "Backend engineer (senior)") in bad.facts
    assert [words.partition(":")[0] for words in bad.questions] == [
        "No owner of the service is among those who approved an AI-assisted change",
        "It went to both regions at once",
    ]
    assert "The first operation, the rollback of pricing, was a right one." in [
        strength.words for strength in draft.strengths
    ]
    owners = {item.words: item.owner for item in draft.items}
    assert (
        owners["Make the approval of the service's owner a gate for AI-assisted changes."]
        == "Checkout on-call"
    )
    assert owners["Let alerts name the changes of the last minutes beside the service they touch."] == ""


def test_the_timeline_of_a_bad_deploy(run: Run) -> None:
    """One line for each thing that matters, in order, with both clocks; the model's are said to be modelled."""
    moments = review(run).moments
    assert [each.t for each in moments] == sorted(each.t for each in moments)
    assert [f"{each.since} {each.clock} {each.kind}: {each.words}" for each in moments][3:10] == [
        "14.20 s 17:22:19 change: pricing-1.1.0 began to ship (all-at-once), written by Backend engineer (senior), "
        "started by timeline; approved by Pricing lead; AI-assisted. The change with the defect.",
        "14.31 s 17:22:19 users: First hurt user, of the objective “checkout”.",
        "14.93 s 17:22:20 change: pricing-1.1.0 was out, 0.73 s later.",
        "15.39 s 17:22:20 alert: cusum (client-side, pages) raised: checkout: 6 of 14 requests failed.",
        "15.41 s 17:22:20 alert: Page delivered to the one on call.",
        "15.44 s 17:22:20 response: Page a1 taken by auto.",
        "15.44 s 17:22:20 response: Rollback of pricing (takes back pricing-1.1.0) ordered by auto; judged right.",
    ]
    assert [each.words for each in moments if each.kind == "model"] == [
        "The first customer would have reported it (modelled, not measured).",
        "Enough customers would have reported it for everybody to know (modelled, not measured).",
    ]


def test_people_who_noted_something_and_began_with_the_wrong_operation(run: Run) -> None:
    """Their notes stand in the timeline and the tool's own don't; each operation is judged, and its cost told."""
    draft = review(variant(run, HUMAN))
    words = [moment.words for moment in draft.moments]
    assert "support noted: “looks like catalog <script> | x | ](http://x.example)”" in words
    assert not any("Postgres" in word for word in words)
    assert "Page a1 taken by on-call." in words
    assert "Rollback of catalog (takes back catalog-1.1.0) ordered by on-call; judged wrong." in words
    assert "Rollback of catalog (takes back catalog-1.1.0) failed: it was already taken back." in words
    assert "Rollback of pricing (takes back pricing-1.1.0) done, 1.50 s later." in words
    assert any(
        "rollback of pricing, which did, was ordered 2.00 s later" in factor.words for factor in draft.factors
    )
    assert not any("first operation" in strength.words for strength in draft.strengths)


def test_a_region_that_was_lost_without_a_change(run: Run) -> None:
    """The fault by its name, twelve deaths in one line, what the edge saw, the promotion; no change, lost orders."""
    draft = review(variant(run, REGION_LOST))
    assert draft.summary[0] == "The fault “region.lose” on us-east began at 14.20 s into the run."
    assert draft.summary[3] == "The failover of us-east, ordered by dba at 16.50 s, ended the outage."
    assert draft.summary[4] == "2 of 531 acknowledged orders were lost, the oldest 0.31 s before the loss."
    assert draft.changes == []
    words = [moment.words for moment in draft.moments]
    for line in (
        "Fault ordered: region.lose on us-east.",
        "region.lose on us-east was confirmed, 0.10 s later.",
        "12 instances were killed in us-east (pricing 12).",
        "The edge saw us-east down.",
        "Failover of us-east ordered by dba; judged right.",
        "The database of eu-west took over the writes from us-east.",
    ):
        assert words.count(line) == 1
    factors = [factor.words for factor in draft.factors]
    assert any(
        "2 of 531 acknowledged orders were lost; replication was asynchronous" in each for each in factors
    )
    assert any("Switched off in this run: breaker." in each for each in factors)
    assert "Nothing was shipped in this run, so AI had no part" in markdown(draft)


def test_a_fault_without_an_effect(tmp_path: Path) -> None:
    """Says that nobody was hurt and that nothing is known of how soon one would notice; and what is inconclusive."""
    draft = review(read(sample_run.no_effect(tmp_path / "run")))
    assert draft.summary[1:] == [
        "It had no effect that breached an objective: how soon one would be noticed or ended is not known.",
        "No page in 44.10 s of quiet time, which bounds false pages at 245 an hour and no lower (95 %).",
        "None of the 531 acknowledged orders was lost.",
        "The run is inconclusive: The fault had no effect, so the expectations on TTD and TTR are unknown.",
    ]
    assert not any(moment.kind in ("users", "well") for moment in draft.moments)
    assert draft.items[0].words.startswith("“ttd < 5s” could not be judged")


def test_an_outage_that_nobody_ended(tmp_path: Path) -> None:
    """Censored is said as such, and what is to be found is the operation that ends it."""
    draft = review(read(sample_run.never_recovered(tmp_path / "run")))
    assert "nobody took it (TTA censored after 32.61 s)" in draft.summary[2]
    assert "users were not seen to be well again (TTR censored after 33.69 s)" in draft.summary[2]
    assert draft.summary[3].startswith("Users were still affected when the run ended")
    assert draft.items[0].words.startswith("“ttr < 30s” did not hold (ttr = unknown)")
    assert any("Find the operation that ends this outage" in item.words for item in draft.items)


@pytest.mark.parametrize("by", ["schedule", "cleanup"])
def test_an_outage_that_the_rehearsal_ended(run: Run, by: str) -> None:
    """How long it would have lasted is not known, and is not a recovery that went well."""
    outcome = {"ended_by": by, "ttr_s": None, "ttr_state": "censored", "ttr_censored_at": 19.63}
    draft = review(variant(run, Variant(outcome=outcome)))
    assert draft.summary[3].endswith(
        "nobody had ended the outage by then. How long it would have lasted is not known."
    )
    assert not any("Users were well as soon" in strength.words for strength in draft.strengths)


def test_an_operation_long_before_the_end_is_not_said_to_have_ended_it(run: Run) -> None:
    """Only how long before."""
    draft = review(variant(run, Variant(outcome={"clocks": {"recovered": 40.0}})))
    assert draft.summary[3] == (
        "The last operation before users were well, the rollback of pricing, was done 20.48 s before they were."
    )


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        ({"verdict": "error", "reasons": ["load: the workers died"]}, "The tool or the substrate failed"),
        (
            {"exit_status": 130, "verdict": "error", "reasons": ["interrupted by SIGINT"]},
            "The run was interrupted",
        ),
        ({"steady_state": {"met": False}}, "The steady state was not met before the fault"),
    ],
)
def test_a_run_that_says_nothing_of_the_system(tmp_path: Path, outcome: dict[str, object], why: str) -> None:
    """Half of its outcome is null: its summary begins with that, and no factor, strength or remedy is drafted."""
    folder = sample_run.inconclusive(tmp_path / "run")
    nulls = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    (folder / "outcome.json").write_text(json.dumps(nulls | outcome), encoding="utf-8")
    draft = review(read(folder))
    assert draft.summary[0].startswith(why)
    assert "so nothing here can be held for or against the system." in draft.summary[0]
    assert (draft.factors, draft.strengths, draft.unfit) == ([], [], why)
    assert markdown(draft).count("Not drafted.") == 2
    assert "None" not in markdown(draft)


def test_what_a_broken_run_had_seen_is_told(run: Run) -> None:
    """The timeline is there up to where it broke, with what broke it."""
    error = Event(17.0, "run.error", "", {"where": "load", "why": "the workers died"})
    draft = review(variant(run, Variant(outcome={"verdict": "error"}, add=[error])))
    assert "The tool failed in load: the workers died." in [moment.words for moment in draft.moments]
    assert draft.factors == []


def test_the_markdown_has_every_part_in_order(run: Run) -> None:
    """With a checklist whose places to fill in stay what they are, and the command to repeat the run."""
    text = markdown(review(run))
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Post-incident review: A pricing change breaks checkout in every region",
        "## Summary",
        "## What happened",
        "## Changes and AI",
        "### catalog-1.1.0",
        "### pricing-1.1.0 (the change with the defect)",
        "## Contributing factors",
        "## What went well",
        "## Follow-ups",
        "## Repeat this run",
    ]
    items = text.partition("## Follow-ups")[2].partition("##")[0].strip().splitlines()
    assert nonempty_all(item.startswith("- [ ] ") and item.endswith(" due: ______") for item in items)
    assert items[0].endswith(" owner: Checkout on-call, due: ______")
    assert items[-1] == "- [ ] ______ owner: ______ due: ______"
    assert "```sh\ngameday run bad-deploy-pricing --substrate process --seed 7\n```" in text
    assert "<hr" not in RENDERER.render(text)


def elements(text: str) -> list[str]:
    return [token.type for token in RENDERER.parse(text) if token.type != "inline"] + [
        child.type for token in RENDERER.parse(text) for child in token.children or ()
    ]


def test_hostile_text_stays_text_in_the_markdown(tmp_path: Path) -> None:
    """In every field that people write: no link, no HTML, no row or heading more than the same run without it has."""
    hostile = f" ](http://x.example) | x | `y` **z** <b>\n\n# no {HOSTILE}"
    quiet = read(sample_run.bad_deploy(tmp_path / "quiet"))
    loud = read(sample_run.bad_deploy(tmp_path / "loud", lambda text: text + hostile))
    note = Variant(add=[Event(15.0, "note", "", {"text": hostile, "by": hostile})])
    plain = Variant(add=[Event(15.0, "note", "", {"text": "x", "by": "y"})])
    told, without = markdown(review(variant(loud, note))), markdown(review(variant(quiet, plain)))
    made, expected = elements(told), elements(without)
    assert not {"link_open", "html_inline", "html_block", "image"} & set(made)
    for kind in (
        "tr_open",
        "heading_open",
        "list_item_open",
        "td_open",
        "strong_open",
        "code_inline",
        "fence",
    ):
        assert (kind, made.count(kind)) == (kind, expected.count(kind))


def test_the_page_shows_the_review_and_offers_it_for_copying(tmp_path: Path) -> None:
    """The section stands before the charts; the Markdown behind the button is that of review.md, escaped."""
    folder = sample_run.bad_deploy(tmp_path / "run")
    page = rendered(folder)
    assert page.index('id="clock"') < page.index('id="happened"') < page.index('id="timeline"')
    (button,) = [each for each in Page(page).all("button") if "data-copy" in each]
    held = page.partition(f'<code id="{button["data-copy"]}">')[2].partition("</code>")[0]
    assert html.unescape(held) == markdown(review(read(folder)))
