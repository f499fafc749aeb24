"""Suites: selection of scenarios, parallel workers, the runner, and what a suite writes."""
