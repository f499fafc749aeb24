"""Free ports on loopback."""

from __future__ import annotations

import socket

import pytest

from gameday.ports import PortError
from gameday.substrates.process.loopback import HOST, LoopbackPorts, candidates, ephemeral


def test_below_the_ephemeral_range() -> None:
    """Ports lie below the ephemeral range; if hardly any do, they lie within it."""
    assert candidates((32768, 60999)) == range(16896, 32768)
    assert candidates((1024, 65535)) == range(1024, 65536)
    ports = LoopbackPorts()
    assert 1024 < ports.take() < ephemeral()[0]
    ports.release()


def test_never_twice() -> None:
    """No port is given twice, in this or another run of the machine, until its run releases it."""
    one, two = LoopbackPorts(), LoopbackPorts()
    taken_ports = [ports.take() for ports in (one, two, one, two)]
    assert len(set(taken_ports)) == 4
    one.release()
    three = LoopbackPorts()
    assert three.take() == taken_ports[0]
    two.release()
    three.release()


def test_busy_ports_are_passed_over() -> None:
    """A port that is listened on isn't given."""
    ports, others = LoopbackPorts(), LoopbackPorts()
    first = ports.take()
    ports.release()
    with socket.create_server((HOST, first)):
        assert others.take() != first
    others.release()


def test_claim() -> None:
    """A free port can be claimed; for a busy one the error names it and says how to choose another."""
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            PortError, match=rf"edge: port {port} .* busy; choose another \(--set system\.port=N\)"
        ):
            LoopbackPorts().claim(port, "edge")
    assert LoopbackPorts().claim(port, "edge") == port
