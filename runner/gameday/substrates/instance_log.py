"""End of an instance's log, and messages that show it."""

from __future__ import annotations

from pathlib import Path

from gameday.ports import Instance

LINES = 15
BYTES = 8192


def log_end(log: Path) -> str:
    """Return the last 15 lines, '' if there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-LINES:])


def failure(instance: Instance, what: str, log: Path) -> str:
    """Return `us-east.pricing.3 (pricing-1.1.0) ended before it was ready`, with the end of the log below."""
    end = log_end(log)
    shown = f"; its log ends with\n{end}" if end else "; its log is empty"
    return f"{instance.id} ({instance.release}) {what}{shown}\n(all of it in {log})"


def out_of_memory(allowed: int, used: int | None = None) -> str:
    """Return `out of memory: 131.0 MiB used, 128.0 MiB allowed`; sizes are in bytes, `used` is None if unknown."""
    held = f"{used / 2**20:.1f} MiB used, " if used is not None else ""
    return f"out of memory: {held}{allowed / 2**20:.1f} MiB allowed"
