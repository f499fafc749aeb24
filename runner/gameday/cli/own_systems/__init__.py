"""Commands that find a way into a system of one's own."""
