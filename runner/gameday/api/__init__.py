"""Entry points for programs: the Python API and the pytest plug-in."""
