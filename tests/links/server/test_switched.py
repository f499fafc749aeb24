"""The time when a proxy was switched, in a header that the real server doesn't send; bodies are
unchanged."""

from __future__ import annotations

import time

from gameday.links.server.toxiproxy_api import SWITCHED
from tests.support.link_servers import Server

KEYS = {"name", "listen", "upstream", "enabled", "Logger", "toxics"}


def test_a_switch_is_stamped_on_the_clock_that_processes_share(server: Server) -> None:
    """The stamp of a cut or a restore lies between request and answer, on this machine's
    CLOCK_MONOTONIC."""
    proxy = server.proxy(1)
    for enabled in (False, True):
        before = time.monotonic()
        answer = server.ask("PATCH", proxy.path, {"enabled": enabled})
        assert before <= float(answer.headers[SWITCHED]) <= time.monotonic()
        assert set(answer.json()) == KEYS


def test_an_update_that_switches_nothing_keeps_the_stamp(server: Server) -> None:
    """An update that doesn't switch the proxy keeps the stamp of the last switch."""
    proxy = server.proxy(1)
    cut = server.ask("PATCH", proxy.path, {"enabled": False}).headers[SWITCHED]
    assert server.ask("PATCH", proxy.path, {"enabled": False}).headers[SWITCHED] == cut
    restored = server.ask("POST", proxy.path, {"enabled": True}).headers[SWITCHED]
    assert float(restored) > float(cut)
    assert server.ask("PATCH", proxy.path, {}).headers[SWITCHED] == restored


def test_a_proxy_that_never_listened_has_no_stamp(server: Server) -> None:
    """A proxy that never listened has no stamp."""
    proxy = server.proxy(1, enabled=False)
    assert SWITCHED not in server.ask("PATCH", proxy.path, {"enabled": False}).headers
