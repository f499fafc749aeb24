"""gameday_reports.text.event_timeline, happened and floods: one line for what matters, none for what doesn't, and no flood."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.recording.journal import Event
from gameday_reports.run_page.run_data import Run, read
from gameday_reports.text.event_timeline import left_out, moments
from tests.support import sample_run
from tests.support.sample_review import Variant, variant

ALERT = {"detector": "cusum", "side": "client", "pages": True, "summary": "bad"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("timeline") / "run"))


def words(run: Run, of: Variant, kind: str = "") -> list[str]:
    return [moment.words for moment in moments(variant(run, of)) if kind in ("", moment.kind)]


def test_only_the_first_alert_of_each_kind_is_told(run: Run) -> None:
    """By side and whether it pages; a false alarm is a kind of its own; how many more there were is said."""
    alerts = [{**ALERT, "t": 15.0 + n / 10} for n in range(20)]
    alerts += [{**ALERT, "t": 16.0, "detector": "scrape", "side": "service", "pages": False}]
    alerts += [{**ALERT, "t": 40.0, "false_alarm": True}]
    changed = variant(run, Variant(outcome={"alerts": alerts}))
    told = moments(changed)
    assert [each.words for each in told if " raised: " in each.words] == [
        "cusum (client-side, pages) raised: bad.",
        "scrape (service-side, only watches) raised: bad.",
        "False alarm. cusum (client-side, pages) raised: bad.",
    ]
    assert left_out(changed, told) == "19 more alerts are left out: of each kind the first is told."


def test_every_receiver_of_pages_is_told_once(run: Run) -> None:
    """And that one could not be reached."""
    pages = [Event(15.5 + n, "page.delivered", f"a{n}", {"to": "slack"}) for n in range(5)]
    failed = Event(16.0, "page.failed", "a1", {"to": "pagerduty", "why": "no answer"})
    told = words(run, Variant(add=[*pages, failed]), "alert")
    assert told.count("Page delivered to slack.") == 1
    assert "A page to pagerduty could not be delivered: no answer." in told


def test_instances_that_die_together_are_one_line(run: Run) -> None:
    """With how many of which service, where, and for how long it went on; one alone says why."""
    crowd = [
        Event(
            16 + n, "instance.died", f"i{n}", {"service": f"s{n % 5}", "region": f"r{n % 2}", "why": "exited"}
        )
        for n in range(12)
    ]
    alone = Event(
        40.0, "instance.died", "us-east.pricing.9", {"service": "pricing", "why": "exited with status 1"}
    )
    torn_down = Event(60.0, "instance.killed", "us-east.pricing.1", {"service": "pricing"})
    told = words(run, Variant(add=[*crowd, alone, torn_down]), "system")
    assert told == [
        "12 instances ended by themselves in r0 and r1 within 11.00 s (s0 3, s1 3, s2 2 and 2 more).",
        "Full capacity was back: every instance healthy on a good release.",
        "Instance us-east.pricing.9 ended by itself: exited with status 1.",
    ]


def test_a_region_that_flaps_is_no_flood(run: Run) -> None:
    """The first turns and the last; what the edge saw before the steady state is left out."""
    turns = [
        Event(20.0 + n, "region.seen", "us-east", {"up": n % 2 == 1, "database": True}) for n in range(12)
    ]
    early = Event(2.0, "region.seen", "eu-west", {"up": False, "database": False})
    event = Event(3.0, "region.seen", "eu-west", {"up": True, "database": True})
    told = words(run, Variant(add=[early, event, Event(10.0, "phase", "steady"), *turns]), "system")
    assert told[1:] == [
        "The edge saw us-east down.",
        "The edge saw us-east up again.",
        "us-east went on so: 9 more turns until 30.00 s.",
        "The edge saw us-east up again.",
    ]


def test_a_region_without_its_database_is_told_apart(run: Run) -> None:
    """From one that is down."""
    seen = [
        Event(20.0, "region.seen", "us-east", {"up": True, "database": False}),
        Event(21.0, "region.seen", "us-east", {"up": True, "database": True, "drained": True}),
        Event(22.0, "region.seen", "us-east", {"up": True, "database": True, "drained": False}),
    ]
    told = words(run, Variant(add=seen), "system")
    assert told[1:] == [
        "The edge saw us-east without a way to the database.",
        "us-east reached the database again.",
    ]


def test_relapses_and_recovery_are_told(run: Run) -> None:
    """In their place; where users never were well nothing says so."""
    relapse = Variant(outcome={"relapses": [{"recovered": 16.0, "breached": 17.5}]})
    assert [moment.words for moment in moments(variant(run, relapse)) if moment.t == 17.5] == [
        "Relapse. Recovered at 16.00 s, in breach again at 17.50 s."
    ]
    assert words(run, Variant(), "well") == ["Users were well again, and stayed so to the end of the run."]
    assert words(run, Variant(outcome={"clocks": {"recovered": None}}), "well") == []


def test_changes_that_failed_or_were_stopped_say_so(run: Run) -> None:
    """With the reason on one line, and no longer than it should be."""
    failed = Event(14.6, "change.failed", "c1", {"why": "ended before it was ready;\nits log: " + "x" * 400})
    told = words(run, Variant(drop=["change.done"], add=[failed]), "change")
    (line,) = [each for each in told if "failed" in each]
    assert line.startswith("pricing-1.1.0 failed: ended before it was ready; its log: xxx")
    assert line.endswith("….")
    assert len(line) < 300
    cancelled = Event(14.6, "change.done", "c1", {"cancelled": True})
    told = words(run, Variant(drop=["change.done"], add=[cancelled]), "change")
    assert "pricing-1.1.0 stopped shipping: it was taken back before it was everywhere." in told


@pytest.mark.parametrize("by", ["schedule", "cleanup"])
def test_a_fault_that_the_rehearsal_took_back_is_told(run: Run, by: str) -> None:
    """Also of a change, of which the fault itself isn't told twice."""
    told = words(run, Variant(add=[Event(30.0, "fault.reverted", "f1", {"by": by})]), "fault")
    assert [each.endswith("took the fault back: bad-deploy on pricing.") for each in told] == [True]


