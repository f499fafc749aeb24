"""Disks that fill up: of a run, which is torn down with all samples readable; of a database under test."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import pytest

from gameday.execution import library, wiring
from gameday.faults.standing_faults import StandingFaults
from gameday.ports import Arena, Disks, Load, PortError
from gameday.recording.clock import RunClock
from gameday.recording.journal import Journal, read_journal
from gameday.recording.samples import read_samples
from gameday.system import postgres_admin
from tests.support.running_gameday import QUICK, ended, reached, under_way
from tests.support.small_disk import fill, small_disk
from tests.support.whole_runs import GAMEDAY, processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
ROOM = 600 * 2**20
BOUND_S = 60.0
SAYS = "No space left on device; free some space there, or name a folder on another disk with --out"


@contextmanager
def kept_full(disk: Path) -> Iterator[None]:
    """Take all space that becomes free while the block runs, like an endless writer."""
    over = threading.Event()

    def take() -> None:
        with (disk / "more").open("ab", buffering=0) as file:
            while not over.wait(0.002):
                with suppress(OSError):
                    file.write(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.full
def test_a_disk_that_is_full_for_a_while(room: Path) -> None:
    """The run ends in time as an error that names a file and says what to do; the teardown makes
    room for the rest."""
    with small_disk(room / "disk", ROOM) as disk:
        out = disk / "runs"
        with under_way(out, "bad-deploy-pricing", *QUICK) as process:
            reached(process, out, "steady")
            fill(disk)
            begun = time.monotonic()
            run = ended(process, out)
        assert time.monotonic() - begun < BOUND_S
        assert run.status == 4
        assert SAYS in "".join(run.outcome["reasons"])
        assert str(run.folder) in "".join(run.outcome["reasons"])
        assert "Traceback" not in run.printed
        assert len(read_samples(run.folder / "samples").records) > 50
        assert [event.subject for event in run.events("phase")][-1] == "done"


@pytest.mark.full
def test_a_disk_that_stays_full(room: Path) -> None:
    """No report is written; the error has the command for it, which works once there is room."""
    with small_disk(room / "disk", ROOM) as disk:
        out = disk / "runs"
        with under_way(out, "bad-deploy-pricing", *QUICK) as process:
            name = reached(process, out, "steady")
            filler = fill(disk)
            begun = time.monotonic()
            with kept_full(disk):
                printed, _ = process.communicate(timeout=BOUND_S)
        print(printed)  # noqa: T201  (shown if the test fails)
        assert time.monotonic() - begun < BOUND_S
        assert process.returncode == 4
        assert SAYS in printed
        assert f"then: gameday heal {out / name} && gameday report {out / name}" in printed
        assert "Traceback" not in printed
        assert processes_of(name) == []
        assert list(read_journal(out / name / "journal.jsonl"))
        assert len(read_samples(out / name / "samples").records) > 50
        filler.unlink()
        (disk / "more").unlink()
        for word in ("heal", "report"):
            subprocess.run([*GAMEDAY, word, str(out / name)], timeout=60, check=True)
        assert (out / name / "report.html").stat().st_size > 20_000


SCENARIO = """
apiVersion: gameday/v1
kind: Scenario
name: disk-full
title: The database's disk is full
story: Nobody watched its growth.
slos: [{name: checkout, journey: buy, sli: availability, objective: 99%}]
timeline: [{at: 0s, database.disk: {for: 5s}}]
expect: [ttr < 60s]
"""


@pytest.mark.full
def test_a_full_disk_of_a_database(room: Path) -> None:
    """Inserts fail for want of space while what is there can be read; once space is free they succeed again."""
    path = room / "disk-full.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    scenario = library.read(path)
    settings = wiring.Settings("run-of-disk", room / "run-of-disk", 1, "process")
    settings.folder.mkdir()
    journal = Journal(settings.folder / "journal.jsonl")
    deployer = wiring.operator(scenario, settings, journal, RunClock())
    system = deployer.system
    try:
        system.bring_up()
        if not cast(Disks, system.substrate).has_disk("us-east", "postgres"):
            give_up = pytest.fail if os.environ.get("GAMEDAY_REQUIRE_MOUNT") else pytest.skip
            give_up("mounting isn't allowed here")
        fault = scenario.timeline[0].spec.bind(Arena(system, cast(Load, None), StandingFaults()))
        assert "file system of its own, which is full" in fault.meaning
        assert postgres_admin.query(system.database("us-east"), GROW) == 0
        fault.inject(lambda seconds: True)
        with pytest.raises(PortError, match=r"DiskFull|No space left|[Cc]onnect"):
            grow(system.database("us-east"), 200)
        fault.revert()
        assert postgres_admin.query(system.database("us-east"), GROW) == 0
        assert int(postgres_admin.query(system.database("us-east"), "SELECT count(*) FROM orders")) >= 200_000
    finally:
        left = deployer.take_down()
        journal.close()
    assert left == []
    assert not (settings.folder / "work").exists()


GROW = """
    WITH grown AS (
        INSERT INTO orders (id, user_id, status, total_cents, placed_at, region, items, contact)
        SELECT 'grow-' || gen_random_uuid(), 1, 'paid', 1, now(), 'us-east', '[]',
               json_build_object('filler', repeat(md5(random()::text), 200))
        FROM generate_series(1, 200)
    ) SELECT 0
"""


def grow(url: str, times: int) -> None:
    """Insert 200 orders of 6 kB, so many times."""
    for _ in range(times):
        postgres_admin.query(url, GROW)
