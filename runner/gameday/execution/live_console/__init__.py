"""What the live console shows: a run in progress, a game day, or a recorded run, each as a page source of its server."""
