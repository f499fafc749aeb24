"""Tests of the golden run: every figure of its outcome against one worked out by hand in
`hand_made_runs`."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import pytest

from tests.support import hand_made_runs
from tests.support.measured import measure, outcome_schema
from tests.support.nonempty_all import nonempty_all
from tests.support.paths import GOLDEN

SINCE, INJECT, INJECTED, END, LAST = 9.073923, 19.762545, 21.178527, 35.969431, 37.247651
PAGE, ROLLBACK, DONE = 22.113739, 22.114161, 23.607248
"""Read off the journal: steady state, fault ordered and confirmed, load stopped, last line; the page, the rollback."""


@pytest.fixture(scope="module")
def rows() -> list[hand_made_runs.Row]:
    return hand_made_runs.rows_of(GOLDEN)


@pytest.fixture(scope="module")
def outcome() -> dict[str, Any]:
    return measure(GOLDEN)


def close(value: float) -> Any:
    return pytest.approx(value, abs=1e-6)


@pytest.fixture(scope="module")
def outages(rows: list[hand_made_runs.Row]) -> dict[str, Any]:
    """Return SLO → outage by hand; None if the SLO never broke."""
    times = SINCE, INJECT, END
    return {
        name: hand_made_runs.outage(name, rows, objective, times)
        for name, objective in hand_made_runs.OBJECTIVES.items()
    }


def test_the_clocks_are_those_worked_out_by_hand(outcome: dict[str, Any], outages: dict[str, Any]) -> None:
    """Of two broken SLOs the effect is the earlier one's, the recovery the later one's; the rest is
    the journal's."""
    broken = [outage for outage in outages.values() if outage]
    assert [name for name, outage in outages.items() if outage] == ["checkout", "browse"]
    effect, recovered = min(one.effect for one in broken), max(one.recovered for one in broken)
    assert (effect, recovered) == (close(20.652556), close(22.710246))
    assert outcome["clocks"] == {
        "inject": INJECT,
        "injected": INJECTED,
        "effect": close(effect),
        "detect": PAGE,
        "paged": 22.11397,
        "ack": 22.114055,
        "act": ROLLBACK,
        "acted": DONE,
        "recovered": close(recovered),
        "restored": 23.604031,  # the last instance.stopped of pricing-1.1.0
    }
    spans = {"ttd": PAGE - effect, "ttd_from_inject": PAGE - INJECT, "tta": 22.114055 - PAGE}
    spans |= {"ttr": recovered - effect, "ttfr": 23.604031 - effect}
    for name, seconds in spans.items():
        parts = (outcome[f"{name}_s"], outcome[f"{name}_state"], outcome[f"{name}_censored_at"])
        assert parts == (close(seconds), "measured", None)
    assert (outcome["ended_by"], outcome["relapses"]) == ("responder", [])


def test_each_slo_is_as_counted_by_hand(
    outcome: dict[str, Any], rows: list[hand_made_runs.Row], outages: dict[str, Any]
) -> None:
    """Requests, bad ones, seconds in breach, share of the budget, effect and recovery of each SLO
    are right."""
    expected = []
    for name, objective in hand_made_runs.OBJECTIVES.items():
        pairs = hand_made_runs.stream(name, rows, SINCE, END)
        bad = sum(is_bad for _, is_bad in pairs)
        effect, recovered = (outages[name].effect, outages[name].recovered) if outages[name] else (None, None)
        seconds = hand_made_runs.breached_seconds(pairs, objective, INJECT, END)
        expected.append(
            {
                "name": name,
                "verdict": "breach" if outages[name] else "ok",
                "effect": effect if effect is None else close(effect),
                "detect": PAGE if name == "browse" else None,
                "recovered": recovered if recovered is None else close(recovered),
                "breached_s": close(seconds),
                "budget_spent": close(float(bad / (len(pairs) * (1 - objective)))),
                "requests": len(pairs),
                "bad": bad,
            }
        )
    assert outcome["slos"] == expected
    assert [(slo["requests"], slo["bad"]) for slo in expected] == [
        (461, 5),
        (771, 13),
        (758, 0),
        (1569, 0),
    ]


