"""CEL expressions: expectations, abort conditions, names and literals."""
