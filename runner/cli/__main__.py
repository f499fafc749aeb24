"""`python -m runner.cli`: the command without its console script."""

from runner.cli import main

main()
