"""Runs scenarios and measures what came of them; `gameday.cli` is the way in."""

import os

# The matrices of detectors and limits are small: threads of numpy's own would only take the cores from the system under
# test. It must be said before numpy is imported anywhere.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
