"""Less processor time for a tree of processes, where no cgroup can be had: it stops while its share is used up.

As the kernel's own bandwidth control, it takes nothing from whoever stays below the share; the measure is time used, by
all processes together, so that a share of two cores means two. Leaves who else may hold the tree stopped to the tree.
"""

from __future__ import annotations

import threading
import time

from gameday.substrates.process.process_table import Census, usage
from gameday.substrates.process.process_tree import Tree

TICK_S = 0.02
"""Between two looks: twice the grain in which the kernel tells processor time."""
FAMILY_S = 0.1
"""For so long a new process goes uncounted."""
BURST_S = 0.1
"""Of its share can be saved up."""
END_S = 5.0


class Throttle:
    """Acts from its creation until `end`, or until the tree has ended. `cpus` may be set anew at any time."""

    def __init__(self, tree: Tree, cpus: float) -> None:
        self.cpus = cpus
        self._tree = tree
        self._over = threading.Event()
        self._seen: dict[int, float] = {}
        self._thread = threading.Thread(target=self._run, name=f"throttle-{tree.pid}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Returns once the tree goes on."""
        self._over.set()
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
        while not self._over.wait(TICK_S) and not self._tree.ended():
            now = time.monotonic()
            if now - counted >= FAMILY_S:
                counted, family = now, self._family()
            balance = min(balance + (now - then) * self.cpus - self._used(family), BURST_S * self.cpus)
            then = now
            if frozen != (balance < 0):
                frozen = not frozen
                (self._tree.freeze if frozen else self._tree.thaw)("throttle")

    def _family(self) -> list[int]:
        return self._tree.members(Census())

    def _used(self, family: list[int]) -> float:
        """Seconds of processor time since the last call. A process seen for the first time has used none yet."""
        before, self._seen = self._seen, {each.pid: each.cpu for pid in family if (each := usage(pid))}
        return max(0.0, sum(cpu - before.get(pid, cpu) for pid, cpu in self._seen.items()))
