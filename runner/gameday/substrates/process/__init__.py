"""Process substrate: services as child processes on loopback."""
