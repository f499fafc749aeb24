"""CPU throttle: a limit on the processor time of a process tree, for want of a cgroup.

The tree is stopped while its share is used up. As with the kernel's own bandwidth control, a tree below its share loses
nothing; what counts is the time used by all processes together, so that a share of two cores means two. Other holds on
the tree, such as a pause, are the tree's own to keep.
"""

from __future__ import annotations

import threading
import time

from gameday.substrates.process.process_table import ProcessTable, usage
from gameday.substrates.process.process_tree import ProcessTree

TICK_S = 0.02
"""Between two looks: twice the granularity of the kernel's processor times."""
FAMILY_S = 0.1
"""For how long a new process may go uncounted."""
BURST_S = 0.1
"""How much of its share a tree can save up."""
END_S = 5.0


class CpuThrottle:
    """Acts from its creation until `end`, or until the tree has ended. `cpus` may be changed at any time."""

    def __init__(self, tree: ProcessTree, cpus: float) -> None:
        self.cpus = cpus
        self._tree = tree
        self._ending = threading.Event()
        self._seen: dict[int, float] = {}
        self._thread = threading.Thread(target=self._run, name=f"throttle-{tree.pid}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Lift the limit; return once the tree continues."""
        self._ending.set()
        self._thread.join(END_S)

    def _run(self) -> None:
        try:
            self._hold_to_share()
        finally:
            self._tree.thaw("throttle")

    def _hold_to_share(self) -> None:
        self._used(self._family())
        balance, frozen, then = 0.0, False, time.monotonic()
        counted, family = then, self._family()
        while not self._ending.wait(TICK_S) and not self._tree.ended():
            now = time.monotonic()
            if now - counted >= FAMILY_S:
                counted, family = now, self._family()
            balance = min(balance + (now - then) * self.cpus - self._used(family), BURST_S * self.cpus)
            then = now
            if frozen != (balance < 0):
                frozen = not frozen
                (self._tree.freeze if frozen else self._tree.thaw)("throttle")

    def _family(self) -> list[int]:
        return self._tree.members(ProcessTable())

    def _used(self, family: list[int]) -> float:
        """Return the seconds of processor time since the last call; a process seen for the first time has used none."""
        before = self._seen
        self._seen = {process.pid: process.cpu for pid in family if (process := usage(pid))}
        return max(0.0, sum(cpu - before.get(pid, cpu) for pid, cpu in self._seen.items()))
