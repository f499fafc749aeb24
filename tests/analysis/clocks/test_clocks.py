"""Tests of every clock, duration and state on hand-made runs, with the values worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gameday.analysis.clocks.clocks import analyse
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.outcome.outcome_file import outcome_of
from gameday.recording.samples import ErrorKind, Samples, read_samples
from gameday.scenario.scenario_file import read_resolved
from tests.support.measured import measure
from tests.support.run_folders import END, Request, Story, failing, steadily, write, write_shard


def rolled_back() -> Story:
    """Return a story deployed at 18 s (bad 20 to 30 s), paged at 21 s, rolled back at 22.5 s, done
    at 29 s."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0)
    return story.add(29.0, "fault.reverted", "f-c1", by="responder").finish()


def test_every_clock_of_a_rollback(tmp_path: Path) -> None:
    """Each stamp is the event's; effect and recovered are the requests'."""
    outcome = measure(write(tmp_path / "run", rolled_back(), failing(steadily(), 20.0, 30.0)))
    clocks = outcome["clocks"]
    assert clocks == {
        "inject": 18.0,
        "injected": 19.0,
        "effect": 20.0,
        "detect": 21.0,
        "paged": 21.01,
        "ack": 22.5,
        "act": 22.5,
        "acted": 29.0,
        "recovered": 30.0,
        "restored": 20.0,  # no instance was ever replaced in this journal
    }
    assert [outcome[key] for key in ("ttd_s", "ttd_from_inject_s", "tta_s", "ttr_s", "ttfr_s")] == [
        1,
        3,
        1.5,
        10,
        0,
    ]
    assert {outcome[f"{name}_state"] for name in ("ttd", "ttd_from_inject", "tta", "ttr", "ttfr")} == {
        "measured"
    }
    assert outcome["ended_by"] == "responder"
    assert (outcome["relapses"], outcome["verdict"], outcome["exit_status"], outcome["reasons"]) == (
        [],
        "pass",
        0,
        [],
    )


def test_restored_waits_for_full_capacity(tmp_path: Path) -> None:
    """Restored is when the last faulty instance is gone and every place is at full count, long
    after recovery."""
    story = rolled_back()
    for number, (gone, back) in enumerate([(31.0, 32.0), (33.0, 34.5)], 1):
        place = {"service": "pricing", "region": "us-east"}
        story.add(19.0, "instance.ready", f"bad.{number}", release="pricing-1.1.0", **place)
        story.add(19.0, "instance.stopped", f"us-east.pricing.{number}", release="pricing-1.0.0", **place)
        story.add(gone, "instance.stopped", f"bad.{number}", release="pricing-1.1.0", **place)
        story.add(back, "instance.ready", f"new.{number}", release="pricing-1.0.0", **place)
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0)))
    assert (outcome["clocks"]["restored"], outcome["ttfr_s"]) == (34.5, 14.5)


def test_restored_waits_for_the_last_faulty_instance(tmp_path: Path) -> None:
    """Enough good instances aren't full capacity while a faulty one still serves."""
    place = {"service": "pricing", "region": "us-east", "release": "pricing-1.1.0"}
    story = (
        rolled_back()
        .add(19.0, "instance.ready", "bad.1", **place)
        .add(33.0, "instance.stopped", "bad.1", **place)
    )
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0)))
    assert outcome["clocks"]["restored"] == 33.0


def test_capacity_that_stays_short_is_censored(tmp_path: Path) -> None:
    """If an instance died and wasn't replaced, restored is censored."""
    story = rolled_back().add(
        40.0, "instance.died", "us-east.pricing.1", service="pricing", region="us-east", why=""
    )
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0)))
    assert outcome["clocks"]["restored"] is None
    assert (outcome["ttfr_s"], outcome["ttfr_state"], outcome["ttfr_censored_at"]) == (None, "censored", 60.0)


