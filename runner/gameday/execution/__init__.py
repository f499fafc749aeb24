"""Execution of runs: selection, trials, suites, parallel workers, system reuse and wiring."""
