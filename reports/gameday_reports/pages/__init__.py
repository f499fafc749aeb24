"""Pages about several runs: trials, matrix, comparison, suite, history."""
