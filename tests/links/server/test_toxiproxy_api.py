"""The HTTP API, line by line: statuses, bodies and error texts of the real server."""

from __future__ import annotations

import re
import socket

import pytest

from tests.support.link_servers import Server, Upstream, echo_of

PROXY = {"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}


@pytest.fixture
def p(server: Server) -> Server:
    """A server with one proxy `p`, with one toxic `t`."""
    assert server.ask("POST", "/proxies", PROXY).status_code == 201
    assert server.ask("POST", "/proxies/p/toxics", {"name": "t", "type": "latency"}).status_code == 200
    return server


def test_version_is_that_of_a_2_x_server(server: Server) -> None:
    """GET /version returns JSON with a version that clients accept as a 2.x server of at least 2.6
    (PATCH)."""
    answer = server.ask("GET", "/version")
    assert answer.status_code == 200
    assert re.fullmatch(r'\{"version": "2\.\d+\.\d+"\}\n', answer.text)
    assert int(answer.json()["version"].split(".")[1]) >= 6
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"
    assert answer.headers["X-Toxiproxy-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/proxies", None, 200),
        ("POST", "/proxies", {**PROXY, "name": "q"}, 201),
        ("POST", "/populate", [{**PROXY, "name": "q"}], 201),
        ("GET", "/proxies/p", None, 200),
        ("PATCH", "/proxies/p", {"enabled": False}, 200),
        ("POST", "/proxies/p", {"enabled": False}, 200),
        ("DELETE", "/proxies/p", None, 204),
        ("GET", "/proxies/p/toxics", None, 200),
        ("POST", "/proxies/p/toxics", {"type": "timeout"}, 200),
        ("GET", "/proxies/p/toxics/t", None, 200),
        ("PATCH", "/proxies/p/toxics/t", {"toxicity": 0.5}, 200),
        ("POST", "/proxies/p/toxics/t", {"toxicity": 0.5}, 200),
        ("DELETE", "/proxies/p/toxics/t", None, 204),
        ("POST", "/reset", None, 204),
        ("GET", "/metrics", None, 404),
        ("GET", "/nothing", None, 404),
        ("GET", "/proxies/p/nothing", None, 404),
        ("GET", "/proxies/", None, 404),
        ("PUT", "/proxies/p", {}, 405),
        ("GET", "/reset", None, 405),
    ],
)
def test_every_route_has_its_status(p: Server, method: str, path: str, body: object, status: int) -> None:
    """Each route answers with the real server's status, with JSON if there is content and an empty
    body with 204."""
    answer = p.ask(method, path, body)
    assert answer.status_code == status
    if status in (200, 201):
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json()
    if status == 204:
        assert answer.content == b""


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("POST", "/proxies", {}, 400, "missing required field: name"),
        ("POST", "/proxies", {"name": "q"}, 400, "missing required field: upstream"),
        ("POST", "/proxies", PROXY, 409, "proxy already exists"),
        (
            "POST",
            "/proxies",
            {"name": 5},
            400,
            "bad request body: json: cannot unmarshal number into field name",
        ),
        ("POST", "/proxies", [], 400, "bad request body: "),
        ("POST", "/proxies", {**PROXY, "name": "q", "enabled": "yes"}, 400, "bad request body: "),
        ("POST", "/populate", [PROXY, {}], 400, "missing required field: name at proxy 2"),
        ("POST", "/populate", [{"name": "q"}], 400, "missing required field: upstream at proxy 1"),
        ("POST", "/populate", {"name": "q"}, 400, "bad request body: "),
        ("GET", "/proxies/q", None, 404, "proxy not found"),
        ("PATCH", "/proxies/q", {}, 404, "proxy not found"),
        ("DELETE", "/proxies/q", None, 404, "proxy not found"),
        ("GET", "/proxies/q/toxics", None, 404, "proxy not found"),
        ("POST", "/proxies/q/toxics", {}, 404, "proxy not found"),
        ("GET", "/proxies/q/toxics/t", None, 404, "proxy not found"),
        ("GET", "/proxies/p/toxics/u", None, 404, "toxic not found"),
        ("PATCH", "/proxies/p/toxics/u", {}, 404, "toxic not found"),
        ("DELETE", "/proxies/p/toxics/u", None, 404, "toxic not found"),
        ("POST", "/proxies/p/toxics", {}, 400, "invalid toxic type"),
        ("POST", "/proxies/p/toxics", {"type": "gremlin"}, 400, "invalid toxic type"),
        (
            "POST",
            "/proxies/p/toxics",
            {"type": "gremlin", "stream": "sideways"},
            400,
            "stream was invalid, can be either upstream or downstream",
        ),
        ("POST", "/proxies/p/toxics", {"type": "timeout", "name": "t"}, 409, "toxic already exists"),
        ("POST", "/proxies/p/toxics", {"type": "latency", "attributes": 5}, 400, "bad request body: "),
        (
            "POST",
            "/proxies/p/toxics",
            {"type": "latency", "attributes": {"latency": "1s"}},
            400,
            "bad request body: ",
        ),
        (
            "POST",
            "/proxies/p/toxics",
            {"type": "latency", "attributes": {"latency": 1.5}},
            400,
            "bad request body: ",
        ),
        (
            "POST",
            "/proxies/p/toxics",
            {"type": "latency", "attributes": {"latency": 2**63}},
            400,
            "bad request body: ",
        ),
        (
            "POST",
            "/proxies/p/toxics",
            {"type": "slicer"},
            400,
            "bad request body: average_size must be at least 1",
        ),
        ("PATCH", "/proxies/p/toxics/t", {"attributes": {"jitter": True}}, 400, "bad request body: "),
        ("PATCH", "/proxies/p/toxics/t", {"toxicity": "1"}, 400, "bad request body: "),
        (
            "POST",
            "/proxies",
            {**PROXY, "name": "q", "listen": "nowhere"},
            500,
            "listen tcp: address nowhere: missing",
        ),
        (
            "POST",
            "/proxies",
            {**PROXY, "name": "q", "listen": "h:99999"},
            500,
            "listen tcp: address h:99999: invalid",
        ),
        (
            "PATCH",
            "/proxies/p",
            {"listen": "no.such.host.invalid:80"},
            500,
            "listen tcp: lookup no.such.host.invalid",
        ),
        (
            "POST",
            "/proxies",
            {**PROXY, "name": "q", "listen": "192.0.2.1:0"},
            500,
            "listen tcp 192.0.2.1:0: bind: ",
        ),
    ],
)
def test_every_error_has_its_status_and_text(
    p: Server, method: str, path: str, body: object, status: int, error: str
) -> None:
    """A refused request is answered by `{"error", "status"}` with the real server's text."""
    answer = p.ask(method, path, body)
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert answer.json()["error"].startswith(error)


