"""Checks of a run's orders for `benchmarks/orders.py`, which know nothing of the shop.

They read the run's own records: the clients' answers (samples), the dump of the orders and of the stock by SQL, the
third party's ledger, and the journal. They share no code with the audit, whose figures they check as well.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gameday.recording.samples import read_samples

GOOD = ("NONE", "WRONG")
ERRORS = ("NONE", "STATUS", "TIMEOUT", "CONNECTION", "WRONG", "NOT_SENT")
QUEUED = 202
SHOWN = 3
"""How many orders a violation names."""
ENDED = ("operation.done", "operation.failed")
FORGIVEN_ASYNC = ("lost", "charged, not kept")
"""What asynchronous replication promises nothing about."""


@dataclass(frozen=True)
class Answer:
    """What the client of an order was answered last: times in seconds, status 0 without an answer, cents or -1."""

    order: int
    start: float
    end: float
    status: int
    cents: int
    good: bool
    primary: str

    @property
    def acknowledged(self) -> bool:
        return self.good and self.status // 100 == 2


@dataclass(frozen=True)
class Violation:
    """A promise that was broken: its kind, how often, and the first cases."""

    kind: str
    times: int
    cases: tuple[str, ...] = ()

    def words(self) -> str:
        return f"{self.kind} ×{self.times}" + (f" ({', '.join(self.cases)})" if self.cases else "")


@dataclass
class Checked:
    """The result for one run. `forgiven` is what its mode promises nothing about."""

    orders: int = 0
    acknowledged: int = 0
    kept: int = 0
    charged: int = 0
    pending: int = 0
    operations: list[str] = field(default_factory=list)
    """Each operation that was carried out, and how it ended."""
    audited: bool = False
    why: str = ""
    violations: list[Violation] = field(default_factory=list)
    forgiven: list[Violation] = field(default_factory=list)


def check(folder: Path, mode: str) -> Checked:
    """Check the run in `folder`. A run whose orders couldn't be collected is not `audited`."""
    run, outcome = folder.name, json.loads((folder / "outcome.json").read_text())
    answers = list(_answers(folder / "samples"))
    result = Checked(len(answers), sum(answer.acknowledged for answer in answers))
    result.why = "; ".join(outcome["reasons"]) if outcome["verdict"] == "error" else ""
    result.operations = list(_operations(folder / "journal.jsonl"))
    found = [two_primaries(answers)]
    paths = [folder / name for name in ("audit.jsonl", "ledger.jsonl", "stock.jsonl")]
    if all(path.is_file() for path in paths):
        result.audited = True
        rows, charges, stock = (list(_rows(path)) for path in paths)
        kept = {_number(row["id"], run): row for row in rows}
        charged = _by_order(charges, run)
        result.kept = sum(row["status"] == "paid" for row in rows)
        result.pending = sum(row["status"] == "pending" for row in rows)
        result.charged = len(charged)
        lost = _lost(answers, kept)
        found += [lost, *_histories(answers, kept, charged), *_stock(stock)]
        found += _audit(outcome["audit"], lost, charged, result.acknowledged)
    for violation in found:
        if violation.times:
            forgiven = mode == "async" and violation.kind in FORGIVEN_ASYNC
            (result.forgiven if forgiven else result.violations).append(violation)
    return result


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    yield from (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def _operations(journal: Path) -> Iterator[str]:
    """Yield `promote eu-west failed` for each operation of the journal; `running` if the run ended before it."""
    events = list(_rows(journal))
    ended = {event["subject"]: event["kind"] for event in events if event["kind"] in ENDED}
    for event in events:
        if event["kind"] == "operation.intended":
            state = ended.get(event["subject"], "operation.running").removeprefix("operation.")
            yield " ".join(word for word in (event["data"]["name"], event["data"]["target"], state) if word)


def _number(order: str, run: str) -> int:
    """Return n of the order id `<run>-<n>`; -1 for an id of another form, which no client sent."""
    name = order.removeprefix(f"{run}-")
    return int(name) if name.isdecimal() else -1


def _by_order(charges: Sequence[Mapping[str, Any]], run: str) -> Mapping[int, list[int]]:
    """Return n → the amounts of its charges."""
    charged = defaultdict(list)
    for charge in charges:
        charged[_number(charge["order_id"], run)].append(int(charge["amount_cents"]))
    return charged


def _answers(folder: Path) -> Iterator[Answer]:
    samples = read_samples(folder)
    records = np.asarray(samples.records)
    primaries: Sequence[str] = getattr(samples, "primaries", ())
    for row in records[records["order"] > 0]:
        error = ERRORS[int(row["error"])]
        primary = primaries[int(row["primary"])] if primaries else ""
        yield Answer(
            int(row["order"]),
            float(row["start"]),
            float(row["end"]),
            int(row["status"]),
            int(row["total"]),
            error in GOOD,
            primary,
        )


def _violation(kind: str, cases: Sequence[object]) -> Violation:
    return Violation(kind, len(cases), tuple(str(case) for case in cases[:SHOWN]))


def _lost(answers: Sequence[Answer], kept: Mapping[int, Mapping[str, Any]]) -> Violation:
    """An acknowledged order is paid in the dump; one that was answered as queued may be pending."""
    lost = []
    for answer in answers:
        status = kept.get(answer.order, {}).get("status")
        held = status == "paid" or (status == "pending" and answer.status == QUEUED)
        if answer.acknowledged and not held:
            lost.append(
                f"{answer.order} at {answer.end:.2f} s via {answer.primary or '?'}: {status or 'gone'}"
            )
    return _violation("lost", lost)


def _histories(
    answers: Sequence[Answer], kept: Mapping[int, Mapping[str, Any]], charged: Mapping[int, list[int]]
) -> Iterator[Violation]:
    """Each order is sent, charged once, kept once, and its amount is the same everywhere."""
    sent = {answer.order: answer for answer in answers}
    status = {order: row["status"] for order, row in kept.items()}
    yield _violation("charged twice", [order for order, amounts in charged.items() if len(amounts) > 1])
    yield _violation("charged, not kept", [n for n in charged if status.get(n) not in ("paid", "pending")])
    yield _violation(
        "kept, not charged", [n for n, state in status.items() if state == "paid" and n not in charged]
    )
    yield _violation("never sent", [order for order in (*kept, *charged) if order not in sent])
    wrong = []
    for order, row in kept.items():
        amounts = {int(row["total_cents"]), *charged.get(order, ())}
        if order in sent and sent[order].acknowledged and sent[order].cents >= 0:
            amounts.add(sent[order].cents)
        if len(amounts) > 1:
            wrong.append(f"{order}: {sorted(amounts)}")
    yield _violation("wrong amount", wrong)


def _stock(stock: Sequence[Mapping[str, Any]]) -> Iterator[Violation]:
    """Every unit that left the stock belongs to one valid order, and the other way round."""
    taken = {row["product"]: row["preloaded"] - row["quantity"] - row["sold"] for row in stock}
    yield _violation("sold, not taken from stock", [f"product {p}: {-n}" for p, n in taken.items() if n < 0])
    yield _violation(
        "taken from stock for no order", [f"product {p}: {n}" for p, n in taken.items() if n > 0]
    )


def _audit(
    audit: Mapping[str, Any], lost: Violation, charged: Mapping[int, list[int]], acknowledged: int
) -> Iterator[Violation]:
    """The audit counts what this module counts."""
    own = {
        "acknowledged": acknowledged,
        "lost": lost.times,
        "charged_twice": sum(len(amounts) > 1 for amounts in charged.values()),
    }
    differs = [f"{key}: {audit[key]}, counted {value}" for key, value in own.items() if audit[key] != value]
    yield _violation("the audit differs", differs if acknowledged else [])


def two_primaries(answers: Sequence[Answer]) -> Violation:
    """Two primaries acknowledged in turn if one was certainly before *and* certainly after another.

    An acknowledgement is certainly before another one if it ended before the other began. A primary has a name of its
    own each time that it is promoted, so its acknowledgements are one stretch of time.
    """
    stretches: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.acknowledged and answer.primary:
            stretches[answer.primary].append(answer)
    names, both = sorted(stretches), []
    bounds = {
        name: (min(a.end for a in acks), max(a.start for a in acks)) for name, acks in stretches.items()
    }
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            (first, last), (other_first, other_last) = bounds[one], bounds[other]
            if first < other_last and other_first < last:
                begin, end = max(first, other_first), min(last, other_last)
                both.append(f"{one} and {other} from {begin:.2f} to {end:.2f} s")
    return _violation("two primaries", both)


def tally(results: Sequence[Checked]) -> Counter[str]:
    """Count the runs with each kind of violation."""
    return Counter(violation.kind for result in results for violation in result.violations)
