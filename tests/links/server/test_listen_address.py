from __future__ import annotations

import asyncio
import socket

import pytest

from gameday.links.server.api_errors import ApiError
from gameday.links.server.listen_address import bound, resolved, split


@pytest.mark.parametrize(
    ("text", "parts"),
    [("h:80", ("h", "80")), (":80", ("", "80")), ("[::1]:80", ("::1", "80")), ("1.2.3.4:", ("1.2.3.4", ""))],
)
def test_host_and_port_are_split(text: str, parts: tuple[str, str]) -> None:
    """Brackets hold an IPv6 address; either part may be empty."""
    assert split(text) == parts


@pytest.mark.parametrize("text", ["", "h", "[::1]", "::1:80", "[::1:80"])
def test_an_invalid_address_is_an_error(text: str) -> None:
    """An address without a port, or with ambiguous colons, is an error."""
    with pytest.raises(ValueError, match="in address"):
        split(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "127.0.0.1:0"),
        ("localhost:80", "127.0.0.1:80"),
        ("[::1]:80", "[::1]:80"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:http-alt", "127.0.0.1:8080"),
        (":https", ":443"),
    ],
)
def test_names_are_resolved_to_one_address(text: str, shown: str) -> None:
    """IPv4 is preferred, and an empty host means loopback."""
    assert str(asyncio.run(resolved(text))) == shown


def test_a_port_that_is_taken_is_a_500() -> None:
    """The error has the address and the system's message."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ApiError, match=f"listen tcp {address}: bind: address already in use") as caught:
            bound(asyncio.run(resolved(address)))
    assert caught.value.status == 500


def test_accepted_connections_send_small_packets_at_once() -> None:
    """TCP_NODELAY is set; asyncio sets it only if the listener names its protocol, and without it
    answers wait 40 ms."""

    async def nodelay() -> int:
        tcp, text = bound(await resolved("127.0.0.1:0"))
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.set_result(
                writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            )
            writer.close()

        async with await asyncio.start_server(look, sock=tcp):
            _, writer = await asyncio.open_connection(*split(text))
            value = await asyncio.wait_for(accepted, 5)
            writer.close()
            await writer.wait_closed()
        return value

    assert asyncio.run(nodelay()) == 1