def test_errors_are_json_sent_as_plain_text(server: Server) -> None:
    """As in the real server, an error's JSON is sent as text/plain and ends with a newline."""
    answer = server.ask("GET", "/proxies/q")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == '{"error":"proxy not found","status":404}\n'


def test_a_proxy_is_enabled_by_default_and_its_port_resolved(server: Server) -> None:
    """A created proxy is returned with all its fields; port 0 is replaced by the actual port."""
    view = server.ask("POST", "/proxies", PROXY).json()
    assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", view.pop("listen"))
    assert view == {"name": "p", "upstream": "127.0.0.1:1", "enabled": True, "Logger": {}, "toxics": []}
    assert list(server.ask("GET", "/proxies").json()) == ["p"]


def test_a_proxy_without_listen_takes_a_free_port_on_loopback(server: Server) -> None:
    """A proxy without a listen address listens on loopback only."""
    view = server.ask("POST", "/proxies", {"name": "p", "upstream": "x:1"}).json()
    assert view["listen"].startswith("127.0.0.1:")


def test_a_listen_address_of_every_interface_is_honoured(server: Server) -> None:
    """A listen address of `:0` binds every interface, loopback included."""
    view = server.ask("POST", "/proxies", {"name": "p", "upstream": "x:1", "listen": ":0"}).json()
    port = int(view["listen"].rpartition(":")[2])
    socket.create_connection(("127.0.0.1", port), 5).close()


def test_names_and_cases_of_fields_do_not_matter(server: Server) -> None:
    """As in the real server, fields match in any case, `null` is the default, unknown fields and
    trailing text are ignored."""
    body = b'{"NAME": "p", "Upstream": "x:1", "enabled": null, "colour": 1} and more'
    assert server.send("POST", "/proxies", body).json()["enabled"] is True
    assert server.send("POST", "/populate", b"null").json() == {"proxies": None}


