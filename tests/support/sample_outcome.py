"""The outcome of the sample run, with every key that an outcome.json has, and outcomes of only a few keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.time_models import DURATIONS

Text = Callable[[str], str]
"""What is done to each text that people write."""

CLOCKS = {
    "inject": 14.2,
    "injected": 14.93,
    "effect": 14.31,
    "detect": 15.39,
    "paged": 15.41,
    "ack": 15.44,
    "act": 15.44,
    "acted": 19.52,
    "recovered": 19.63,
    "restored": 19.9,
}

UNMEASURED: Mapping[str, Any] = {f"{name}_state": "not_measured" for name in DURATIONS}
REQUIRED: Mapping[str, Any] = {
    "schema": "gameday/outcome/v1",
    "run": {"id": "20261120-172205-bad", "scenario": "bad-deploy-pricing"},
    "verdict": "inconclusive",
    "exit_status": 3,
    **UNMEASURED,
}
"""The keys without which a file isn't an outcome."""


def sparse_outcome(**known: Any) -> Outcome:
    """Return an outcome of these keys; whatever else the model requires is unknown."""
    return Outcome.model_validate({**REQUIRED, **known})


def changed_outcome(outcome: Outcome, **changed: Any) -> Outcome:
    """Return an outcome with these keys in place of its own."""
    return Outcome.model_validate({**outcome.document(), **changed})


