"""Hand-made run folders: a journal and one shard, as a run writes them, for timelines computed by
hand.

The load is one request every 50 ms from t = 2 s to 60 s, so that a window of 10 s holds 200 and
every stamp is exact to 50 ms. The steady state is evaluated from 5 s on and reached at 15 s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gameday.recording.journal import Event
from gameday.recording.samples import ErrorKind, ShardWriter, basket_mark

STEP, BEGIN, END = 0.05, 2.0, 60.0
STEADY, MET = 5.0, 15.0
RUN = "20260101-000000-abcd"
HOMES = {"us-east": 1.0, "eu-west": 1.0}
SCENARIO: dict[str, Any] = {
    "apiVersion": "gameday/v1",
    "kind": "Scenario",
    "name": "made-by-hand",
    "title": "A timeline worked out by hand",
    "story": "To pin every clock.",
    "slos": [{"name": "shop", "sli": "availability", "objective": "99%"}],
    "hold": "10s",
    "expect": ["ttr < 30s"],
}


@dataclass
class Request:
    """One request as the shard keeps it; `took` is in seconds from plan to answer."""

    planned: float
    took: float = 0.0
    late: float = 0.0
    journey: str = "buy"
    region: str = "us-east"
    release: str = "pricing-1.0.0"
    error: ErrorKind = ErrorKind.NONE
    correct: int = 1
    user: int = 1
    order: int = 0
    total: int = -1
    answer: int = 200
    primary: str = ""
    items: dict[int, int] | None = None

    @property
    def basket(self) -> int:
        """The mark of the ordered items; 0 without them, as in the shard of an older version."""
        if self.items is None:
            return 0
        return basket_mark(
            json.dumps([{"product": one, "quantity": many} for one, many in self.items.items()])
        )

    @property
    def status(self) -> int:
        return {ErrorKind.STATUS: 500, ErrorKind.NONE: self.answer, ErrorKind.WRONG: 200}.get(self.error, 0)


def steadily(until: float = END, step: float = STEP, begin: float = BEGIN) -> list[Request]:
    """Return good requests planned in the middle of every step, so that clocks, midpoints, are whole steps; users
    count up."""
    count = round((until - begin) / step)
    return [Request(round(begin + (i + 0.5) * step, 6), user=i) for i in range(count)]


def failing(
    requests: Iterable[Request],
    since: float,
    until: float,
    error: ErrorKind = ErrorKind.STATUS,
    which: Callable[[Request], bool] = lambda request: True,
) -> list[Request]:
    """Return the same requests, with those planned in since ≤ t < until failing."""
    requests = list(requests)
    for request in requests:
        if since <= request.planned < until and which(request):
            request.error = error
            request.correct = 0 if error == ErrorKind.WRONG else 2
    return requests


@dataclass
class Story:
    """The events of a run; `begin` and `finish` add the usual ones at its start and end."""

    events: list[Event] = field(default_factory=list)

    def add(self, t: float, kind: str, subject: str = "", /, **data: Any) -> Story:
        self.events.append(Event(t, kind, subject, data))
        return self

    def begin(self, met: bool = True, why: str = "") -> Story:
        self.add(0.0, "run.started", RUN, substrate="process", seed=7, responder="auto", policy=None)
        for region in ("us-east", "eu-west"):
            for number in (1, 2):
                place = {"service": "pricing", "region": region, "release": "pricing-1.0.0"}
                self.add(1.0, "instance.ready", f"{region}.pricing.{number}", **place)
        self.add(2.0, "phase", "warm").add(STEADY, "phase", "steady")
        self.add(MET, "steady", met=met, why=why)
        return self.add(MET, "phase", "fault") if met else self

    def deploy(
        self, t: float, done: float, fault: bool = True, change: str = "c1", service: str = "pricing"
    ) -> Story:
        release = f"{service}-1.1.0"
        if fault:
            target = {"kind": "bad-deploy", "target": service, "change": change, "entry": 0}
            self.add(t, "fault.intended", f"f-{change}", **target).add(done, "fault.injected", f"f-{change}")
        about = {
            "service": service,
            "release": release,
            "kind": "code",
            "by": "timeline",
            "rollback_of": None,
        }
        return self.add(t, "change.started", change, **about).add(done, "change.done", change)

    def calibrated(
        self, slo: str = "shop", n: int = 200, errors: int = 0, p0: float = 0.0025, **more: Any
    ) -> Story:
        """Add the calibration of `slo` at the steady state: 20 outcomes/s, the only stream that pages."""
        about = {"since": STEADY, "n": n, "errors": errors, "p0": p0, "rate": 20.0, "streams": 1}
        return self.add(MET, "stream.calibrated", slo, **about | more)

    def page(
        self, t: float, slo: str = "shop", detector: str = "cusum", pages: bool = True, alert: str = "a1"
    ) -> Story:
        about = {"detector": detector, "side": "client", "pages": pages, "slo": slo, "summary": "errors"}
        self.add(t, "alert.raised", alert, **about)
        return self.add(t + 0.01, "page.delivered", alert) if pages else self

    def rollback(self, t: float, done: float, change: str | None = "c1", operation: str = "o1") -> Story:
        about = {"name": "rollback", "target": "pricing", "by": "auto", "change": change}
        return self.add(t, "operation.intended", operation, **about).add(done, "operation.done", operation)

    def finish(
        self, t: float = END, reason: str = "held", clean: bool = True, left: Iterable[str] = ()
    ) -> Story:
        """End the run; faults that weren't reverted are reverted by the clean-up."""
        self.add(t, "run.ended", reason=reason).add(t, "phase", "down")
        reverted = {event.subject for event in self.events if event.kind == "fault.reverted"}
        for fault in [event.subject for event in self.events if event.kind == "fault.intended"]:
            if fault not in reverted:
                self.add(t + 1, "fault.reverted", fault, by="cleanup")
        return self.add(t + 1, "cleanup", clean=clean, left=list(left)).add(t + 1, "phase", "done")


