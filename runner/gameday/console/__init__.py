"""Terminal output: live progress, status tables, summaries and CI annotations."""
