"""Models of a team's own system and of its own load."""
