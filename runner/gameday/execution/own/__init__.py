"""Runs against a team's own system: checks of its scenario, and the wiring of its parts."""