def test_the_limit_is_that_of_the_stream_that_paged(
    outcome: dict[str, Any], rows: list[hand_made_runs.Row], outages: dict[str, Any]
) -> None:
    """Browse: 315 good answers before, 13 of 58 bad in the outage; the chain solved directly; four
    paging streams."""
    effect, recovered = outages["browse"].effect, outages["browse"].recovered
    during = [bad for t, bad in hand_made_runs.stream("browse", rows, SINCE, END) if effect <= t < recovered]
    assert (sum(during), len(during)) == (13, 58)
    p0, upper, p1, rate = 0.5 / 316, 1 - 0.05 ** (1 / 315), 13 / 58, 29.843
    limit_s = hand_made_runs.limit(p0, p1, rate, 4)
    ttd = PAGE - effect
    assert outcome["detection"] == {
        "slo": "browse",
        "rate": rate,
        "n": 315,
        "errors": 0,
        "p0": close(p0),
        "p0_upper": close(upper),
        "p1": close(p1),
        "limit_s": close(limit_s),
        "limit_at_upper_s": close(hand_made_runs.limit(upper, p1, rate, 4)),
        "ratio": close(ttd / limit_s),
        "streams": 4,
        "arl_s": 2_592_000.0,
    }
    assert outcome["limit_s"] == close(limit_s) == close(0.498996)


def test_the_error_is_calibration_and_spacing(outcome: dict[str, Any], outages: dict[str, Any]) -> None:
    """The errors are 50 and 40 ms of the machine and what the posterior of each change point holds; TTR has both ends'."""
    first = min((one for one in outages.values() if one), key=lambda one: one.effect)
    last = max((one for one in outages.values() if one), key=lambda one: one.recovered)
    apart = {"effect": first.effect_error, "recovered": last.recovered_error}
    assert outcome["spacing_s"] == {name: pytest.approx(value, abs=1e-3) for name, value in apart.items()}
    effect, recovered = outcome["spacing_s"]["effect"] + 0.05, outcome["spacing_s"]["recovered"] + 0.04
    assert outcome["error_s"] == {
        "effect": close(effect),
        "recovered": close(recovered),
        "ttd": close(effect),
        "ttr": close(effect + recovered),
    }


def test_the_race_and_the_quiet_before_it(outcome: dict[str, Any]) -> None:
    """Each detector's delay is its first alarm less the effect, over the limit; no alarm in 10.7 s
    allows 1,009/h."""
    seen = {"cusum": PAGE, "threshold": 22.271579, "ewma": 22.049348}
    effect, limit_s = outcome["clocks"]["effect"], outcome["limit_s"]
    race = {}
    for name in ("cusum", "threshold", "burn-rate", "ewma", "silence", "scrape"):
        ttd = close(seen[name] - effect) if name in seen else None
        ratio = pytest.approx((seen[name] - effect) / limit_s, abs=1e-5) if name in seen else None
        side = "service" if name == "scrape" else "client"
        about = {"side": side, "pages": name == "cusum", "false_alarms": 0}
        race[name] = {**about, "ttd_s": ttd, "limit_ratio": ratio}
    assert outcome["detectors"] == race
    nothing = {"per_hour": 0.0, "bound_per_hour": close(math.log(20) / (INJECT - SINCE) * 3600)}
    assert outcome["quiet"] == {
        "since": SINCE,
        "until": INJECT,
        "seconds": close(INJECT - SINCE),
        "pages": 0,
        **nothing,
        "detectors": {name: {"alarms": 0, **nothing} for name in race},
    }


