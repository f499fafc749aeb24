"""Systems of one's own: how they are brought up, changed and reverted."""
