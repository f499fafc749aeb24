"""The error of every port."""


class PortError(Exception):
    """The tool or the substrate failed (exit status 4)."""