def test_without_a_responder_it_never_recovers(tmp_path: Path) -> None:
    """Without a responder the system never recovers, TTR and TTA are censored at the end, and the
    exit status is 1."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).finish(reason="give_up")
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 60.0)))
    assert [outcome["clocks"][name] for name in ("detect", "ack", "act", "recovered")] == [
        21.0,
        None,
        None,
        None,
    ]
    assert (outcome["ttd_s"], outcome["ttd_state"]) == (1.0, "measured")
    assert (outcome["ttr_s"], outcome["ttr_state"], outcome["ttr_censored_at"]) == (None, "censored", 60.0)
    assert (outcome["tta_state"], outcome["tta_censored_at"]) == ("censored", 60.0)
    assert (outcome["ended_by"], outcome["verdict"], outcome["exit_status"]) == (None, "fail", 1)
    assert "never recovered: 40.0 s" in outcome["reasons"][0]


def test_the_system_heals_itself(tmp_path: Path) -> None:
    """A recovery without page and operation is the system's; TTD is censored at the recovery."""
    story = Story().begin().deploy(18.0, 19.0).finish()
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0)))
    assert (outcome["ended_by"], outcome["ttr_s"]) == ("system", 10.0)
    assert (outcome["ttd_state"], outcome["ttd_censored_at"], outcome["tta_state"]) == (
        "censored",
        30.0,
        "not_measured",
    )


def test_a_good_release_has_no_effect(tmp_path: Path) -> None:
    """Its inject is the change; all durations have state no_effect."""
    story = Story().begin().deploy(18.0, 24.0, fault=False).finish(reason="no_effect")
    outcome = measure(write(tmp_path / "run", story, steadily(), expect=["!effect", "alerts == 0"]))
    assert (outcome["clocks"]["inject"], outcome["clocks"]["injected"], outcome["clocks"]["effect"]) == (
        18,
        24,
        None,
    )
    assert {outcome[f"{name}_state"] for name in ("ttd", "tta", "ttr", "ttfr")} == {"no_effect"}
    assert (outcome["verdict"], outcome["impact"]["failed"]) == ("pass", 0)


def test_a_run_broken_off_measured_nothing(tmp_path: Path) -> None:
    """A run interrupted before any effect is not_measured, not no_effect."""
    story = Story().begin().deploy(18.0, 19.0).add(19.5, "run.interrupted", signal="SIGINT")
    outcome = measure(write(tmp_path / "run", story.finish(19.5, "interrupted"), steadily(19.5)))
    assert (outcome["ttd_state"], outcome["ttr_state"], outcome["exit_status"]) == (
        "not_measured",
        "not_measured",
        130,
    )
    assert outcome["impact"]["requests"] is None


def test_recovery_needs_hold(tmp_path: Path) -> None:
    """With 9 s of the 10 s of hold, or a last operation that ended too late, the run isn't recovered."""
    early = rolled_back()
    assert (
        measure(write(tmp_path / "a", early, failing(steadily(), 20.0, 51.0)))["clocks"]["recovered"] is None
    )
    late = (
        Story()
        .begin()
        .deploy(18.0, 19.0)
        .page(21.0)
        .rollback(22.5, 29.0)
        .rollback(50.5, 51.0, operation="o2")
        .finish()
    )
    assert (
        measure(write(tmp_path / "b", late, failing(steadily(), 20.0, 30.0)))["clocks"]["recovered"] is None
    )


def test_recovery_needs_every_slo_known(tmp_path: Path) -> None:
    """An SLO of a journey that falls silent is unknown at the end: whether all recovered is unknown as well."""
    requests = steadily()
    for number, request in enumerate(requests):
        request.journey = "login" if number % 2 and request.planned < 45 else "buy"
    failing(requests, 20.0, 30.0, which=lambda r: r.journey == "buy")
    slos = [
        {"name": name, "sli": "availability", "objective": "99%", "journey": name}
        for name in ("buy", "login")
    ]
    outcome = measure(write(tmp_path / "run", rolled_back(), requests, slos=slos))
    assert (outcome["clocks"]["recovered"], outcome["exit_status"]) == (None, 3)
    assert (outcome["ttr_s"], outcome["ttr_state"]) == (None, "not_measured")


