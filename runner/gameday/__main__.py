"""`python -m gameday`: the command without its console script."""

import sys

if not sys.flags.safe_path:
    # `-m` searches the current folder first: a `random.py` there would be taken for the standard library's.
    del sys.path[0]

from gameday.cli import main

main()
