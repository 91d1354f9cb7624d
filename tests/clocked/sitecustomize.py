"""For the product in a process of its own: its clock is the story's.

A folder with this file on PYTHONPATH makes Python run it first, in the process that is
started and in those that it starts. ``data.clock`` is the only reader of time.
"""

import os
import threading
import time
from datetime import timedelta

_AHEAD_S = os.environ.get("TESTS_CLOCK_AHEAD_S")

if _AHEAD_S:
    import data.clock

    _real = data.clock.utc_now
    _ahead = timedelta(seconds=float(_AHEAD_S))
    data.clock.utc_now = lambda: _real() + _ahead  # type: ignore[assignment]

if "libfaketime" in os.environ.get("LD_PRELOAD", ""):
    # libfaketime 0.9.10 refuses clock_nanosleep by the monotonic clock, time.sleep's own
    _nobody = threading.Event()
    time.sleep = _nobody.wait  # type: ignore[assignment]
