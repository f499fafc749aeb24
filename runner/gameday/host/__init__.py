"""The machine that gameday runs on: its child Python processes, waiting with a time limit, and HTTP past its proxies."""
