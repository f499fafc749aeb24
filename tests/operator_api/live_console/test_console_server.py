"""The server of the live console, over real sockets: links, streams, and readers that misbehave."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from gameday.operations import Operation
from gameday.operator_api.live_console.console_server import ConsoleServer
from gameday.operator_api.live_console.page_source import Command, CommandRefused, PageFrame
from gameday.operator_api.live_console.role_links import RoleLinks
from tests.support.waiting import until

ROLES = ("facilitator", "on-call", "observer", "scribe")


class Source:
    """A page source whose parts are a counter for each role, and which records what is asked."""

    def __init__(self) -> None:
        self.count, self.operations, self.commands, self.frames = 0, list[Operation](), list[Command](), 0

    def frame(self, role: str) -> PageFrame:
        self.frames += 1
        return PageFrame({"count": str(self.count), "role": role, "pad": "x" * 20_000 + str(self.count)})

    def page(self, role: str) -> str:
        return f"<p>{role}</p>"

    def policy(self) -> str:
        return "default-src 'none'"

    def operate(self, role: str, operation: Operation) -> str:
        self.operations.append(operation)
        return "o1"

    def command(self, role: str, command: Command) -> None:
        if command.action != "start":
            raise CommandRefused("nothing to start")
        self.commands.append(command)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def links(source: Source) -> Iterator[dict[str, str]]:
    server = ConsoleServer(source, RoleLinks.draw(ROLES))
    try:
        yield server.open()
    finally:
        server.close()


def ask(
    link: str, path: str = "", body: object = None, **headers: str
) -> tuple[int, str, http.client.HTTPMessage]:
    """Send one request; return status, body and headers."""
    parts = urlsplit(link)
    assert parts.hostname
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    data = None if body is None else json.dumps(body)
    connection.request("GET" if data is None else "POST", parts.path + path, data, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.headers


class Reader:
    """A reader of a stream, as a browser's EventSource."""

    def __init__(self, link: str) -> None:
        parts = urlsplit(link)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=30)
        head = f"GET {parts.path}/events HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
        self.socket.sendall(head.encode())
        self.file = self.socket.makefile("rb")

    def message(self) -> dict[str, object]:
        """Return the next message's document."""
        for line in self.file:
            if line.startswith(b"data: "):
                document: dict[str, object] = json.loads(line[6:])
                return document
        raise AssertionError("the stream ended")

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def retried(link: str) -> Reader:
    """Return a reader that has had its first message; connect again as a browser does if the server is full."""
    end = time.monotonic() + 30
    while True:
        reader = Reader(link)
        try:
            reader.message()
            return reader
        except (AssertionError, OSError):
            reader.close()
            assert time.monotonic() < end, "the server stays full"
            time.sleep(0.2)


def test_each_role_has_a_page_of_its_own(links: dict[str, str]) -> None:
    """The link of a role opens its page, with a policy that lets nothing else in."""
    for role, link in links.items():
        status, body, headers = ask(link)
        assert (status, body) == (200, f"<p>{role}</p>")
        assert headers["Content-Security-Policy"] == "default-src 'none'"
        assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["", "/events", "/operations", "/control"])
def test_a_link_of_another_role_or_run_opens_nothing(links: dict[str, str], path: str) -> None:
    """The on-call's token below the facilitator's path, a cut token and a foreign one are answered in clear words."""
    token = links["on-call"].rsplit("/", 1)[1]
    base = links["facilitator"].rsplit("/", 1)[0]
    body: object = {} if path in ("/operations", "/control") else None
    for wrong in (f"{base}/{token}", links["facilitator"][:-1], f"{base}/{'A' * 43}"):
        status, text, _ = ask(wrong, path, body)
        assert status == 404
        assert "another run or role" in text


def test_other_web_pages_and_names_are_refused(links: dict[str, str]) -> None:
    """A page of elsewhere can't send operations, and a rebound name can't read."""
    link = links["on-call"]
    assert ask(link, "/operations", {"name": "note", "text": "x"}, Origin="http://evil.example")[0] == 403
    assert ask(link, Host="evil.example")[0] == 403
    own = f"http://{urlsplit(link).netloc}"
    assert ask(link, "/operations", {"name": "note", "text": "x"}, Origin=own)[0] == 202


def test_an_operation_is_of_the_role_of_the_link(links: dict[str, str], source: Source) -> None:
    """The name that a request gives itself doesn't count; malformed requests are refused as by the operators' API."""
    body = {"name": "rollback", "target": "pricing", "as": "somebody"}
    assert ask(links["on-call"], "/operations", body)[0] == 202
    assert source.operations == [Operation("rollback", "pricing", "on-call")]
    assert ask(links["on-call"], "/operations", {"name": "rolback"})[:2] == (
        400,
        json.dumps(
            {"error": json.loads(ask(links["on-call"], "/operations", {"name": "rolback"})[1])["error"]}
        )
        + "\n",
    )


def test_a_command_is_carried_out_or_refused_with_the_reason(links: dict[str, str], source: Source) -> None:
    """Commands that can't be carried out are 409, malformed ones 400."""
    link = links["facilitator"]
    assert ask(link, "/control", {"action": "start"})[0] == 202
    assert source.commands == [Command("start")]
    assert ask(link, "/control", {"action": "stop"})[:2] == (409, '{"error": "nothing to start"}\n')
    body: object
    for body in (
        [],
        {"action": 3},
        {"action": "start", "text": "x" * 2000},
        {"action": "note", "text": "\x1b[2J"},
    ):
        assert ask(link, "/control", body)[0] == 400


def test_a_stream_sends_only_what_has_changed(links: dict[str, str], source: Source) -> None:
    """The first message has every part, a later one the parts that differ; a new connection begins anew."""
    reader = Reader(links["observer"])
    first = reader.message()
    assert first["parts"] == {"count": "0", "role": "observer", "pad": "x" * 20_000 + "0"}
    source.count = 1
    later = reader.message()
    while later["parts"] == {}:
        later = reader.message()
    assert later["parts"] == {"count": "1", "pad": "x" * 20_000 + "1"}
    reader.close()
    again = Reader(links["observer"])
    assert set(again.message()["parts"]) == {"count", "role", "pad"}  # type: ignore[call-overload]
    again.close()


def test_readers_that_hang_cost_others_nothing(links: dict[str, str], source: Source) -> None:
    """Two hundred tabs, most of which never read: one that reads is up to date, and pages are still served."""
    hanging = [Reader(links["on-call"]) for _ in range(200)]
    try:
        reader = retried(links["observer"])
        for count in range(1, 6):
            source.count = count
            end = time.monotonic() + 30
            while reader.message()["parts"].get("count") != str(count):  # type: ignore[attr-defined]
                assert time.monotonic() < end
        assert ask(links["scribe"])[0] == 200
        reader.close()
    finally:
        for each in hanging:
            each.close()


def test_frames_are_made_for_roles_with_readers_alone(links: dict[str, str], source: Source) -> None:
    """Without an open page the console costs nothing."""
    assert source.frames == 0
    reader = Reader(links["observer"])
    reader.message()
    assert source.frames > 0
    reader.close()

    def quiet() -> bool:
        before = source.frames
        time.sleep(1.2)
        return source.frames == before

    until(quiet, "frames end with the last reader")
