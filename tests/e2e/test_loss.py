"""Lost orders by the audit, compared with an independent count in SQL."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from gameday.analysis import write_outcome
from gameday.execution import library, wiring
from gameday.execution.system_reuse import SystemReuse, wanted
from gameday.recording.clock import RunClock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import OrdersCollected
from gameday.recording.samples import ErrorKind, read_samples
from gameday.run.interpreter import Interpreter
from gameday.system import postgres_admin
from tests.support.fakes import NoPages, QuietScreen
from tests.support.journals import typed_event

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

BEHIND = """
apiVersion: gameday/v1
kind: Scenario
name: behind
title: The primary's region is lost while no standby can follow
story: Replication is cut a moment before the region is lost, so that acknowledged orders are lost for certain.
system: {regions: [us-east, eu-west], replication: {mode: async, delay: 40ms}}
load: {rate: 60/s, journeys: {buy: 1}}
slos: [{name: checkout, sli: availability, objective: 99%}]
steadyState: {for: 4s}
timeline:
  - {at: 0s, link.down: {link: {from: postgres, to: postgres}}}
  - {at: 1s, region.lose: {region: us-east, volumes: destroy}}
respond: {by: auto, policy: failover-then-rollback}
hold: 4s
giveUp: 40s
expect: [audit.charged_twice == 0]
"""

APART = """
apiVersion: gameday/v1
kind: Scenario
name: apart
title: The primary's region is lost while its standby is 40 ms away
story: Nothing is cut. What was acknowledged in the last moments is on its way when the region goes.
system: {regions: [us-east, eu-west], replication: {mode: async, delay: 40ms}}
load: {rate: 120/s, journeys: {buy: 1}}
slos: [{name: checkout, sli: availability, objective: 99%}]
steadyState: {for: 4s}
timeline:
  - {at: 0s, region.lose: {region: us-east, volumes: destroy}}
respond: {by: auto, policy: failover-then-rollback}
hold: 4s
giveUp: 40s
expect: [audit.charged_twice == 0]
"""


def acknowledged(folder: Path, run: str) -> list[str]:
    """Return the ids of the orders whose checkout was acknowledged to a client, from the samples."""
    records = read_samples(folder / "samples").records
    answered = records[(records["order"] > 0) & (records["error"] == ErrorKind.NONE)]
    return [f"{run}-{number}" for number in answered["order"]]


def played(room: Path, text: str) -> tuple[dict[str, Any], int]:
    """Return the outcome of the scenario, and how many acknowledged orders SQL doesn't find in the
    surviving database."""
    (room / "loss.yaml").write_text(text, encoding="utf-8")
    scenario = library.read(room / "loss.yaml")
    folder = room / f"run-loss-{len(list(room.iterdir()))}"
    for part in ("samples", "logs"):
        (folder / part).mkdir(parents=True)
    (folder / "scenario.yaml").write_text(
        yaml.safe_dump(scenario.document(), sort_keys=False), encoding="utf-8"
    )
    clock, journal, kept = RunClock(), Journal(folder / "journal.jsonl"), SystemReuse()
    settings = wiring.Settings(folder.name, folder, 7, "process")
    journal.append(typed_event(0.0, "run.started", folder.name, {"substrate": "process", "seed": 7}))
    operating = kept.operator(
        wanted(scenario),
        lambda *parts: wiring.operator(scenario, settings, *parts),
        folder / "work",
        journal,
        clock,
        print,
    )
    world = wiring.world(scenario, settings, clock, journal, QuietScreen(), NoPages(), operating, kept.down)
    missing: list[int] = []

    def collect() -> OrdersCollected | None:
        ids = acknowledged(folder, folder.name)
        url = operating.system.database(operating.system.primary())
        known = postgres_admin.query(
            url, "SELECT count(DISTINCT id) FROM orders WHERE status = 'paid' AND id = ANY($1::text[])", ids
        )
        missing.append(len(set(ids)) - int(known))
        return world.collect()

    try:
        Interpreter(dataclasses.replace(world, collect=collect)).run()
    finally:
        kept.close()
        journal.close()
    return write_outcome(folder).document(), missing[0]


def lossy(room: Path, text: str) -> dict[str, Any]:
    """Return the outcome of a run, of at most three, that passed and lost an order; check each
    audit against SQL.

    The number of lost orders is random, and a machine that stalls makes a run inconclusive.
    """
    for _ in range(3):
        outcome, missing = played(room, text)
        assert outcome["audit"]["lost"] == missing
        if outcome["verdict"] != "inconclusive" and missing:
            break
    assert outcome["verdict"] == "pass", outcome["reasons"]
    assert missing > 0
    return outcome


def test_the_lost_orders_are_those_that_sql_does_not_find(room: Path) -> None:
    """Asynchronous replication that is cut a second before the loss loses dozens; both counts are
    equal."""
    outcome = lossy(room, BEHIND)
    assert outcome["audit"]["lost"] > 5
    assert 0.5 < outcome["audit"]["rpo_s"] < 5


@pytest.mark.full
def test_a_distance_alone_loses_orders(room: Path) -> None:
    """Asynchronous replication behind 40 ms loses what is in flight, without any cut; both counts
    are equal."""
    outcome = lossy(room, APART)
    assert 0 < outcome["audit"]["rpo_s"] < 2
