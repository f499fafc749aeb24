"""Supervision of background loops: an unforeseen error is logged and counted, and the loop goes on after a back-off."""

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable

from . import metrics

FIRST_S = 0.5
LONGEST_S = 15.0
# A loop that ran for so long without a failure begins with the first back-off again.
WELL_S = 30.0


async def supervised(name: str, loop: Callable[[], Awaitable[None]]) -> None:
    """Run `loop` until it returns or is cancelled; if it raises, run it again after a back-off that doubles."""
    clock = asyncio.get_running_loop().time
    pause = FIRST_S
    while True:
        begun = clock()
        try:
            await loop()
        except Exception:
            metrics.LOOP_FAILURES.labels(name).inc()
            print(f"background loop {name} failed and goes on:", file=sys.stderr)  # noqa: T201
            traceback.print_exc(file=sys.stderr)
        else:
            return
        if clock() - begun > WELL_S:
            pause = FIRST_S
        await asyncio.sleep(pause)
        pause = min(LONGEST_S, 2 * pause)