def test_the_impact_is_as_counted_by_hand(outcome: dict[str, Any], rows: list[hand_made_runs.Row]) -> None:
    """Every request from effect to recovery counts, by home and serving region, journey and release."""
    clocks = outcome["clocks"]
    during = [row for row in rows if clocks["effect"] - 1e-6 <= row.planned < clocks["recovered"] - 1e-6]
    homes = {
        name: [row for row in during if hand_made_runs.home(row.user) == name]
        for name in ("eu-west", "us-east")
    }
    budgets = {
        "checkout": 5 / (461 * 0.005),
        "browse": 13 / (771 * 0.005),
        "browse-speed": 0.0,
        "prices": 0.0,
    }
    blast = [
        {"region": home, "journey": journey, **tally}
        for home, lived in homes.items()
        for journey, tally in hand_made_runs.tallies(lived, "journey").items()
    ]
    groups = {"served": "region", "releases": "release"}
    journeys = {
        journey: {**tally, **hand_made_runs.people([row for row in during if row.journey == journey])}
        for journey, tally in hand_made_runs.tallies(during, "journey").items()
    }
    orders = [row for row in rows if row.order and row.status == 201]
    buyers = {
        row.user for row in rows if row.journey == "buy" and row.error and row.planned >= clocks["effect"]
    }
    gave_up = buyers - {order.user for order in orders if order.planned > clocks["effect"]}
    counted = {
        **hand_made_runs.tally(during),
        **hand_made_runs.people(during),
        "user_hurt_s": hand_made_runs.waits(during),
        "users_per_minute": 18 / (clocks["recovered"] - clocks["effect"]) * 60,
        "bad_s": hand_made_runs.waited(during),
        "after_recovery": hand_made_runs.tally([r for r in rows if clocks["recovered"] <= r.planned <= END]),
        "regions": {
            home: {**hand_made_runs.tally(lived), **hand_made_runs.people(lived)}
            for home, lived in homes.items()
        },
        **{key: hand_made_runs.tallies(during, column) for key, column in groups.items()},
        "journeys": journeys,
        "blast": blast,
        "error_budget_spent": budgets["browse"],
        "budgets": budgets,
        "sales_lost_cents": round(sum(order.total for order in orders) / len(orders) * len(gave_up)),
    }
    measured_impact = dict(outcome["impact"])
    assert measured_impact.pop("bad_s") == pytest.approx(counted.pop("bad_s"), abs=1e-3)
    assert measured_impact.pop("users_per_minute") == pytest.approx(counted.pop("users_per_minute"), rel=1e-5)
    assert rounded(measured_impact) == rounded(counted)
    assert len(gave_up) == 5
    assert (counted["requests"], counted["failed"], counted["users"]) == (116, 18, 18)
    assert [(cell["region"], cell["journey"], cell["failed"]) for cell in blast if cell["failed"]] == [
        ("eu-west", "browse", 11),
        ("eu-west", "buy", 3),
        ("us-east", "browse", 2),
        ("us-east", "buy", 2),
    ]


