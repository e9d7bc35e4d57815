"""Waiting for a condition, never for a time: a limit is for what never comes, on any machine."""

import os
import time

PATIENCE = 10 if os.environ.get("EGRESSD_UNDER") else 1  # valgrind takes its time


def wait_until(condition, what, timeout=60, pause=0.01):
    """The first true value of condition(); fails, naming what was awaited, after timeout."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(pause)
