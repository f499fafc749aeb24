"""Draining: an instance that is told to stop loses no request of anybody."""

import asyncio
import contextlib
import http.client
import signal
import socket
import subprocess
import sys
import time
from collections import Counter

import pytest

from storefront import outgoing, serving
from storefront.outgoing import Peer
from storefront.problems import Problem
from tests.support import storefront_services
from tests.support.waiting import until

pytestmark = pytest.mark.system
CALLERS = 8
PATIENCE_S = 10.0


class Dial:
    """A way to whichever instance accepts: forwards each connection to the first of `ports` that isn't refused."""

    def __init__(self) -> None:
        self.ports: list[int] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for port in list(self.ports):
            with contextlib.suppress(ConnectionRefusedError):
                far_reader, far_writer = await asyncio.open_connection(storefront_services.HOST, port)
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
                return
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _call(peer: Peer, stopped: asyncio.Event, answers: Counter[str]) -> None:
    number = 0
    while not stopped.is_set():
        number = number % 1000 + 1
        try:
            answers[str((await peer.call("GET", f"/prices/{number}")).status)] += 1
        except Problem as problem:
            answers[problem.message] += 1
        # Idle between requests now and then, for it is idle connections that a draining instance closes.
        await asyncio.sleep(0.001 * (number % 5))


def _replace(old: "subprocess.Popen[bytes]", dial: Dial) -> "subprocess.Popen[bytes]":
    port = storefront_services.free_port()
    new = storefront_services.start("pricing", port, {})
    dial.ports.append(port)
    assert storefront_services.stop(old) == 0
    del dial.ports[0]
    return new


async def _stream(replacements: int) -> Counter[str]:
    dial, answers, stopped = Dial(), Counter[str](), asyncio.Event()
    port = storefront_services.free_port()
    instance = storefront_services.start("pricing", port, {})
    dial.ports.append(port)
    server = await asyncio.start_server(dial.accept, storefront_services.HOST, 0)
    address = f"http://{storefront_services.HOST}:{server.sockets[0].getsockname()[1]}"
    async with outgoing.client(PATIENCE_S) as client, server:
        peer = Peer("pricing", address, client, PATIENCE_S)
        callers = [asyncio.create_task(_call(peer, stopped, answers)) for _ in range(CALLERS)]
        for _ in range(replacements):
            instance = await asyncio.to_thread(_replace, instance, dial)
        stopped.set()
        await asyncio.gather(*callers)
    assert await asyncio.to_thread(storefront_services.stop, instance) == 0
    return answers


def test_a_stream_of_requests_survives_replacements() -> None:
    """New started, old stopped, four times under eight callers: every request is answered with 200."""
    answers = asyncio.run(_stream(4))
    assert set(answers) == {"200"}, answers
    assert answers["200"] > 200


def answered(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    """A whole answer on that connection."""
    connection.request("GET", "/prices/1")
    answer = connection.getresponse()
    answer.read()
    return answer


def test_a_draining_instance_refuses_new_connections_and_closes_the_open_ones() -> None:
    """After SIGTERM: no new connection; an open one still gets its answer, with `Connection: close`; exit 0.

    A machine that stands still for longer than the instance's grace says nothing of it.
    """
    assert any(drained() for _ in range(3)), "asked too late each time"


def drained() -> bool:
    """Whether an open connection was asked within the grace of its instance, and got its answer."""
    port = storefront_services.free_port()
    process = storefront_services.start("pricing", port, {})
    connection = http.client.HTTPConnection(storefront_services.HOST, port, timeout=5)
    try:
        assert answered(connection).headers["Connection"] is None
        told = time.monotonic()
        process.terminate()
        until(lambda: not storefront_services.listens(port), "the listener is closed")
        try:
            last = answered(connection)
        except (http.client.HTTPException, OSError):
            if time.monotonic() - told < serving.GRACE_S:
                raise
            return False
        assert (last.status, last.headers["Connection"]) == (200, "close")
    finally:
        connection.close()
        assert storefront_services.stop(process) == 0
    return True


def test_connections_that_wait_to_be_accepted_are_not_reset() -> None:
    """What the kernel had accepted before SIGTERM is answered, though the instance gets to it only afterwards."""
    port = storefront_services.free_port()
    process = storefront_services.start("pricing", port, {})
    process.send_signal(signal.SIGSTOP)
    waiting = [http.client.HTTPConnection(storefront_services.HOST, port, timeout=5) for _ in range(20)]
    try:
        for connection in waiting:
            connection.request("GET", "/prices/1")
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        assert [connection.getresponse().status for connection in waiting] == [200] * 20
    finally:
        for connection in waiting:
            connection.close()
        process.send_signal(signal.SIGCONT)
        assert storefront_services.stop(process) == 0


def test_a_taken_port_is_one_clear_message(capfd: pytest.CaptureFixture[str]) -> None:
    """An instance that can't listen says where, and ends with a failure instead of a traceback."""
    with socket.create_server((storefront_services.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        process = subprocess.run(
            [sys.executable, "-m", "storefront.pricing"],
            env={"PYTHONPATH": str(storefront_services.COMPOSE), "PORT": str(port)},
            timeout=20,
            check=False,
        )
    assert process.returncode == 1
    message = capfd.readouterr().err
    assert f"cannot listen on 127.0.0.1:{port}" in message
    assert "Traceback" not in message