def test_the_audit_is_as_counted_by_hand(outcome: dict[str, Any], rows: list[hand_made_runs.Row]) -> None:
    """Every acknowledged order is in Postgres; the ledger has a planted cent and a planted second
    charge."""
    orders = {row["id"]: row for row in map(json.loads, (GOLDEN / "audit.jsonl").read_text().splitlines())}
    by_key = {f"20261120-181547-db79-{row.order}": row for row in rows if row.order and row.status == 201}
    assert len(by_key) == 246
    assert nonempty_all(
        orders[i]["status"] == "paid" and orders[i]["total_cents"] == row.total for i, row in by_key.items()
    )
    charges: dict[str, list[int]] = {}
    for line in (GOLDEN / "ledger.jsonl").read_text().splitlines():
        charge = json.loads(line)
        charges.setdefault(charge["order_id"].rpartition("-")[2], []).append(charge["amount_cents"])
    amounts = {i.rpartition("-")[2]: order["total_cents"] for i, order in orders.items()}
    assert {n: cents for n, cents in charges.items() if cents != [amounts[n]]} == {
        "40": [amounts["40"] + 1],
        "41": [amounts["41"], amounts["41"]],
    }
    stock = [json.loads(line) for line in (GOLDEN / "stock.jsonl").read_text().splitlines()]
    assert [row["sold"] - (row["preloaded"] - row["quantity"]) for row in stock] == [0, 0, 2]
    assert amounts.keys() == charges.keys()
    zeros = ("lost", "duplicated", "indeterminate", "charged_not_kept", "kept_not_charged")
    none = dict.fromkeys((*zeros, "wrong_customer", "wrong_basket", "stock_without_order"), 0)
    by_name = {"charged_twice": 1, "wrong_amount": 1, "wrong_amount_cents": 1, "oversold": 2, "rpo_s": 0.0}
    unnamed: dict[str, Any] = {
        "two_primaries": None,
        "primaries": [],
        "two_primaries_spans": [],
        "sold_out": 0,
        "asynchronous_s": None,
    }
    assert outcome["audit"] == {"acknowledged": 246, **none, **by_name, **unnamed}