@pytest.mark.parametrize(("detector", "detect"), [("hang", 21.0), ("bank", None)])
def test_requests_that_wait_are_slow_too(tmp_path: Path, detector: str, detect: float | None) -> None:
    """A page of waiting requests for the availability SLO detects an outage of the latency SLO of their journey."""
    requests = steadily()
    for request in requests:
        request.took = 0.4 if 20.0 <= request.planned < 30.0 else 0.0
    slos = [
        {"name": "shop", "sli": "availability", "objective": "99%", "journey": "buy"},
        {"name": "speed", "sli": "latency", "under": "300ms", "objective": "95%", "journey": "buy"},
    ]
    story = Story().begin().deploy(18.0, 19.0).page(21.0, detector=detector).rollback(22.5, 29.0).finish()
    outcome = measure(write(tmp_path / "run", story, requests, slos=slos))
    assert outcome["clocks"]["detect"] == detect
    assert outcome["detection"]["slo"] == "speed"
    assert outcome["alerts"][0]["false_alarm"] is (detect is None)


@pytest.mark.parametrize(("hurt", "detect"), [((20.0, 20.3), 21.0), ((15.0, 15.3), None)])
def test_a_page_for_another_slo_that_the_outage_hurts_detects(
    tmp_path: Path, hurt: tuple[float, float], detect: float | None
) -> None:
    """The responder acts before it is a breach. If that SLO's bad requests came before the outage, the page is false."""
    requests = steadily()
    for number, request in enumerate(requests):
        request.journey = "login" if number % 2 else "buy"
    failing(requests, 20.0, 30.0, which=lambda request: request.journey == "buy")
    failing(requests, *hurt, which=lambda request: request.journey == "login")
    slos = [
        {"name": "buy", "sli": "availability", "objective": "99%", "journey": "buy"},
        {"name": "shop", "sli": "availability", "objective": "90%", "journey": "login"},
    ]
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()
    outcome = measure(write(tmp_path / "run", story, requests, slos=slos))
    assert outcome["clocks"]["detect"] == detect
    assert outcome["alerts"][0]["false_alarm"] is (detect is None)
    assert [slo["detect"] for slo in outcome["slos"]] == [None, None]


def test_a_page_within_the_uncertainty_before_the_effect_detects(tmp_path: Path) -> None:
    """20 ms before an effect that is known to ± 24 ms: TTD is 0. A page 100 ms before it is a false alarm."""
    stamps = {}
    for early in (0.02, 0.1):
        story = Story().begin().deploy(18.0, 19.0).page(20.0 - early).rollback(22.5, 29.0).finish()
        outcome = measure(write(tmp_path / str(early), story, failing(steadily(), 20.0, 30.0)))
        stamps[early] = outcome["clocks"]["detect"], outcome["ttd_s"], outcome["alerts"][0]["false_alarm"]
    assert stamps == {0.02: (20.0, 0.0, False), 0.1: (None, None, True)}