def test_a_disabled_proxy_shows_the_address_as_given(server: Server) -> None:
    """`localhost:port` is resolved only once the proxy listens; disabled and enabled again it keeps
    its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    body = {**PROXY, "listen": f"localhost:{port}", "enabled": False}
    view = server.ask("POST", "/proxies", body).json()
    assert (view["listen"], view["enabled"]) == (f"localhost:{port}", False)
    view = server.ask("PATCH", "/proxies/p", {"enabled": True}).json()
    assert (view["listen"], view["enabled"]) == (f"127.0.0.1:{port}", True)
    server.ask("PATCH", "/proxies/p", {"enabled": False})
    assert server.ask("PATCH", "/proxies/p", {"enabled": True}).json()["listen"] == f"127.0.0.1:{port}"


def test_a_busy_port_is_a_500_and_leaves_no_proxy(p: Server) -> None:
    """The error has address and cause; the refused proxy isn't created."""
    listen = p.ask("GET", "/proxies/p").json()["listen"]
    answer = p.ask("POST", "/proxies", {**PROXY, "name": "q", "listen": listen})
    assert answer.status_code == 500
    assert answer.json()["error"] == f"listen tcp {listen}: bind: address already in use"
    assert p.ask("GET", "/proxies/q").status_code == 404


def test_toxics_get_their_defaults(p: Server) -> None:
    """By default a toxic has stream downstream, toxicity 1, the name {type}_{stream} and attributes
    of zero."""
    view = p.ask("POST", "/proxies/p/toxics", {"type": "latency", "attributes": {"jitter": 5}}).json()
    assert view == {
        "attributes": {"latency": 0, "jitter": 5},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1,
    }


@pytest.mark.parametrize(
    ("type", "attributes"),
    [
        ("bandwidth", {"rate": 7}),
        ("latency", {"latency": 7, "jitter": 8}),
        ("limit_data", {"bytes": 7}),
        ("noop", {}),
        ("reset_peer", {"timeout": 7}),
        ("slicer", {"average_size": 7, "size_variation": 8, "delay": 9}),
        ("slow_close", {"delay": 7}),
        ("timeout", {"timeout": 7}),
    ],
)
def test_every_type_of_toxic_echoes_its_attributes(p: Server, type: str, attributes: dict[str, int]) -> None:
    """Every toxic of the real server exists, with exactly its attributes."""
    body = {"type": type, "stream": "upstream", "attributes": {**attributes, "colour": 1}}
    assert p.ask("POST", "/proxies/p/toxics", body).json()["attributes"] == attributes
    assert p.ask("GET", f"/proxies/p/toxics/{type}_upstream").json()["attributes"] == attributes


def test_toxics_are_listed_upstream_first_and_shown_with_the_proxy(p: Server) -> None:
    """Toxics are listed by stream, then by age; a stream is accepted in any case and returned as
    written."""
    for name, stream in (("a", "downstream"), ("b", "Upstream"), ("c", "upstream")):
        body = {"name": name, "type": "noop", "stream": stream, "toxicity": 0.25}
        view = p.ask("POST", "/proxies/p/toxics", body).json()
        assert (view["stream"], view["toxicity"]) == (stream, 0.25)
    assert [toxic["name"] for toxic in p.ask("GET", "/proxies/p/toxics").json()] == ["b", "c", "t", "a"]
    assert [toxic["name"] for toxic in p.ask("GET", "/proxies").json()["p"]["toxics"]] == ["b", "c", "t", "a"]


def test_a_toxics_name_is_unique_over_both_streams(p: Server) -> None:
    """Adding the same name on the other stream is a conflict and changes nothing."""
    answer = p.ask("POST", "/proxies/p/toxics", {"name": "t", "type": "timeout", "stream": "upstream"})
    assert answer.status_code == 409
    assert p.ask("GET", "/proxies/p/toxics/t").json()["type"] == "latency"


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_an_update_merges_attributes_and_keeps_name_type_and_stream(p: Server, method: str) -> None:
    """An update ignores the body's name, type and stream, and keeps attributes and toxicity that
    aren't given."""
    first = {"attributes": {"latency": 100, "jitter": 10}, "toxicity": 0.5}
    second = {"attributes": {"latency": 200}, "name": "u", "type": "timeout", "stream": "upstream"}
    p.ask(method, "/proxies/p/toxics/t", first)
    view = p.ask(method, "/proxies/p/toxics/t", second).json()
    assert view == {
        "attributes": {"latency": 200, "jitter": 10},
        "name": "t",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 0.5,
    }


