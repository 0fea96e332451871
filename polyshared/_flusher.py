"""A thread that flushes when it is time to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from polyshared._errors import WriterFenced

STOP_S = 5.0
_log = logging.getLogger("polyshared")


class Flusher:
    """Calls *flush_if_due* until it is stopped, or until that raises.

    Args:
        path: The snapshot file, for the thread's name and the log.
        flush_if_due: Flushes if need be, and returns the seconds until it is to be called again.
        on_crash: Called with an exception that nobody expected, after it was logged. `WriterFenced`
            is only logged: every later call of the writer raises it.
    """

    def __init__(
        self,
        path: Path,
        flush_if_due: Callable[[], float],
        on_crash: Callable[[Exception], None],
    ) -> None:
        self._path = path
        self._flush_if_due = flush_if_due
        self._on_crash = on_crash
        self._wake = threading.Event()
        self._is_stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            name = f"polyshared {self._path.name}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Let the thread ask again now when it is time to."""
        self._wake.set()

    def stop(self) -> bool:
        """Let the thread end, and wait for it; False if it hangs in a flush."""
        self._is_stopped = True
        self.wake()
        if self._thread is None:
            return True
        self._thread.join(STOP_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while True:
                self._wake.clear()
                if self._is_stopped:
                    return
                self._wake.wait(self._flush_if_due())
        except WriterFenced as error:
            _log.error("%s", error)
        except Exception as error:  # noqa: BLE001 - the last line of a thread
            # A writer that takes what it is given and writes no file would look alive.
            _log.exception("%s: flushing ended", self._path)
            self._on_crash(error)