def test_every_outage_has_clocks_of_its_own(tmp_path: Path) -> None:
    """Two outages 20 s apart, each paged and rolled back: the headline is the first one's, to the last recovery."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 24.5)
    story.page(46.0, alert="a2").rollback(47.0, 49.5, operation="o2").finish(80.0)
    requests = failing(failing(steadily(80.0), 20.0, 25.0), 45.0, 50.0)
    outcome = measure(write(tmp_path / "run", story, requests))
    shown = [
        tuple(each[key] for key in ("slo", "effect", "detect", "act", "recovered"))
        for each in outcome["outages"]
    ]
    assert shown == [("shop", 20.0, 21.0, 22.5, 25.0), ("shop", 45.0, 46.0, 47.0, 50.0)]
    assert (outcome["clocks"]["effect"], outcome["clocks"]["detect"]) == (20.0, 21.0)
    assert outcome["relapses"] == [{"recovered": 25.0, "breached": 45.0}]


def test_an_unrelated_revert_long_before_ended_nothing(tmp_path: Path) -> None:
    """Fault f1 hurts from 20 to 45 s; f2, ordered at 19 s, is reverted at 22 s. It can't have ended the outage."""
    story = Story().begin()
    for fault, t in (("f2", 18.5), ("f1", 19.0)):
        story.add(t, "fault.intended", fault, kind="link.latency", target="x").add(
            t + 0.1, "fault.injected", fault
        )
    story.add(22.0, "fault.reverted", "f2", by="schedule").add(
        44.5, "fault.reverted", "f1", by="schedule"
    ).finish(80.0)
    outcome = measure(write(tmp_path / "run", story, failing(steadily(80.0), 20.0, 45.0)))
    assert (outcome["ended_by"], outcome["ttr_censored_at"]) == ("schedule", 44.5)


def test_a_revert_ends_nothing_while_the_cause_stands(tmp_path: Path) -> None:
    """f1, the last fault before the effect, stands to the end: the revert of f2 a second before the recovery is chance."""
    story = Story().begin()
    for fault, t in (("f2", 18.5), ("f1", 19.5)):
        story.add(t, "fault.intended", fault, kind="link.latency", target="x").add(
            t + 0.1, "fault.injected", fault
        )
    story.add(44.0, "fault.reverted", "f2", by="schedule").finish(80.0)
    outcome = measure(write(tmp_path / "run", story, failing(steadily(80.0), 20.0, 45.0)))
    assert (outcome["ended_by"], outcome["ttr_s"]) == ("system", 25.0)


def test_earliest_effect_and_latest_recovery_of_several_slos(tmp_path: Path) -> None:
    """The outage of two overlapping SLOs is their union."""
    requests = failing(steadily(), 20.0, 28.0, which=lambda r: r.journey == "buy")
    for number, request in enumerate(requests):
        request.journey = "browse" if number % 2 else "buy"
    failing(requests, 20.0, 28.0, ErrorKind.NONE)
    failing(requests, 22.0, 28.0, which=lambda r: r.journey == "buy")
    failing(requests, 20.0, 26.0, which=lambda r: r.journey == "browse")
    slos = [
        {"name": name, "sli": "availability", "objective": "99%", "journey": name}
        for name in ("buy", "browse")
    ]
    outcome = measure(write(tmp_path / "run", rolled_back(), requests, slos=slos))
    # Odd requests (20.075, 20.175 …) browse, even ones (22.025 … 27.925) buy: a clock is midway between two of a journey.
    assert (outcome["clocks"]["effect"], outcome["clocks"]["recovered"]) == (20.025, 27.975)
    assert [(slo["effect"], slo["recovered"]) for slo in outcome["slos"]] == [
        (21.975, 27.975),
        (20.025, 26.025),
    ]


@pytest.mark.parametrize(
    ("again", "relapses"), [(29.0, []), (35.0, [{"recovered": 23.975, "breached": 35.025}])]
)
def test_outages_of_two_slos_close_together_are_one(
    tmp_path: Path, again: float, relapses: list[Any]
) -> None:
    """If one SLO recovers 5 s before another breaks it is one outage; 11 s before, two."""
    slos = [
        {"name": name, "sli": "availability", "objective": "99%", "journey": name}
        for name in ("buy", "browse")
    ]
    requests = steadily(60.0)
    for number, request in enumerate(requests):
        request.journey = "browse" if number % 2 else "buy"
    failing(requests, 20.0, 23.95, which=lambda r: r.journey == "buy")
    failing(requests, again, again + 3, which=lambda r: r.journey == "browse")
    outcome = measure(write(tmp_path / "run", rolled_back(), requests, slos=slos))
    # buy is planned 25 ms after every tenth, browse 50 ms later, and a clock is midway between two of a journey
    assert (outcome["clocks"]["effect"], outcome["relapses"]) == (19.975, relapses)
    assert outcome["clocks"]["recovered"] == pytest.approx(again + 3.025)


