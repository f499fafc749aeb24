"""Alerts of a team's own monitoring: received or polled, stamped on the run's clock, and traced to what delayed them."""
