"""Many proxies at once: what populate keeps, replaces, refuses and leaves half done."""

from __future__ import annotations

import pytest

from tests.support.link_servers import Server

PROXY = {"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}


@pytest.fixture
def p(server: Server) -> Server:
    """A server with one proxy `p`, with one toxic `t`."""
    assert server.ask("POST", "/proxies", PROXY).status_code == 201
    assert server.ask("POST", "/proxies/p/toxics", {"name": "t", "type": "latency"}).status_code == 200
    return server


def test_populate_keeps_equal_proxies_and_replaces_others(p: Server) -> None:
    """Equal addresses (`localhost` is 127.0.0.1) keep proxy and toxics; another upstream makes a
    new proxy."""
    listen = p.ask("GET", "/proxies/p").json()["listen"]
    same = {**PROXY, "listen": listen.replace("127.0.0.1", "localhost")}
    answer = p.ask("POST", "/populate", [same, {**PROXY, "name": "q"}])
    assert [len(proxy["toxics"]) for proxy in answer.json()["proxies"]] == [1, 0]
    assert answer.json()["proxies"][0]["listen"] == listen
    answer = p.ask("POST", "/populate", [{**PROXY, "listen": listen, "upstream": "127.0.0.1:2"}])
    assert answer.json()["proxies"] == [
        {
            "name": "p",
            "listen": listen,
            "upstream": "127.0.0.1:2",
            "enabled": True,
            "Logger": {},
            "toxics": [],
        }
    ]
    assert sorted(p.ask("GET", "/proxies").json()) == ["p", "q"]


def test_populate_checks_every_entry_before_it_makes_any(server: Server) -> None:
    """A missing name in the second entry creates nothing; the answer is JSON with `proxies` null."""
    answer = server.ask("POST", "/populate", [PROXY, {"upstream": "x:1"}])
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "error": "missing required field: name at proxy 2",
        "status": 400,
        "proxies": None,
    }
    assert server.ask("GET", "/proxies").json() == {}


def test_populate_stops_at_the_first_failure_and_keeps_the_earlier(server: Server) -> None:
    """If the second proxy can't listen, the first exists and is in the answer, and the third isn't
    made."""
    wanted = [{**PROXY, "name": name} for name in ("one", "two", "three")]
    wanted[1]["listen"] = "nowhere"
    answer = server.ask("POST", "/populate", wanted)
    assert answer.status_code == 500
    assert [proxy["name"] for proxy in answer.json()["proxies"]] == ["one"]
    assert list(server.ask("GET", "/proxies").json()) == ["one"]


def test_populate_honours_disabled(server: Server) -> None:
    """A proxy can be populated disabled; without the field it is enabled."""
    answer = server.ask("POST", "/populate", [{**PROXY, "enabled": False}, {**PROXY, "name": "q"}])
    assert [proxy["enabled"] for proxy in answer.json()["proxies"]] == [False, True]