def test_a_relapse(tmp_path: Path) -> None:
    """Well from 24 s to 36 s, broken till 40 s: TTR counts to 40 s and the relapse is reported."""
    requests = failing(failing(steadily(), 20.0, 24.0), 36.0, 40.0)
    outcome = measure(write(tmp_path / "run", rolled_back(), requests))
    assert outcome["relapses"] == [{"recovered": 24.0, "breached": 36.0}]
    assert (outcome["clocks"]["effect"], outcome["clocks"]["recovered"], outcome["ttr_s"]) == (
        20.0,
        40.0,
        20.0,
    )


def test_a_wrong_rollback_is_counted_and_ended_nothing(tmp_path: Path) -> None:
    """The rollback of a benign change has `right` false; the act is the second rollback."""
    story = (
        Story()
        .begin()
        .deploy(18.0, 19.0)
        .deploy(19.5, 20.5, fault=False, change="c2", service="catalog")
        .page(21.0)
    )
    story.rollback(22.0, 24.0, "c2").rollback(26.0, 29.0, "c1", operation="o2").finish()
    expect = ["operations.wrong == 1", "operations.total == 2"]
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0), expect=expect))
    assert [operation["right"] for operation in outcome["operations"]] == [False, True]
    assert [outcome["clocks"][name] for name in ("ack", "act", "acted")] == [22.0, 26.0, 29.0]
    assert outcome["verdict"] == "pass"


def test_a_wrong_rollback_alone_leaves_it_to_the_system(tmp_path: Path) -> None:
    """If only a benign change was rolled back before the recovery, the system ended the outage."""
    story = (
        Story()
        .begin()
        .deploy(18.0, 19.0)
        .deploy(19.5, 20.5, fault=False, change="c2", service="catalog")
        .page(21.0)
    )
    outcome = measure(
        write(tmp_path / "run", story.rollback(22.0, 24.0, "c2").finish(), failing(steadily(), 20.0, 30.0))
    )
    assert (outcome["clocks"]["act"], outcome["ended_by"], outcome["clocks"]["ack"]) == (None, "system", 22.0)


def test_a_rollback_without_a_change_means_the_latest(tmp_path: Path) -> None:
    """A rollback without a change means the service's latest change at that time."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.0, 24.0, None).finish()
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0)))
    assert outcome["operations"][0]["right"] is True


def test_the_acknowledgement_comes_first(tmp_path: Path) -> None:
    """An ack before the first operation sets `ack`; one before `detect` doesn't."""
    story = rolled_back().add(20.5, "ack", "a0", by="human").add(21.5, "ack", "a1", by="human")
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0)))
    assert (outcome["clocks"]["ack"], outcome["tta_s"]) == (21.5, 0.5)


def test_a_page_after_the_act_detected_nothing(tmp_path: Path) -> None:
    """After an act without a page TTD is censored at the act, and the clocks stay in order."""
    story = Story().begin().deploy(18.0, 19.0).rollback(22.5, 29.0).page(24.0).finish()
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0)))
    assert [outcome["clocks"][name] for name in ("detect", "paged", "ack", "act")] == [None, None, None, 22.5]
    assert (outcome["ttd_state"], outcome["ttd_censored_at"]) == ("censored", 22.5)


def test_a_watching_detector_doesn_t_detect(tmp_path: Path) -> None:
    """`detect` is a page; a detector that doesn't page has its own TTD."""
    story = (
        Story()
        .begin()
        .deploy(18.0, 19.0)
        .page(20.4, detector="threshold", pages=False, alert="a0")
        .page(21.0)
    )
    outcome = measure(
        write(tmp_path / "run", story.rollback(22.5, 29.0).finish(), failing(steadily(), 20.0, 30.0))
    )
    assert outcome["clocks"]["detect"] == 21.0
    assert outcome["detectors"]["threshold"]["ttd_s"] == 0.4
    assert outcome["detectors"]["cusum"]["ttd_s"] == 1.0
    assert outcome["detectors"]["scrape"] == {
        "side": "service", "pages": False, "ttd_s": None, "false_alarms": 0, "limit_ratio": None,
    }  # fmt: skip


