"""Waiting for a standby, on databases with prepared answers; promotion of a real Postgres."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from gameday.ports import PortError
from gameday.system import postgres_admin
from tests.support.postgres_server import server

PRIMARY, STANDBY = "primary", "standby"


class Answers:
    """Answers of a primary whose standby has replayed everything, and those of the standby in turn, the last one repeated."""

    def __init__(self, *standby: object) -> None:
        self.standby = list(standby)

    def query(self, url: str, statement: str, *arguments: object) -> Any:
        if url == PRIMARY:
            return "0/3000028" if "current_wal_lsn" in statement else 1
        answer = self.standby.pop(0) if len(self.standby) > 1 else self.standby[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def wait(answers: Answers, patch: pytest.MonkeyPatch, within: float = 5.0) -> None:
    patch.setattr(postgres_admin, "query", answers.query)
    postgres_admin.await_caught_up(PRIMARY, lambda: STANDBY, "eu-west", within, threading.Event())


def test_a_standby_that_takes_no_connection_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A primary may know that all is replayed before the standby accepts connections."""
    answers = Answers(
        PortError("not yet accepting connections"), PortError("not yet accepting connections"), True
    )
    wait(answers, monkeypatch)
    assert answers.standby == [True]


def test_a_standby_that_never_accepts_connections_is_named_with_its_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The wait ends at its time-out."""
    with pytest.raises(PortError, match=r"eu-west has not caught up .*: not yet accepting connections"):
        wait(Answers(PortError("not yet accepting connections")), monkeypatch, within=0.2)


def test_a_server_that_takes_writes_is_no_standby(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the primary lists a standby of that name."""
    with pytest.raises(PortError, match=r"has not caught up .*: it takes writes itself"):
        wait(Answers(False), monkeypatch, within=0.2)


@pytest.mark.system
def test_a_standby_that_was_promoted_meanwhile() -> None:
    """Promoting it again is a no-op, and it ranks ahead of all standbys."""
    with server(connections=100, standby=True) as url:
        received = postgres_admin.received(url)
        assert received > 0
        postgres_admin.promote(url)
        postgres_admin.promote(url)
        assert postgres_admin.takes_writes(url)
        assert postgres_admin.received(url) > received + 2**40


@pytest.mark.system
def test_a_primary_that_never_received_a_thing() -> None:
    """A restarted primary ranks ahead of all standbys, and promoting it is a no-op."""
    with server(connections=12) as url:
        assert postgres_admin.received(url) > 2**40
        postgres_admin.promote(url)
