"""Plausible run folders for the tests of reports: journal, samples, scenario, releases and outcome,
all seeded.

`bad_deploy` is the full story; `never_recovered`, `no_effect` and `inconclusive` are its variants.
`text` lets a test put any string into every free-text field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import yaml

from gameday.recording.journal import Event
from gameday.recording.samples import ErrorKind, ShardWriter
from tests.support.journals import write_journal
from tests.support.sample_outcome import CLOCKS, REQUIRED, Text, outcome_of

REGIONS = ("us-east", "eu-west")
JOURNEYS = ("browse", "browse", "browse", "browse", "browse", "browse", "buy", "buy", "login", "history")
FIRST, LAST, RATE = 3.0, 48.0, 60
PATCH = """\
--- a/storefront/pricing.py
+++ b/storefront/pricing.py
@@ -31,9 +31,12 @@ def price(product: Product) -> int:
     \"\"\"Cents that the product costs now.\"\"\"
-    discount = product.list_cents * product.discount_bp
-    return product.list_cents - (discount + 5000) // 10000
+    # Tiered discounts: look the tier up by the product's discount.
+    tier = TIERS[product.discount_bp // 250]
+    discount = product.list_cents * tier.basis_points
+    return product.list_cents - (discount + 5000) // 10000


 async def quote(request: Request) -> JSONResponse:
"""


def plain(value: str) -> str:
    return value


def _samples(folder: Path, bad: tuple[float, float] | None, seed: int) -> dict[str, int]:
    """Write one shard; return {requests, failed, users, affected}. Within `bad`, pricing 1.1.0 fails."""
    folder.mkdir()
    random, writer = Random(seed), ShardWriter(folder / "worker-0.shard", grow=4096)
    n, failed, users, affected = 0, 0, set(), set()
    while (planned := FIRST + n / RATE) < LAST:
        n += 1
        journey, region, user = random.choice(JOURNEYS), random.choice(REGIONS), random.randrange(1, 900)
        faulty = bad is not None and bad[0] <= planned < bad[1] and journey in ("browse", "buy")
        version = (
            "1.1.0" if bad is not None and bad[0] <= planned < bad[1] and random.random() < 0.95 else "1.0.0"
        )
        broken = faulty and version == "1.1.0" and random.random() < 0.26
        timed_out = broken and random.random() < 0.1
        took = 2.0 if timed_out else (0.012 if journey != "buy" else 0.03) * random.lognormvariate(0, 0.4)
        error = ErrorKind.TIMEOUT if timed_out else ErrorKind.STATUS if broken else ErrorKind.NONE
        release = f"gateway-1.0.0 pricing-{version}"
        writer.append(
            planned,
            planned + 0.001,
            planned + took,
            user,
            n if journey == "buy" else 0,
            1999 if journey == "buy" and not broken else -1,
            writer.intern(
                "release", "" if timed_out else release if journey in ("browse", "buy") else "gateway-1.0.0"
            ),
            0 if timed_out else 502 if broken else 200,
            writer.intern("journey", journey),
            writer.intern("step", journey),
            writer.intern("region", "" if timed_out else region),
            error,
            2 if broken else 1,
        )
        users.add(user)
        if broken:
            failed += 1
            affected.add(user)
    writer.close()
    return {"requests": n, "failed": failed, "users": len(users), "affected": len(affected)}


def _scenario(text: Text) -> dict[str, Any]:
    return {
        "apiVersion": "gameday/v1",
        "kind": "Scenario",
        "name": "bad-deploy-pricing",
        "title": text("A pricing change breaks checkout in every region"),
        "story": text(
            "A reviewer approves a small refactoring of the discount code late on a Friday. It passes its tests: "
            "no test has a product with the largest discount.\n\nEvery region gets it at once."
        ),
        "hypothesis": text(
            "The page goes out within five seconds, and the automatic rollback ends the outage within thirty."
        ),
        "owner": {"role": text("Checkout on-call"), "contact": text("#checkout-oncall")},
        "runbook": text("https://runbooks.example.com/pricing-rollback"),
        "tags": ["bad-deploy", text("ci")],
        "slos": [
            {
                "name": "checkout",
                "journey": "buy",
                "sli": "availability",
                "objective": "99.5%",
                "window": "10s",
            },
            {
                "name": "browse-speed",
                "journey": "browse",
                "sli": "latency",
                "under": "300ms",
                "objective": "99%",
            },
            {"name": "prices", "sli": "correctness", "objective": "99.9%"},
        ],
        "expect": ["ttd < 5s", "ttr < 30s"],
    }


def _release(text: Text) -> dict[str, Any]:
    return {
        "service": "pricing",
        "version": "1.1.0",
        "kind": "code",
        "summary": text("Tiered discounts for the winter sale"),
        "author": {"role": text("Backend engineer"), "level": text("senior")},
        "ai": {
            "tool": text("code assistant"),
            "model": text("large-2"),
            "prompt": text("Make the discount tiers a table"),
        },
        "approvals": [text("Pricing lead")],
        "reversible": True,
    }


def _events(text: Text, recovered: bool) -> list[Event]:
    change = {
        "service": "pricing",
        "release": "pricing-1.1.0",
        "previous": "pricing-1.0.0",
        "strategy": "all-at-once",
    }
    release = {key: value for key, value in _release(text).items() if key not in ("service", "version")}
    started: dict[str, Any] = {
        "scenario": "bad-deploy-pricing",
        "title": text("A pricing change breaks checkout in every region"),
    }
    started |= {
        "substrate": "process",
        "why": text("no Docker engine answers"),
        "seed": 7,
        "version": "0.1.0",
    }
    started |= {
        "started": "2026-11-20T17:22:05.250000+00:00",
        "host": text("build-7"),
        "responder": "auto",
        "policy": "rollback-latest-change",
    }
    command = text("gameday run bad-deploy-pricing --substrate process --seed 7")
    events = [
        Event(0.0, "run.started", "20261120-172205-bad", {**started, "command": command}),
        Event(0.1, "phase", "up"),
        *(
            Event(1.8 + i / 50, "instance.ready", f"{r}.{s}.1", {"service": s, "region": r, "release": f"{s}-1.0.0"})
            for i, (r, s) in enumerate((r, s) for r in REGIONS for s in ("gateway", "catalog", "pricing", "checkout"))
        ),
        Event(3.0, "load.started", "", {"planned_rate": 60}),
        *(Event(3.0 + i, "poll", "worker-0", {"shard": "worker-0", "count": 60 * i}) for i in range(10)),
        Event(9.0, "change.started", "c0", {**change, "service": "catalog", "release": "catalog-1.1.0",
            "previous": "catalog-1.0.0", "kind": "code", "summary": text("Longer descriptions"), "by": "timeline"}),
        Event(10.2, "change.done", "c0"),
        Event(13.9, "steady", "", {"met": True, "why": "every SLO held", "n": 654, "errors": {"checkout": 0}}),
        Event(14.2, "fault.intended", "f1", {"kind": "bad-deploy", "target": "pricing", "entry": 0, "change": "c1",
            "defect": text("The largest discount has no tier, so the price of those products raises an error")}),
        Event(14.2, "change.started", "c1", {**change, **release, "by": "timeline"}),
        Event(14.6, "change.replaced", "c1", {"instance": "us-east.pricing.3", "release": "pricing-1.1.0"}),
        Event(14.93, "change.done", "c1"),
        Event(14.93, "fault.injected", "f1"),
        Event(15.39, "alert.raised", "a1", {"detector": "cusum", "side": "client", "pages": True, "slo": "checkout",
            "region": "us-east", "journey": "buy", "summary": text("checkout: 6 of 14 requests failed")}),
        Event(15.41, "page.delivered", "a1"),
        Event(16.8, "alert.raised", "a2", {"detector": "threshold", "side": "client", "pages": False, "slo": "checkout",
            "region": None, "journey": "buy", "summary": text("checkout: over 1 % for 2 s")}),
    ]  # fmt: skip
    if recovered:
        events += [
            Event(15.44, "ack", "a1", {"by": "auto"}),
            Event(15.44, "operation.intended", "o1", {"name": "rollback", "target": "pricing", "by": "auto",
                "change": "c1"}),
            Event(15.45, "change.started", "c2", {"service": "pricing", "release": "pricing-1.0.0",
                "previous": "pricing-1.1.0", "by": "auto", "rollback_of": "c1", "strategy": "all-at-once"}),
            Event(19.52, "change.done", "c2"),
            Event(19.52, "operation.done", "o1"),
            Event(20.1, "alert.resolved", "a1"),
        ]  # fmt: skip
    ended = {"reason": "held" if recovered else "give_up"}
    return [
        *events,
        Event(50.2, "cleanup", "", {"clean": True, "left": []}),
        Event(50.3, "run.ended", "", ended),
    ]


def _write(folder: Path, outcome: Mapping[str, Any], events: list[Event], text: Text) -> Path:
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
    write_journal(folder / "journal.jsonl", events)
    (folder / "scenario.yaml").write_text(
        yaml.safe_dump(_scenario(text), allow_unicode=True), encoding="utf-8"
    )
    (folder / "releases").mkdir()
    release = yaml.safe_dump(_release(text), allow_unicode=True)
    (folder / "releases" / "pricing-1.1.0.yaml").write_text(release, encoding="utf-8")
    (folder / "releases" / "pricing-1.1.0.patch").write_text(
        PATCH + text(" unchanged") + "\n", encoding="utf-8"
    )
    return folder


def bad_deploy(folder: Path, text: Text = plain) -> Path:
    """Write a run in which a fifth of the requests to pricing fail from 14.3 s to 19.6 s;
    automation rolls back; the run passed."""
    folder.mkdir()
    n = _samples(folder / "samples", (14.3, 19.6), 7)
    return _write(folder, outcome_of(text, n), _events(text, True), text)


def never_recovered(folder: Path, text: Text = plain) -> Path:
    """Write a run without any operation, given up and failed."""
    folder.mkdir()
    outcome = outcome_of(text, _samples(folder / "samples", (14.3, LAST), 8))
    missing = ("ack", "act", "acted", "recovered", "restored")
    outcome["clocks"] |= dict.fromkeys(missing)
    for key, after in (("tta", 48.0), ("ttr", 48.0), ("ttfr", 48.0)):
        outcome |= {f"{key}_s": None, f"{key}_state": "censored", f"{key}_censored_at": after}
    outcome |= {"verdict": "fail", "exit_status": 1, "ended_by": None, "operations": []}
    outcome["reasons"] = [
        text("Users were not well again when the run gave up, 60 s after the last timeline entry.")
    ]
    outcome["expectations"][1] = {"expr": "ttr < 30s", "holds": False, "values": {"ttr": None}}
    outcome["slos"][0] |= {"recovered": None}
    return _write(folder, outcome, _events(text, False), text)


def no_effect(folder: Path, text: Text = plain) -> Path:
    """Write a run whose fault had no effect: no clock after the injection, hence inconclusive."""
    folder.mkdir()
    outcome = outcome_of(text, _samples(folder / "samples", None, 9))
    outcome["clocks"] = dict.fromkeys(CLOCKS) | {"inject": 14.2, "injected": 14.93}
    zeros = dict.fromkeys(("requests", "failed", "failed_ratio", "users", "users_affected_ratio"), 0)
    outcome["impact"] = {**zeros, "regions": {}, "journeys": {}, "releases": {}, "error_budget_spent": 0.0}
    outcome |= {"error_s": nulls(outcome["error_s"]), "spacing_s": nulls(outcome["spacing_s"])}
    outcome |= {"detection": nulls(outcome["detection"]), "limit_s": None}
    outcome["quiet"] |= {"until": 48.0, "seconds": 44.1, "bound_per_hour": 244.55}
    for key in ("ttd", "ttd_from_inject", "tta", "ttr", "ttfr"):
        outcome |= {f"{key}_s": None, f"{key}_state": "no_effect"}
    outcome |= {"verdict": "inconclusive", "exit_status": 3, "ended_by": None, "alerts": [], "operations": []}
    outcome["reasons"] = [text("The fault had no effect, so the expectations on TTD and TTR are unknown.")]
    outcome["expectations"] = [
        {"expr": expr, "holds": None, "values": {}} for expr in ("ttd < 5s", "ttr < 30s")
    ]
    kept = ("alert.raised", "page.delivered", "ack", "operation.intended", "operation.done", "alert.resolved")
    return _write(folder, outcome, [event for event in _events(text, True) if event.kind not in kept], text)


def nulls(value: Any) -> Any:
    """Return the same keys with null for every leaf."""
    if isinstance(value, dict):
        return {key: nulls(inner) for key, inner in value.items()}
    return [] if isinstance(value, list) else None


def inconclusive(folder: Path) -> Path:
    """Write an outcome with every key and hardly a value, no samples, no releases, and a journal
    that ends at once."""
    folder.mkdir()
    outcome = nulls(outcome_of(plain, {"requests": 1, "failed": 0, "users": 1, "affected": 0}))
    outcome["customer_reports"] |= {"curve": None}
    outcome |= {**REQUIRED, "reasons": ["The steady state was not met."]}
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
    return folder
