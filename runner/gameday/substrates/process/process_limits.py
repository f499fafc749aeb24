"""Bounds on running instances of the process substrate, and lifting them: `ports.Limits` without the register.

Processor time is the throttle's, memory the watch's; here is what was asked for of whom. Files are bound by `filecap`.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from gameday.host.child_python import FOLDER, minimal_environment, script_command
from gameday.ports import Instance, PortError
from gameday.substrates.process import file_size_limit
from gameday.substrates.process.cpu_throttle import Throttle
from gameday.substrates.process.process_table import Census
from gameday.substrates.process.process_tree import Tree

CAP_S = 20.0
HINT = "run as root, or as the user whose processes they are"


class Limits:
    """Safe from any thread. Instances are known by their id, which is never given twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._throttles: dict[str, Throttle] = {}
        self._memory: dict[str, int] = {}
        self._capped: set[str] = set()

    def limit(self, instance: Instance, tree: Tree, cpus: float | None, memory: int | None) -> None:
        with self._lock:
            if memory is not None:
                self._memory[instance.id] = memory
            if cpus is not None and instance.id in self._throttles:
                self._throttles[instance.id].cpus = cpus
            elif cpus is not None:
                self._throttles[instance.id] = Throttle(tree, cpus)

    def memory(self, instance: Instance, declared: int | None) -> int | None:
        """Its bound now, in bytes."""
        return self._memory.get(instance.id, declared)

    def cap(self, instance: Instance, tree: Tree, folders: Sequence[Path], log: Path) -> None:
        """No file beyond the largest below `folders`, but some room in the log. Raises PortError."""
        with self._lock:
            self._capped.add(instance.id)
        least = (log.stat().st_size if log.exists() else 0) + file_size_limit.ROOM
        places = [word for folder in folders for word in ("--folder", str(folder))]
        # What a process started before its own bound came is found by the second look.
        known: set[int] = set()
        while fresh := set(tree.members(Census())) - known:
            _filecap(instance, "cap", str(least), *places, *_pids(fresh))
            known |= fresh

    def lift(self, instance: Instance, tree: Tree | None) -> None:
        """All of it; None where the instance runs no more."""
        with self._lock:
            throttle = self._throttles.pop(instance.id, None)
            self._memory.pop(instance.id, None)
            capped = instance.id in self._capped
            self._capped.discard(instance.id)
        if throttle:
            throttle.end()
        if tree and capped and (family := tree.members(Census())):
            _filecap(instance, "lift", *_pids(family))

    def close(self) -> None:
        """No throttle acts any more."""
        with self._lock:
            throttles, self._throttles = self._throttles, {}
        for throttle in throttles.values():
            throttle.end()


def _pids(family: Iterable[int]) -> list[str]:
    return [word for pid in family for word in ("--pid", str(pid))]


def _filecap(instance: Instance, *words: str) -> None:
    command = script_command(file_size_limit.__file__, *words)
    try:
        done = subprocess.run(
            command, env=minimal_environment(), cwd=FOLDER, capture_output=True, text=True, timeout=CAP_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PortError(f"{instance.id}: its files can't be bounded: {error}") from None
    if done.returncode:
        raise PortError(
            f"{instance.id}: its files can't be bounded: exit status {done.returncode}: "
            f"{done.stderr.strip()}; {HINT}"
        )