def row(
    n: int, status: str = "paid", cents: int = 5, items: Mapping[int, int] | None = None
) -> dict[str, Any]:
    """Return Postgres' row of order n, of the user who always buys; `items`: product → quantity."""
    basket = [{"product": product, "quantity": quantity} for product, quantity in (items or {}).items()]
    return {"id": f"{RUN}-{n}", "status": status, "total_cents": cents, "user": 7, "items": basket}


def write(
    folder: Path,
    story: Story,
    requests: Iterable[Request] = (),
    orders: Iterable[Mapping[str, Any]] | None = None,
    ledger: Iterable[tuple[int, int]] | None = None,
    stock: Mapping[int, tuple[int, int]] | None = None,
    **scenario: Any,
) -> Path:
    """Write a run's folder.

    `scenario` overrides keys of SCENARIO. `orders` are rows as from `row`, `ledger`: (n, cents) of
    each charge, `stock`: product → (left of 100, sold).
    """
    (folder / "samples").mkdir(parents=True)
    (folder / "scenario.yaml").write_text(yaml.safe_dump(SCENARIO | scenario), encoding="utf-8")
    events = sorted(story.events, key=lambda event: event.t)
    (folder / "journal.jsonl").write_text("".join(event.line() + "\n" for event in events), encoding="utf-8")
    if orders is not None:
        write_rows(folder / "audit.jsonl", orders)
    if ledger is not None:
        charges = (
            {"order_id": f"{RUN}-{n}", "amount_cents": cents, "charged_at": 1.5} for n, cents in ledger
        )
        write_rows(folder / "ledger.jsonl", charges)
    if stock is not None:
        remaining = (
            {"product": p, "quantity": q, "preloaded": 100, "sold": sold} for p, (q, sold) in stock.items()
        )
        write_rows(folder / "stock.jsonl", remaining)
    (folder / "samples" / "load.json").write_text(
        json.dumps({"begin": None, "regions": HOMES}), encoding="utf-8"
    )
    write_shard(folder / "samples" / "load.shard", requests)
    return folder


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in rows), encoding="utf-8")


def write_shard(path: Path, requests: Iterable[Request]) -> None:
    writer = ShardWriter(path, grow=4096)
    never = float("nan")
    for request in requests:
        unsent = request.error == ErrorKind.NOT_SENT
        names = [
            writer.intern("release", request.release),
            request.status,
            writer.intern("journey", request.journey),
        ]
        start, end = (
            (never, never) if unsent else (request.planned + request.late, request.planned + request.took)
        )
        where = [
            writer.intern("step", "step"),
            writer.intern("region", request.region),
            request.error,
            request.correct,
        ]
        primary = writer.intern("primary", request.primary)
        more = [*names, *where, 1, primary, request.basket]
        writer.append(request.planned, start, end, request.user, request.order, request.total, *more)
    writer.close()
