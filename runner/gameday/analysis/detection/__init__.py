"""Detection: alerts judged, delays, the theoretical limit, false alarms."""
