"""`python -m gameday`: the command without its console script."""

from gameday.cli import main

main()
