"""Detectors of alerts from outside: payloads of a team's own monitoring, read and mapped to the scenario's SLOs."""
