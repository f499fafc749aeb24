"""Clocks of a run: stamps, durations, their error, and who ended the outage."""
