"""A plug-in of gameday: the fault `acme.stall`, the detector `acme-streak` and the policy `acme-restart`."""
