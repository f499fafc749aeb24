"""Limits on running instances of the process substrate: which limit each instance has, and lifting it.

Processor time is limited by `cpu_throttle`, memory by `memory_limit`, files by `file_size_limit`.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from gameday.host.child_python import FOLDER, minimal_environment, script_command
from gameday.ports import Instance, PortError
from gameday.substrates.process.limits import file_size_limit
from gameday.substrates.process.limits.cpu_throttle import CpuThrottle
from gameday.substrates.process.process_table import ProcessTable
from gameday.substrates.process.process_tree import ProcessTree

CAP_S = 20.0
HINT = "run as root, or as the user whose processes they are"


class ProcessLimits:
    """Thread-safe. Instances are known by their id, which is never reused."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._throttles: dict[str, CpuThrottle] = {}
        self._memory: dict[str, int] = {}
        self._capped: set[str] = set()

    def limit(self, instance: Instance, tree: ProcessTree, cpus: float | None, memory: int | None) -> None:
        """Limit processor time (cores), memory (bytes) or both; None leaves a limit as it is."""
        with self._lock:
            if memory is not None:
                self._memory[instance.id] = memory
            if cpus is not None and instance.id in self._throttles:
                self._throttles[instance.id].cpus = cpus
            elif cpus is not None:
                self._throttles[instance.id] = CpuThrottle(tree, cpus)

    def memory(self, instance: Instance, declared: int | None) -> int | None:
        """Return the instance's present memory limit in bytes: one that was set, else the `declared` one."""
        return self._memory.get(instance.id, declared)

    def cap(self, instance: Instance, tree: ProcessTree, folders: Sequence[Path], log: Path) -> None:
        """Let no file grow beyond the largest below `folders`, with some room left in the log. Raise PortError."""
        with self._lock:
            self._capped.add(instance.id)
        least = (log.stat().st_size if log.exists() else 0) + file_size_limit.ROOM
        options = [word for folder in folders for word in ("--folder", str(folder))]
        # A second pass finds what a process started before it was capped itself.
        known: set[int] = set()
        while fresh := set(tree.members(ProcessTable())) - known:
            _limit_files(instance, "cap", str(least), *options, *_pid_options(fresh))
            known |= fresh

    def lift(self, instance: Instance, tree: ProcessTree | None) -> None:
        """Lift every limit of the instance; `tree` is None if it doesn't run any more. Raise PortError."""
        with self._lock:
            throttle = self._throttles.pop(instance.id, None)
            self._memory.pop(instance.id, None)
            capped = instance.id in self._capped
            self._capped.discard(instance.id)
        if throttle:
            throttle.end()
        if tree and capped and (family := tree.members(ProcessTable())):
            _limit_files(instance, "lift", *_pid_options(family))

    def close(self) -> None:
        """End every throttle."""
        with self._lock:
            throttles, self._throttles = self._throttles, {}
        for throttle in throttles.values():
            throttle.end()


def _pid_options(family: Iterable[int]) -> list[str]:
    return [word for pid in family for word in ("--pid", str(pid))]


def _limit_files(instance: Instance, *arguments: str) -> None:
    command = script_command(file_size_limit.__file__, *arguments)
    try:
        done = subprocess.run(
            command, env=minimal_environment(), cwd=FOLDER, capture_output=True, text=True, timeout=CAP_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PortError(f"{instance.id}: its files can't be limited: {error}") from None
    if done.returncode:
        raise PortError(
            f"{instance.id}: its files can't be limited: exit status {done.returncode}: "
            f"{done.stderr.strip()}; {HINT}"
        )
