"""The Protocol of faults, and where they act."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gameday.ports.load_port import Load
from gameday.ports.system_port import System

Wait = Callable[[float], bool]
"""Wait for so many seconds; return False at once if the run is being ended."""


class Fault(Protocol):
    """What a scenario does to the system. `undo` is plain JSON data from which `gameday.faults.rebuild` rebuilds it.

    `inject` returns once the system has confirmed the fault, or at the end of a ramp. `revert` is idempotent, also
    after an `inject` that failed or was cut short. Both raise PortError. `meaning` says what the fault is on this
    substrate, if that differs between substrates, else it is empty.
    """

    target: str

    @property
    def meaning(self) -> str: ...

    def undo(self) -> Mapping[str, Any]: ...

    def inject(self, wait: Wait) -> None: ...

    def revert(self) -> None: ...


class Standing(Protocol):
    """The book of the faults that stand on a knob of the system: `gameday.faults.standing_faults`.

    `apply` sets the knob to what the shares make together, `on` and `off` turn one that has no shares.
    """

    def put(self, knob: str, mark: str, share: Any, apply: Callable[[Sequence[Any]], None]) -> None: ...

    def take(self, knob: str, mark: str, apply: Callable[[Sequence[Any]], None]) -> None: ...

    def hold(self, knob: str, mark: str, on: Callable[[], object]) -> None: ...

    def release(self, knob: str, mark: str, off: Callable[[], object]) -> None: ...


@dataclass(frozen=True)
class Arena:
    """Where faults act, and the book of those that stand. All faults of a run have the same."""

    system: System
    load: Load
    standing: Standing
