"""The command's process ends, whatever hangs in it."""

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
starter = threading.Thread(target=start, daemon=True)  # its pool's threads are daemons, and waited for all the same
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
    ("program", "status", "printed", "said"),
    [(HANGS, 5, "told", "threads still hang and were abandoned: system"), (FINISHES, 3, "done", "")],
)
def test_a_process_ends_with_its_status(program: str, status: int, printed: str, said: str) -> None:
    """A thread that hangs is left and named, one that only isn't done yet is waited for; what was printed is kept."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (status, printed, said)
