"""Child process that draws: one Vega-Lite specification a line on standard input, one answer a line on standard output.

An answer is a JSON string, the SVG, or an object `{"error": …}`. The chart library runs V8, which reserves far more address
space than it uses and ends the process if it gets none; the limits and the end are this process's alone. It is run as a
script and imports nothing of the house.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys

MEMORY = 1536 * 2**20
"""Bytes of private, writable memory; drawing the largest page takes about 250 MB."""
CPU_S = 120
"""Seconds of a core, over all drawings of a process."""
FIRST = {"data": {"values": []}, "mark": "point"}


def limit() -> None:
    """Bound memory and processor time; leave no core file."""
    for kind, most in (
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    limit()
    out = sys.stdout
    try:
        import vl_convert

        vl_convert.vegalite_to_svg(FIRST)  # starts V8, while the caller still computes
        missing = ""
    except ImportError:
        missing = "the package vl-convert-python isn't installed: pip install vl-convert-python"
    for line in sys.stdin:
        try:
            answer = {"error": missing} if missing else vl_convert.vegalite_to_svg(json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
