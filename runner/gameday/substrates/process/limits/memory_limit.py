"""Memory limit: a watch that reports instances above their limit, as the kernel does for a container.

It looks every quarter of a second: memory taken and released between two looks goes unnoticed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from gameday.ports import Instance, PortError
from gameday.substrates.instance_log import out_of_memory
from gameday.substrates.process.process_table import ProcessTable, resident
from gameday.substrates.process.process_tree import ProcessTree

LOOK_S = 0.25
END_S = 5.0


class MemoryWatch:
    """Calls `exceeded` with instance and reason until `end`.

    `limited` returns every instance with a limit, its processes and the limit in bytes.
    """

    def __init__(
        self,
        limited: Callable[[], Iterable[tuple[Instance, ProcessTree, int]]],
        exceeded: Callable[[Instance, str], None],
    ) -> None:
        self._limited = limited
        self._exceeded = exceeded
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop watching."""
        self._ending.set()
        self._thread.join(END_S)

    def _run(self) -> None:
        while not self._ending.wait(LOOK_S):
            if limited := list(self._limited()):
                table = ProcessTable()
                for instance, tree, limit in limited:
                    used = resident(tree.members(table))
                    if used > limit:
                        with suppress(
                            PortError, OSError
                        ):  # what can't be removed now is removed at the run's end
                            self._exceeded(instance, out_of_memory(limit, used))
