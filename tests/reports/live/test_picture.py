"""The picture of a moment is the same while a run is in progress and in its replay."""

import itertools
import shutil
from pathlib import Path

import pytest

from gameday.recording.journal import read_journal
from gameday.recording.journal_events import JournalEvent, from_event
from gameday.recording.samples import Samples, read_samples
from gameday.scenario import read_resolved
from gameday_reports.live.page_parts import parts
from gameday_reports.live.picture import Picture, SampleFollower
from gameday_reports.live.role_view import ROLES, About, Room
from tests.support.films import film
from tests.support.paths import GOLDEN

ABOUT = About(title="the secret title", hypothesis="the secret hypothesis")
MOMENTS = (8.0, 20.5, 22.5, 24.0, 30.5, 36.0)


def test_a_moment_looks_alike_live_and_in_the_replay() -> None:
    """Fed event by event and record by record, as in a run, the parts of every role's page are those of the replay."""
    events = [from_event(event) for event in read_journal(GOLDEN / "journal.jsonl")]
    waiting = [event for event in events if isinstance(event, JournalEvent)]
    times = list(itertools.accumulate((event.t for event in waiting), max))
    samples = read_samples(GOLDEN / "samples")
    records = samples.records[:]
    replay = film()
    live = Picture(replay.picture.layout, read_resolved(GOLDEN / "scenario.yaml").slos)
    known = 0.0
    compared = 0
    for step in range(1, 75):
        now = step * 0.5 + 0.13
        due = [waiting.pop(0) for _ in range(sum(t <= now for t in times))]
        times = times[len(due) :]
        ends = records["end"]
        new = (ends > known) & (ends <= now + 0.1)  # a little ahead, as in a shard that is being written
        known = now + 0.1
        live.advance(now, due, samples.part(records[new]))
        if step * 0.5 in MOMENTS:
            for role in ROLES:
                assert parts(live, role, ABOUT, Room()) == parts(replay.at(now), role, ABOUT, Room())
                compared += 1
    assert compared == len(MOMENTS) * len(ROLES)


def test_a_film_can_be_wound_back() -> None:
    """A moment looks the same whether it is reached forwards or from a later one."""
    forwards = parts(film().at(22.5), "facilitator", ABOUT, Room())
    wound = film()
    wound.at(36.0)
    assert parts(wound.at(22.5), "facilitator", ABOUT, Room()) == forwards


def test_the_clock_tells_how_long_users_were_hurt() -> None:
    """The large clock runs from the first bad request, and ends at the last one."""
    replay = film()
    assert replay.at(19.0).requests.hurts == []
    hurt = replay.at(23.0).requests.hurting
    assert hurt is not None
    assert hurt.since == pytest.approx(20.68, abs=0.05)
    over = replay.at(36.0).requests.hurts[0]
    assert over.until == pytest.approx(22.71, abs=0.05)


def test_a_follower_reads_each_record_once(tmp_path: Path) -> None:
    """A shard that grows is read on from where it was left, under the same numbers of names."""
    shutil.copytree(GOLDEN / "samples", tmp_path / "samples")
    follower = SampleFollower(tmp_path / "samples")
    first = follower.new()
    assert isinstance(first, Samples)
    assert len(first.records) == len(read_samples(GOLDEN / "samples").records)
    again = follower.new()
    assert again is not None
    assert len(again.records) == 0
    assert SampleFollower(tmp_path / "none").new() is None
