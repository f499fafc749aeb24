"""Docker substrate: containers through the Engine API."""