def test_pages_for_nothing_are_false_alarms(tmp_path: Path) -> None:
    """A page before the effect or for a healthy SLO is a false alarm; the page for the outage is
    `detect`."""
    slos = [
        {"name": name, "sli": "availability", "objective": "99%", "journey": name}
        for name in ("buy", "browse")
    ]
    story = Story().begin().deploy(18.0, 19.0).page(19.0, "buy", alert="a0").page(20.5, "browse", alert="a1")
    story.page(21.0, "buy", alert="a2").rollback(22.5, 29.0).finish()
    requests = steadily()
    for number, request in enumerate(requests):
        request.journey = "browse" if number % 2 else "buy"
    failing(requests, 20.0, 30.0, which=lambda r: r.journey == "buy")
    outcome = measure(write(tmp_path / "run", story, requests, slos=slos, expect=["false_alarms == 2"]))
    assert [alert["false_alarm"] for alert in outcome["alerts"]] == [True, True, False]
    assert (outcome["clocks"]["detect"], outcome["detectors"]["cusum"]["false_alarms"]) == (21.0, 2)
    assert outcome["verdict"] == "pass"


def test_an_answer_awaited_past_the_recovery_may_still_page(tmp_path: Path) -> None:
    """A page after the last bad request of a short outage of time-outs is no false alarm."""
    story = Story().begin().deploy(18.0, 19.0).page(22.5).finish()
    requests = failing(steadily(), 20.0, 21.0, ErrorKind.TIMEOUT)
    outcome = measure(write(tmp_path / "run", story, requests, expect=["false_alarms == 0", "ttd < 3s"]))
    assert (outcome["clocks"]["detect"], outcome["clocks"]["recovered"], outcome["verdict"]) == (
        22.5,
        21.0,
        "pass",
    )


@pytest.mark.parametrize(("allowed", "state", "status"), [(False, "censored", 1), (True, "measured", 0)])
def test_the_schedule_ended_it(tmp_path: Path, allowed: bool, state: str, status: int) -> None:
    """If the timeline reverted its fault, TTR is censored there unless the scenario allows it."""
    story = Story().begin().add(18.0, "fault.intended", "f1", kind="link", target="pricing", entry=0)
    story.add(18.5, "fault.injected", "f1").page(21.0).add(
        29.5, "fault.reverted", "f1", by="schedule"
    ).finish()
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0), allowScheduled=allowed))
    assert (outcome["ended_by"], outcome["ttr_state"], outcome["exit_status"]) == ("schedule", state, status)
    assert outcome["ttr_censored_at"] == (None if allowed else 29.5)
    assert outcome["clocks"]["recovered"] == 30.0
    assert outcome["clocks"]["restored"] == 29.5  # a fault other than a deploy is active until its revert
    assert outcome["faults"][0]["reverted_by"] == "schedule"


def test_a_control_run_has_no_clocks_and_no_effect(tmp_path: Path) -> None:
    """Without fault or change there are no clocks, and if the SLOs held to the end there is no effect."""
    story = Story().begin().finish(reason="no_effect")
    outcome = measure(write(tmp_path / "run", story, steadily(), expect=["!effect", "alerts == 0"]))
    assert set(outcome["clocks"].values()) == {None}
    assert (outcome["ttr_state"], outcome["impact"]["failed"], outcome["verdict"]) == ("no_effect", 0, "pass")


