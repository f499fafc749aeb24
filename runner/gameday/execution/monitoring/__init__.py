"""Wiring of a run's telemetry: users' requests, services' metrics, and alerts from outside."""
