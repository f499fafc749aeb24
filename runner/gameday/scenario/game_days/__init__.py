"""Plans of game days, `kind: GameDay`."""
