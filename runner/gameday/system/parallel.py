"""Parallel execution of work that starts and kills instances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

MAX_THREADS = 64


def run_in_parallel(work: Sequence[Callable[[], object]]) -> None:
    """Run all work in parallel. Raise the first error at once: work that waits for the failed part would hide it."""
    if not work:
        return
    pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="system")
    try:
        for future in as_completed([pool.submit(call) for call in work]):
            future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
