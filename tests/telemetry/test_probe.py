"""Readiness probes against real sockets."""

from __future__ import annotations

import socket
import threading

import pytest

from runner.telemetry.probe import wait_http, wait_tcp
from tests.telemetry.test_scrape import WITHIN_S, instance


def test_what_is_ready_is_ready() -> None:
    """An instance that answers 200, and a port that accepts, are ready: no reason why not."""
    with instance("fine") as address:
        assert wait_http(address, "/healthz", WITHIN_S) is None
        assert wait_tcp(address, WITHIN_S) is None


def test_it_waits_until_ready() -> None:
    """A port that begins to listen while it is waited for is found."""
    found: list[str | None] = []
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        waiting = threading.Thread(target=lambda: found.append(wait_tcp(held.getsockname(), WITHIN_S)))
        waiting.start()
        held.listen()
        waiting.join(WITHIN_S)
    assert found == [None]


def test_the_last_reason_is_told() -> None:
    """Where it never gets ready the address, the time and the last reason are in the answer."""
    with instance("starting", status=503) as (host, port):
        why = wait_http((host, port), "/healthz", 0.2)
    assert why == f"http://{host}:{port}/healthz not ready within 0.2 s: answered with status 503"
    assert "Connection refused" in str(wait_tcp(("127.0.0.1", port), 0.2))
    assert "Connection refused" in str(wait_http(("127.0.0.1", port), "/", 0.2))


def test_an_answer_that_never_comes_is_given_up() -> None:
    """Something that accepts and says nothing isn't ready, and doesn't hold the probe up."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert "timed out" in str(wait_http(mute.getsockname(), "/", 0.2))


@pytest.mark.parametrize("probe", [wait_tcp, lambda address, *rest: wait_http(address, "/", *rest)])
def test_it_can_be_cancelled(probe: type[object]) -> None:
    """A probe that is cancelled ends at once and says so."""
    cancel = threading.Event()
    cancel.set()
    call: object = probe(("127.0.0.1", 1), WITHIN_S, cancel)  # type: ignore[call-arg]
    assert "cancelled" in str(call)
