"""Ends instances that hold more memory than they may, as the kernel does in a container; the substrate says which.

A look every quarter of a second: who takes and gives back within it goes unseen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from gameday.ports import Instance, PortError
from gameday.substrates.instance_log import out_of_memory
from gameday.substrates.process.process_table import Census, resident
from gameday.substrates.process.process_tree import Tree

LOOK_S = 0.25
END_S = 5.0


class MemoryWatch:
    """`bounded` gives every instance with a bound, in bytes; `exceeded` is told who is to be ended, and why."""

    def __init__(
        self,
        bounded: Callable[[], Iterable[tuple[Instance, Tree, int]]],
        exceeded: Callable[[Instance, str], None],
    ) -> None:
        self._bounded = bounded
        self._exceeded = exceeded
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(END_S)

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            if bounded := list(self._bounded()):
                census = Census()
                for instance, tree, bound in bounded:
                    used = resident(tree.members(census))
                    if used > bound:
                        with suppress(PortError, OSError):  # what can't be undone of it is left to the end
                            self._exceeded(instance, out_of_memory(bound, used))
