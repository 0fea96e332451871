"""Did the machine stand still? A thread that wakes each millisecond knows."""

from __future__ import annotations

import threading
import time

_STEP_S = 0.001


class Hiccups:
    """Keeps the longest time by which a one-millisecond sleep came late."""

    def __init__(self) -> None:
        self._worst_s = 0.0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hiccups", daemon=True)
        self._thread.start()

    def take_ms(self) -> float:
        """Return the worst since the last call, and begin anew."""
        worst_s, self._worst_s = self._worst_s, 0.0
        return worst_s * 1000

    def close(self) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.is_set():
            began = time.monotonic()
            time.sleep(_STEP_S)
            self._worst_s = max(self._worst_s, time.monotonic() - began - _STEP_S)
