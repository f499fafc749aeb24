"""Mutations of files and messages by a seed: bits, cuts, repeated and swapped lines, and values that break parsers."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

CPU_S, MEMORY = 2.0, 300 * 2**20
"""Most of an input: seconds of a core, and bytes that the process may grow."""
VALUES = [
    *(b"", b"null", b"NaN", b"-1e999", b"1e400", b"-0", b"9" * 400, b"[" * 5000, b'{"a":' * 2000, b'"', b"\\u0000"),
    *(b"\x00", b"\xff\xfe", "٣".encode(), "\u202e".encode(), b"\x1b]0;x\x07", b"../" * 40, b"/dev/stdin", b"A" * 70_000),
    *(b"true", b"[]", b"{}", b"\r\n", b"\n\n", b"---\n", b"&a *a", b"!!python/object:os.system x", b"1e-400", b"2**63"),
]  # fmt: skip
_WATCHED = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "socket.connect", "socket.bind", "open", "os.remove", "os.rename", "shutil.rmtree", "os.mkdir", "os.rmdir", "os.truncate", "os.kill")  # fmt: skip
_results: list[str] | None = None
_allowed = ""


def mutated(raw: bytes, random: Random) -> bytes:
    """Return the bytes with one to four changes."""
    data = bytearray(raw)
    for _ in range(random.randint(1, 4)):
        _change(data, random)
    return bytes(data)


def _change(data: bytearray, random: Random) -> None:
    at = random.randrange(len(data) + 1)
    until = min(len(data), at + random.choice((1, 1, 4, 30, 1000)))
    match random.randrange(7):
        case 0:
            data[at:until] = random.choice(VALUES)
        case 1:
            data[at:at] = random.choice(VALUES)
        case 2:
            del data[at:until]
        case 3 if data:
            data[at % len(data)] ^= 1 << random.randrange(8)
        case 4:
            del data[at:]
        case 5:
            data[at:at] = data[at:until] * random.choice((1, 2, 50))
        case _:
            lines = bytes(data).split(b"\n")
            lines[random.randrange(len(lines))] = random.choice((*lines, *VALUES))
            data[:] = b"\n".join(lines)


def _hook(name: str, arguments: tuple[Any, ...]) -> None:
    if _results is None or name not in _WATCHED:
        return
    if name == "open" and (
        isinstance(arguments[0], int) or not (isinstance(arguments[2], int) and arguments[2] & 3)
    ):
        return
    place = str(arguments[0]) if arguments else ""
    if not (name.startswith(("open", "os.", "shutil.")) and place.startswith(_allowed)):
        _results.append(f"{name}{arguments!r}"[:200])


sys.addaudithook(_hook)


@contextlib.contextmanager
def bounded(folder: Path, *, cpu_s: float = CPU_S) -> Iterator[None]:
    """Raise AssertionError if the block takes too much, starts a process, opens a socket, or writes outside `folder`."""
    global _results, _allowed
    results: list[str] = []
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    _results, _allowed = results, str(folder)
    try:
        yield
    finally:
        _results = None
    assert not results, results
    assert time.process_time() - began < cpu_s
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY
