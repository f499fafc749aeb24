"""Waiting for a standby, with the answers of databases set by hand; and promoting one, a real Postgres."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from gameday.ports import PortError
from gameday.system import postgres_admin
from tests.support.postgres_server import server

PRIMARY, STANDBY = "primary", "standby"


class Told:
    """Answers of a primary whose standby has replayed everything, and of that standby, in turn; the last one stays."""

    def __init__(self, *standby: object) -> None:
        self.standby = list(standby)

    def query(self, url: str, statement: str, *arguments: object) -> Any:
        if url == PRIMARY:
            return "0/3000028" if "current_wal_lsn" in statement else 1
        said = self.standby.pop(0) if len(self.standby) > 1 else self.standby[0]
        if isinstance(said, Exception):
            raise said
        return said


def wait(told: Told, patch: pytest.MonkeyPatch, within: float = 5.0) -> None:
    patch.setattr(postgres_admin, "query", told.query)
    postgres_admin.await_caught_up(PRIMARY, lambda: STANDBY, "eu-west", within, threading.Event())


def test_a_standby_that_takes_no_connection_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A primary may know that all is replayed before the standby opens its door."""
    told = Told(PortError("not yet accepting connections"), PortError("not yet accepting connections"), True)
    wait(told, monkeypatch)
    assert told.standby == [True]


def test_one_that_never_does_is_named_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit."""
    with pytest.raises(PortError, match=r"eu-west has not caught up .*: not yet accepting connections"):
        wait(Told(PortError("not yet accepting connections")), monkeypatch, within=0.2)


def test_a_server_that_takes_writes_follows_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the primary says of somebody of that name."""
    with pytest.raises(PortError, match=r"has not caught up .*: it takes writes itself"):
        wait(Told(False), monkeypatch, within=0.2)


@pytest.mark.system
def test_a_standby_that_was_promoted_meanwhile() -> None:
    """Promoting it again is done at once, and from then on it is ahead of whoever follows."""
    with server(connections=100, standby=True) as url:
        received = postgres_admin.received(url)
        assert received > 0
        postgres_admin.promote(url)
        postgres_admin.promote(url)
        assert postgres_admin.takes_writes(url)
        assert postgres_admin.received(url) > received + 2**40


@pytest.mark.system
def test_a_primary_that_never_received_a_thing() -> None:
    """As one that was promoted and started again: it is ahead of whoever follows, and promoting it is nothing to do."""
    with server(connections=12) as url:
        assert postgres_admin.received(url) > 2**40
        postgres_admin.promote(url)