def outcome_of(text: Text, n: Mapping[str, int]) -> dict[str, Any]:
    """Return the outcome of a passed run; `n` holds the counts of the samples: requests, failed,
    users, affected."""
    return {
        "schema": "gameday/outcome/v1",
        "run": {"id": "20261120-172205-bad", "scenario": "bad-deploy-pricing", "substrate": "process", "seed": 7,
            "started": "2026-11-20T17:22:05.250000+00:00", "duration_s": 50.31, "version": "0.1.0",
            "host": text("build-7")},
        "verdict": "pass", "exit_status": 0, "reasons": [text("Every expectation held.")],
        "steady_state": {"met": True, "why": text("every SLO held for 10 s")},
        "load": {"planned": 2700, "achieved": 2700, "late": 1, "not_sent": 0, "missing": 0},
        "lag_p95_s": 0.031, "error_s": {"effect": 0.28, "recovered": 0.29, "ttd": 0.28, "ttr": 0.57},
        "spacing_s": {"effect": 0.24, "recovered": 0.24},
        "clocks": dict(CLOCKS),
        "ttd_s": 1.08, "ttd_state": "measured", "ttd_censored_at": None,
        "ttd_from_inject_s": 1.19, "ttd_from_inject_state": "measured", "ttd_from_inject_censored_at": None,
        "tta_s": 0.05, "tta_state": "measured", "tta_censored_at": None,
        "ttr_s": 5.32, "ttr_state": "measured", "ttr_censored_at": None,
        "ttfr_s": 5.59, "ttfr_state": "measured", "ttfr_censored_at": None,
        "limit_s": 0.61,
        "detection": {"slo": text("checkout"), "rate": 48.2, "n": 506, "errors": 1, "p0": 0.003, "p0_upper": 0.0093,
            "p1": 0.26, "limit_s": 0.61, "limit_at_upper_s": 0.93, "ratio": 1.77, "streams": 4, "arl_s": 2592000.0},
        "ended_by": "responder", "relapses": [],
        "faults": [{"kind": "bad-deploy", "target": "pricing", "inject": 14.2, "injected": 14.93, "reverted": 19.52}],
        "changes": [{"t": 14.2, "kind": "code", "service": "pricing", "release": "pricing-1.1.0", "by": "timeline",
            "ai": {"tool": "code assistant", "model": "large-2"}, "approvals": ["Pricing lead"]}],
        "operations": [{"t": 15.44, "name": "rollback", "target": text("pricing"), "by": "auto", "done": 19.52,
            "right": True}],
        "alerts": [
            {"t": 15.39, "detector": "cusum", "pages": True, "slo": "checkout", "region": "us-east", "journey": "buy",
                "summary": text("checkout: 6 of 14 requests failed")},
            {"t": 16.8, "detector": "threshold", "pages": False, "slo": "checkout", "region": None, "journey": "buy",
                "summary": text("checkout: over 1 % for 2 s")}],
        "slos": [
            {"name": "checkout", "verdict": "breach", "effect": 14.31, "detect": 15.39, "recovered": 19.63,
                "breached_s": 13.4, "budget_spent": 4.8},
            {"name": "browse-speed", "verdict": "ok", "effect": None, "detect": None, "recovered": None,
                "breached_s": 0.0, "budget_spent": 0.31},
            {"name": "prices", "verdict": "ok", "effect": None, "detect": None, "recovered": None,
                "breached_s": 0.0, "budget_spent": 0.0}],
        "detectors": {
            "cusum": {"side": "client", "ttd_s": 1.08, "false_alarms": 0, "limit_ratio": 1.77},
            "threshold": {"side": "client", "ttd_s": 2.49, "false_alarms": 0, "limit_ratio": 4.08},
            "scrape": {"side": "service", "ttd_s": None, "false_alarms": 0, "limit_ratio": None}},
        "quiet": {"since": 3.9, "until": 14.2, "seconds": 10.3, "pages": 0, "per_hour": 0.0, "bound_per_hour": 1047.05,
            "detectors": {"cusum": {"alarms": 0, "per_hour": 0.0, "bound_per_hour": 1047.05},
                "threshold": {"alarms": 1, "per_hour": 349.5, "bound_per_hour": 1658.1}}},
        "impact": {"requests": n["requests"], "failed": n["failed"], "failed_ratio": n["failed"] / n["requests"],
            "hurt_s": 7.28, "user_hurt_s": {"median": 0.02, "p95": 2.0, "longest": 4.11},
            "users": n["affected"], "users_affected_ratio": n["affected"] / n["users"],
            "blast": [
                {"region": region, "journey": journey, "requests": 80, "failed": failed, "failed_ratio": failed / 80,
                    "hurt_s": 5.1 if failed else 0.0}
                for region, journey, failed in (("eu-west", "browse", 19), ("eu-west", "buy", 6),
                    ("us-east", "browse", 18), ("us-east", "login", 0))],
            "budgets": {"checkout": 4.8, "browse-speed": 0.2, "prices": 0.0},
            "served": {"us-east": {"requests": 2700, "failed": 0, "failed_ratio": 0.0, "hurt_s": 0.0}},
            "regions": {"us-east": {"requests": 1352, "failed": 24, "failed_ratio": 24 / 1352},
                "eu-west": {"requests": 1348, "failed": 25, "failed_ratio": 25 / 1348}},
            "journeys": {"browse": {"requests": 1620, "failed": 37, "failed_ratio": 37 / 1620},
                "buy": {"requests": 540, "failed": 12, "failed_ratio": 12 / 540}},
            "releases": {"gateway-1.0.0 pricing-1.1.0": {"requests": 240, "failed": 49, "failed_ratio": 49 / 240},
                "gateway-1.0.0": {"requests": 60, "failed": 0, "failed_ratio": 0.0},
                "gateway-1.0.0 pricing-1.0.0": {"requests": 16, "failed": 0, "failed_ratio": 0.0}},
            "error_budget_spent": 4.8},
        "audit": {"acknowledged": 531, "lost": 0, "duplicated": 0, "charged_twice": 0, "oversold": None,
            "wrong_amount": 1, "wrong_amount_cents": 150, "indeterminate": 2, "charged_not_kept": 0, "rpo_s": 0.0,
            "kept_not_charged": 0, "wrong_customer": 0, "wrong_basket": 0, "stock_without_order": 0},
        "customer_reports": {"peak": 2, "total": 7, "first_s": 1.9, "alarm_s": 4.25, "ahead_client_s": 3.17,
            "ahead_service_s": None, "curve": {"since": 14.31, "counts": [0, 1, 0, 2, 2, 1, 0, 1]}},
        "system": {"regions": ["us-east", "eu-west"], "replication": "async", "delay_s": 0.04,
            "guardrails": ["timeouts", "breaker"]},
        "responder": {"kind": "auto", "policy": "rollback-latest-change"},
        "expectations": [{"expr": text("ttd < 5s"), "holds": True, "values": {"ttd": 1.08}},
            {"expr": text("ttr < 30s"), "holds": True, "values": {"ttr": 5.32}}],
        "cleanup": {"clean": True, "left": []},
    }  # fmt: skip
