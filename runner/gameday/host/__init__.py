"""The machine that gameday runs on: its child Python processes, and waiting with a time limit."""
