"""Statistics over several runs: trials, comparisons, baselines, suites and trends."""
