"""Commands of a game day and its debrief."""