def test_a_run_that_its_own_condition_stopped(run: Run) -> None:
    """With the condition, in its place."""
    stopped = Event(16.0, "run.stopped", "", {"expr": "impact.users > 50", "values": {}})
    ended = Event(16.1, "run.ended", "", {"reason": "stopped"})
    told = words(run, Variant(drop=["run.ended"], add=[stopped, ended]), "run")
    assert told[1:] == [
        "The run was stopped: its abort condition “impact.users > 50” held.",
        "The run ended early, and what it had done to the system was taken back.",
    ]


def test_an_environment_that_was_deleted(run: Run) -> None:
    """The automation's plan stands with its change."""
    intended = Event(
        14.2, "fault.intended", "f1", {"kind": "environment.delete", "target": "us-east", "plan": "c1"}
    )
    plan = {"plan": {"delete": "environment of us-east"}}
    deleted = Event(15.0, "environment.deleted", "us-east", {"change": "c1"})
    told = words(run, Variant(drop=["f1"], edit={"c1": plan}, add=[intended, deleted]))
    assert any(each.endswith("AI-assisted. Its plan: delete the environment of us-east.") for each in told)
    assert "The environment of us-east was deleted." in told


@pytest.mark.parametrize(
    ("started", "clock"),
    [
        ("2026-11-20T17:22:05.250000+00:00", "17:22:19"),
        ("2026-11-20T18:22:05.250000+01:00", "17:22:19"),
        ("2026-11-20T23:59:55+00:00", "00:00:08"),
        ("2026-11-20T17:22:05", ""),
        ("yesterday", ""),
    ],
)
def test_the_wall_clock_is_utc_or_not_told(run: Run, started: str, clock: str) -> None:
    """A time without a zone could be any."""
    told = moments(variant(run, Variant(outcome={"run": {"started": started}})))
    assert next(each.clock for each in told if each.kind == "run") == clock


def test_a_run_without_a_journal_has_what_the_outcome_says(tmp_path: Path) -> None:
    """Clocks and alerts; one of nulls has no line at all."""
    folder = sample_run.bad_deploy(tmp_path / "run")
    (folder / "journal.jsonl").unlink()
    assert {moment.kind for moment in moments(read(folder))} == {"users", "well", "alert", "model", "system"}
    assert moments(read(sample_run.inconclusive(tmp_path / "nulls"))) == []
