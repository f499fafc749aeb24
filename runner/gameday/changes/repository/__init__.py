"""Gates on a range of commits of a git repository: no system is needed."""