def test_a_control_run_with_a_broken_slo_is_not_measured(tmp_path: Path) -> None:
    """If an SLO broke without a fault, durations aren't measured and no effect isn't claimed."""
    story = Story().begin().finish(reason="give_up")
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 30.0, 40.0), expect=["!effect"]))
    assert (outcome["ttr_state"], outcome["impact"]["failed"], outcome["exit_status"]) == (
        "not_measured",
        None,
        3,
    )


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = write(tmp_path_factory.mktemp("order") / "run", Story())
    return read_resolved(folder / "scenario.yaml")


@given(draw=st.data())
@settings(deadline=None, max_examples=60)
def test_clocks_are_always_in_order(
    scenario: Any, draw: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """inject ≤ effect ≤ detect ≤ ack ≤ act ≤ acted and effect ≤ recovered, for any events."""
    story = Story().begin().deploy(18.0, 19.0)
    times = st.floats(18.0, 55.0)
    for number in range(draw.draw(st.integers(0, 3))):
        story.page(draw.draw(times), alert=f"a{number}", pages=draw.draw(st.booleans()))
    for number in range(draw.draw(st.integers(0, 3))):
        t = draw.draw(times)
        story.rollback(
            t, t + draw.draw(st.floats(0, 4)), draw.draw(st.sampled_from(["c1", "c9"])), f"o{number}"
        )
    if draw.draw(st.booleans()):
        story.add(draw.draw(times), "ack", "a0", by="human")
    since, length = draw.draw(times), draw.draw(st.floats(0, 20))
    every = draw.draw(st.integers(1, 9))
    requests = failing(steadily(), since, since + length, which=lambda r: r.user % every == 0)
    samples = _samples(requests, tmp_path_factory.mktemp("shard") / "load.shard")
    events = tuple(sorted(story.finish().events, key=lambda event: event.t))
    run = Run(scenario, events, samples, None)
    clocks = analyse(run).clocks
    chain = (clocks.inject, clocks.effect, clocks.detect, clocks.ack, clocks.act, clocks.acted)
    stamps = [stamp for stamp in chain if stamp is not None]
    assert stamps == sorted(stamps)
    assert clocks.recovered is None or (
        clocks.effect is not None and clocks.effect <= clocks.recovered <= END
    )
    outcome_of(run).text()


def _samples(requests: list[Request], path: Path) -> Samples:
    write_shard(path, requests)
    return read_samples(path.parent)


def test_a_page_that_was_never_delivered(tmp_path: Path) -> None:
    """An undelivered page detects the outage; `paged` is null, not the delivery of a later page."""
    about = {"detector": "cusum", "side": "client", "pages": True, "slo": "shop", "summary": "errors"}
    story = Story().begin().deploy(18.0, 19.0).add(21.0, "alert.raised", "a1", **about)
    story.page(22.0, alert="a2").rollback(22.5, 29.0).finish()
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0)))
    assert (outcome["clocks"]["detect"], outcome["clocks"]["paged"]) == (21.0, None)


@pytest.mark.parametrize(("page", "detect"), [(30.9, 30.9), (31.1, None)])
def test_a_page_may_come_a_window_after_the_recovery(
    tmp_path: Path, page: float, detect: float | None
) -> None:
    """The window of 10 s has bad requests of the outage till 31 s; a later page is a false alarm."""
    story = Story().begin().deploy(18.0, 19.0).page(page).finish()
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 21.0)))
    assert outcome["clocks"]["recovered"] == 21.0
    assert (outcome["clocks"]["detect"], outcome["alerts"][0]["late"]) == (detect, detect is None)


@pytest.mark.parametrize(("by", "recovered"), [("schedule", None), ("responder", 30.0)])
def test_hold_counts_from_the_timeline_s_last_revert(
    tmp_path: Path, by: str, recovered: float | None
) -> None:
    """A revert 5 s before the end leaves less than the hold of 10 s, so the run isn't recovered."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0)
    story.add(55.0, "fault.reverted", "f-c1", by=by).finish()
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 30.0)))
    assert outcome["clocks"]["recovered"] == recovered