def test_reset_enables_everything_and_removes_every_toxic(p: Server) -> None:
    """After POST /reset the proxy listens at its old address, without toxics."""
    listen = p.ask("PATCH", "/proxies/p", {"enabled": False}).json()["listen"]
    p.ask("POST", "/reset")
    view = p.ask("GET", "/proxies/p").json()
    assert (view["enabled"], view["listen"], view["toxics"]) == (True, listen, [])


def test_browsers_are_refused(server: Server) -> None:
    """A User-Agent that begins with Mozilla/ gets 403 and changes nothing."""
    answer = server.ask("POST", "/proxies", PROXY, headers={"User-Agent": "Mozilla/5.0 (X11)"})
    assert (answer.status_code, answer.text) == (403, "User agent not allowed\n")
    assert server.ask("GET", "/proxies").json() == {}


def test_names_in_paths_are_decoded(server: Server, echoing: Upstream) -> None:
    """A proxy whose name needs quoting is reached by its quoted name."""
    name = "us east/a%b?"
    view = server.ask("POST", "/proxies", {"name": name, "upstream": echoing.address}).json()
    assert server.ask("GET", "/proxies/us%20east%2Fa%25b%3F").json()["name"] == name
    with socket.create_connection(("127.0.0.1", int(view["listen"].rpartition(":")[2])), 5) as client:
        assert echo_of(client, b"hello") == b"hello"
    assert server.ask("DELETE", "/proxies/us%20east%2Fa%25b%3F").status_code == 204


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("//proxies", "/proxies"),
        ("/proxies//", "/proxies"),
        ("/./proxies", "/proxies"),
        ("/x/../proxies?a=1", "/proxies?a=1"),
        ("/proxies//p/./toxics", "/proxies/p/toxics"),
    ],
)
def test_a_path_with_empty_segments_is_redirected(p: Server, target: str, location: str) -> None:
    """A base address with a trailing slash works in clients that follow redirects, as with the real server."""
    status, headers, _ = raw(p, f"GET {target} HTTP/1.1")
    assert (status, headers["location"]) == (301, location)
    assert raw(p, f"GET {location} HTTP/1.1")[0] == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8474", "toxiproxy", "USER@host:1"])
def test_a_target_in_absolute_form_is_answered(p: Server, host: str) -> None:
    """A client that takes the server for its HTTP proxy names the host in the target."""
    assert raw(p, f"GET http://{host}/proxies/p HTTP/1.1")[0] == 200
    assert raw(p, f"GET http://{host} HTTP/1.1")[0] == 404


@pytest.mark.parametrize("path", ["/nosuch", "/proxies", "//proxies"])
def test_head_gets_no_body(p: Server, path: str) -> None:
    """The next answer on the connection follows directly after the headers."""
    status, _, rest = raw(p, f"HEAD {path} HTTP/1.1", then="GET /version HTTP/1.1")
    assert status in (404, 405, 301)
    assert rest.startswith(b"HTTP/1.1 200 ")


def test_a_proxy_shows_the_loggers_field(p: Server) -> None:
    """The real server shows it, so a client that compares whole proxies finds it."""
    assert p.ask("GET", "/proxies/p").json()["Logger"] == {}


def test_a_body_of_9_megabytes_is_taken(server: Server) -> None:
    """The size of a body isn't limited to what populate needs."""
    assert server.ask("POST", "/proxies", {**PROXY, "comment": "x" * 9_000_000}).status_code == 201


def raw(server: Server, line: str, then: str = "") -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and what follows of the answer to a request line, and of a second one behind it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        host = f"Host: x\r\nX-Gameday-Secret: {server.secret}\r\n"
        first = f"{line}\r\n{host}" + ("\r\n" if then else "Connection: close\r\n\r\n")
        second = f"{then}\r\n{host}Connection: close\r\n\r\n" if then else ""
        connection.sendall((first + second).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    return int(status.split()[1]), headers, rest
