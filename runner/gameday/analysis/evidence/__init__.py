"""Recorded evidence: the run folder, its completeness, and the steady state."""
