"""Shutdown gate: starts in flight while a substrate closes."""

from __future__ import annotations

import threading

import pytest

from gameday.ports import PortError
from gameday.substrates.shutdown_gate import ShutdownGate


def test_a_closed_gate_refuses() -> None:
    """Entering, checking and waiting raise PortError once the gate is closed."""
    gate = ShutdownGate()
    with gate:
        gate.check()
        gate.wait(0)
    assert gate.close(0)
    for enter in (gate.__enter__, gate.check, lambda: gate.wait(60)):
        with pytest.raises(PortError, match="taken down"):
            enter()


def test_close_awaits_starts_in_flight() -> None:
    """Closing wakes a start that waits, and returns once it has left."""
    gate, inside, left = ShutdownGate(), threading.Event(), threading.Event()

    def start() -> None:
        with gate:
            inside.set()
            with pytest.raises(PortError, match="taken down"):
                gate.wait(60)
            left.set()

    thread = threading.Thread(target=start)
    thread.start()
    inside.wait(10)
    assert gate.close(10)
    assert left.is_set()
    thread.join(10)


def test_close_has_a_limit() -> None:
    """Closing returns False after its limit if a start is still in flight."""
    gate = ShutdownGate()
    with gate:
        assert not gate.close(0)
