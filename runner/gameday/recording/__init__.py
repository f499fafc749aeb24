"""Records of a run: journal, samples, clock, and files that are replaced atomically."""
