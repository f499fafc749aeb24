"""The end of the command's process, even if one of its threads hangs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HANGS = """
import threading
from concurrent.futures import ThreadPoolExecutor
from gameday.execution.process_exit import leave
def start():
    ThreadPoolExecutor(1, thread_name_prefix="system").submit(threading.Event().wait)
starter = threading.Thread(target=start, daemon=True)  # Python waits for the threads of its pool, although they are daemons
starter.start()
starter.join()
print("told")
leave(5, patience=0.05)
"""
FINISHES = """
import threading
from gameday.execution.process_exit import leave
done = []
threading.Timer(0.1, lambda: done.append(print("done"))).start()
leave(3)
"""


@pytest.mark.parametrize(
    ("program", "status", "printed", "error"),
    [(HANGS, 5, "told", "threads still hang and were abandoned: system"), (FINISHES, 3, "done", "")],
)
def test_a_process_ends_with_its_status(program: str, status: int, printed: str, error: str) -> None:
    """A hanging thread is abandoned and named, a slow one is waited for, and all output is kept."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (status, printed, error)
