"""Listen addresses: `host:port` in text to a bound socket, with the error texts of the real server.

An empty text means a free port on loopback; `:port` means every interface, since that was asked for.
"""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass

from gameday.links.server.api_errors import cannot_listen

# A listen address is a literal or a local name, so a slow answer is a failure.
_RESOLVE_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Address:
    family: socket.AddressFamily
    host: str
    port: int

    def __str__(self) -> str:
        return joined(self.host, self.port)


def joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split(text: str) -> tuple[str, str]:
    """Return host and port of `host:port` or `[v6]:port`. Raise ValueError if it is neither."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        raise ValueError("missing port in address")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], port
    if ":" in host or "[" in host or "]" in host:
        raise ValueError("too many colons in address")
    return host, port


async def resolved(text: str) -> Address:
    """Return the one address to listen on, IPv4 preferred. Raise ApiError 500 if it can't be parsed or resolved."""
    if not text:
        return Address(socket.AF_INET, "127.0.0.1", 0)
    try:
        host, port = split(text)
    except ValueError as error:
        raise cannot_listen(f": address {text}: {error}") from None
    number = _port_number(text, port)
    if not host:
        return Address(socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET, "", number)
    return await _looked_up(host, number)


def _port_number(text: str, port: str) -> int:
    """Return a port given as a number, or by the name of its service. Raise ApiError 500 if it is neither."""
    if port.isascii() and port.isdigit():
        if int(port) > 65535:
            raise cannot_listen(f": address {text}: invalid port")
        return int(port)
    try:
        return socket.getservbyname(port, "tcp")
    except (OSError, UnicodeError, ValueError):
        raise cannot_listen(f": lookup tcp/{port}: unknown port") from None


async def _looked_up(host: str, port: int) -> Address:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_TIMEOUT_S):
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise cannot_listen(f": lookup {host}: no such host") from None
    family, _, _, _, address = min(addresses, key=lambda entry: entry[0] != socket.AF_INET)
    return Address(socket.AddressFamily(family), str(address[0]), port)


def bound(address: Address) -> tuple[socket.socket, str]:
    """Return a socket bound to the address, and the address with the actual port. Raise ApiError 500 if that fails."""
    # The protocol is named because asyncio sets TCP_NODELAY only on sockets that have it.
    tcp = socket.socket(address.family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.family == socket.AF_INET6:
            tcp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if address.host else 0)
        tcp.bind((address.host, address.port))
        # Without this a port that another socket already listens on would only fail later.
        tcp.listen(socket.SOMAXCONN)
        host, port = tcp.getsockname()[:2]
    except OSError as error:
        tcp.close()
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise cannot_listen(f" {address}: bind: {reason}") from None
    return tcp, joined(host, port)
