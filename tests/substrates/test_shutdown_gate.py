"""Starts in flight against a substrate going down."""

from __future__ import annotations

import threading

import pytest

from gameday.ports import PortError
from gameday.substrates.shutdown_gate import ShutdownGate


def test_closed_gate_lets_nobody_in() -> None:
    """Once closed, entering, checking and waiting all raise."""
    gate = ShutdownGate()
    with gate:
        gate.check()
        gate.wait(0)
    assert gate.close(0)
    for enter in (gate.__enter__, gate.check, lambda: gate.wait(60)):
        with pytest.raises(PortError, match="taken down"):
            enter()


def test_close_waits_for_those_inside() -> None:
    """Closing wakes whoever waits inside, and returns only once they left."""
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


def test_close_says_when_somebody_stays() -> None:
    """Closing doesn't wait beyond its limit."""
    gate = ShutdownGate()
    with gate:
        assert not gate.close(0)