def test_the_customers_are_as_drawn_by_hand(
    outcome: dict[str, Any], rows: list[hand_made_runs.Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of the 18 hurt users reports; if all did, 17 reports would come before the end of the run."""
    effect = outcome["clocks"]["effect"]
    since = effect
    assert hand_made_runs.complaints(rows, 11, since, END, 0.05) == []
    silent = {"first_s": None, "alarm_s": None, "ahead_client_s": None, "ahead_service_s": None}
    no_reports = {"peak": 0, "total": 0, **silent, "curve": {"since": effect, "counts": []}}
    assert outcome["customer_reports"] == no_reports
    monkeypatch.setattr("gameday.analysis.impact.customer_reports.PROBABILITY", 1.0)
    times = hand_made_runs.complaints(rows, 11, since, END, 1.0)
    counts = [sum(int(t - since) == second for t in times) for second in range(int(times[-1] - since) + 1)]
    assert rounded(measure(GOLDEN)["customer_reports"]) == {
        "peak": max(counts),
        "total": 17,
        "first_s": round(times[0] - since, 6),
        "alarm_s": round(times[4] - since, 6),
        "ahead_client_s": round(times[4] - 22.049348, 6),  # EWMA was the first to see it
        "ahead_service_s": None,
        "curve": {"since": effect, "counts": counts},
    }


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def test_the_rest_is_the_journal_s(outcome: dict[str, Any], rows: list[hand_made_runs.Row]) -> None:
    """Verdict, load, lag, fault, changes, operation, alerts, expectations and clean-up are the
    journal's."""
    events = hand_made_runs.events_of(GOLDEN)
    assert (outcome["verdict"], outcome["exit_status"], outcome["reasons"]) == ("pass", 0, [])
    assert outcome["steady_state"] == {"met": True, "why": ""}
    planned = sum(row.planned <= END for row in rows)
    late = sum(row.start - row.planned > 0.05 for row in rows if row.planned <= END)
    assert outcome["load"] == {
        "planned": planned,
        "achieved": planned,
        "late": late,
        "not_sent": 0,
        "attempts": planned,
        "missing": 0,
    }
    assert outcome["lag_p95_s"] == 0.030128
    assert [outcome["run"][key] for key in ("id", "seed", "duration_s", "judged_s")] == [
        "20261120-181547-db79",
        11,
        LAST,
        END,
    ]
    fault = {
        "id": "f1",
        "kind": "bad-deploy",
        "target": "pricing",
        "change": "c1",
        "meaning": None,
        "inject": INJECT,
    }
    assert outcome["faults"] == [
        {**fault, "injected": INJECTED, "reverted": 23.607, "reverted_by": "responder"}
    ]
    changes = [
        (change["id"], change["t"], change["release"], change["done"], change["state"])
        for change in outcome["changes"]
    ]
    assert changes == [
        ("c1", 19.768175, "pricing-1.1.0", 21.178481, "done"),
        ("c2", 22.12404, "pricing-1.0.0", 23.606944, "done"),
    ]
    deed = {"id": "o2", "t": ROLLBACK, "name": "rollback", "target": "pricing", "by": "auto", "done": DONE}
    assert outcome["operations"] == [{**deed, "failed": False, "right": True}]
    raised = [event for event in events if event["kind"] == "alert.raised"]
    alerts = [
        {"t": alert["t"], "id": alert["subject"], **alert["data"], "false_alarm": False, "late": False}
        for alert in raised
    ]
    assert outcome["alerts"] == alerts
    holds = {expectation["expr"]: expectation["holds"] for expectation in outcome["expectations"]}
    assert holds == {"ttd < 5s": True, "ttr < 30s": True, "audit.lost == 0": True}
    assert outcome["cleanup"] == {"clean": True, "left": []}


def test_the_suspect_is_as_counted_by_hand(outcome: dict[str, Any], rows: list[hand_made_runs.Row]) -> None:
    """Its counts are those of the answers that name the release, from its start to the roll-back."""
    (suspect,) = outcome["suspects"]
    begun, until = outcome["changes"][0]["t"], outcome["operations"][-1]["t"]
    named = [
        row for row in rows if begun <= row.planned <= until and suspect["release"] in row.release.split()
    ]
    assert (suspect["change"], suspect["release"]) == ("c1", outcome["changes"][0]["release"])
    assert suspect["odds"] > 0.99
    assert suspect["bad"] >= sum(row.error != 0 for row in named) > 0
    assert suspect["requests"] >= len(named)


def test_no_key_of_the_outcome_is_left_out_here(outcome: dict[str, Any]) -> None:
    """The outcome is as published; unmeasured keys are null; every other key has a figure in a test
    above."""
    jsonschema.Draft202012Validator(outcome_schema()).validate(json.loads(json.dumps(outcome)))
    assert outcome["system"] == {
        "regions": ["us-east", "eu-west"],
        "replication": "async",
        "delay_s": 0.0,
        "guardrails": ["timeouts", "least-privilege"],
    }
    assert outcome["gates"] == []
    answered: dict[str, Any] = {
        "kind": "auto",
        "policy": "rollback-latest-change",
        "reaction_s": None,
        "wrong": 0,
        "notes": [],
    }
    assert outcome["responder"] == {
        **answered,
        "first_right_s": close(ROLLBACK - outcome["clocks"]["effect"]),
    }
    above = {
        "schema",
        "run",
        "verdict",
        "exit_status",
        "reasons",
        "steady_state",
        "load",
        "lag_p95_s",
        "error_s",
    }
    above |= {
        "spacing_s",
        "clocks",
        "limit_s",
        "detection",
        "ended_by",
        "relapses",
        "faults",
        "gates",
        "changes",
        "suspects",
        "canaries",
        "diagnoses",
        "operations",
    }
    assert outcome["alert_lags"] == []  # no alert came from outside
    above |= {
        "alerts",
        "alert_lags",
        "slos",
        "detectors",
        "quiet",
        "impact",
        "audit",
        "customer_reports",
        "system",
        "responder",
    }
    assert outcome["stopped"] is None
    assert outcome["severity"] == 2  # over a quarter of those who bought during the outage were hurt
    above |= {"severity", "expectations", "cleanup", "stopped", "unresolved_pages", "residual", "outages"}
    spans = ("ttd", "ttd_from_inject", "tta", "ttr", "ttfr")
    above |= {f"{span}_{part}" for span in spans for part in ("s", "state", "censored_at")}
    assert set(outcome) == above


def test_the_whole_is_small() -> None:
    """The golden run takes under 300 KB."""
    assert sum(path.stat().st_size for path in GOLDEN.rglob("*")) < 300_000
