"""Impact: requests and users hurt, blast radius, customer reports."""
