"""Compose projects of one's own, read and started by Compose's own program, acted on by their containers' labels."""
