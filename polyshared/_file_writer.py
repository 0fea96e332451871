"""The snapshot file as its writer keeps it: replaced when it is due, and failure is a state."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from polyshared._atomic import Parts, Replacer
from polyshared._clock import Moment
from polyshared._flush_state import FlushState

_log = logging.getLogger("polyshared")


class FileWriter:
    """Flushes, one flush at a time, and tells once that flushing fails or works again.

    Args:
        replacer: Of the file.
        mutex: Guards what is written; held while *check*, *render* and *on_end* are called.
        state: Counts flushes and failures, and says when the next is due.
        clock: The writer's.
        check: Raises unless this process may write.
        render: Returns the text of the file as of now, in parts that stand until the next
            call. An OSError is a failed flush.
        on_end: Called after each flush, with whether another program had written to the file.
        on_change: Called with the error when flushing begins to fail, with None when it works
            again, without *mutex*.

    Attributes:
        callback_errors: How many calls of *on_change* raised.
    """

    def __init__(
        self,
        replacer: Replacer,
        mutex: threading.Lock,
        state: FlushState,
        clock: Callable[[], Moment],
        *,
        check: Callable[[float], None],
        render: Callable[[Moment], Parts],
        on_end: Callable[[bool], None],
        on_change: Callable[[OSError | None], None] | None,
    ) -> None:
        self._replacer = replacer
        self.callback_errors = 0
        self._flushing = threading.Lock()  # held for a whole flush; taken before the mutex
        self._mutex = mutex
        self._state = state
        self._clock = clock
        self._check = check
        self._render = render
        self._on_end = on_end
        self._on_change = on_change

    def flush(self) -> None:
        """Write the file now.

        Raises:
            OSError: The old file stands, and the failure is noted.
            Exception: What *render* raised; nothing is noted.
        """
        with self._flushing:
            try:
                with self._mutex:
                    parts = self._render(self._clock())
                was_disturbed = self._replacer.replace(*parts)
            except OSError as error:
                self._end(error, was_disturbed=False)
                raise
            self._end(None, was_disturbed=was_disturbed)

    def flush_if_due(self) -> float:
        """Flush if it is time to. Returns the seconds until it will be time again."""
        if self._due_in_s() <= 0:
            with suppress(OSError):  # it is a state now
                self.flush()
        return max(0.0, self._due_in_s())

    def _due_in_s(self) -> float:
        with self._mutex:
            boot_s = self._clock().boot_s
            self._check(boot_s)
            return self._state.due_in_s(boot_s)

    def _end(self, error: OSError | None, *, was_disturbed: bool) -> None:
        with self._mutex:
            has_changed = self._state.end(error, self._clock().wall_s)
            self._on_end(was_disturbed)
        if not has_changed or self._on_change is None:
            return
        try:
            self._on_change(error)
        except Exception:  # noqa: BLE001 - a user's callback must not stop the writer
            self.callback_errors += 1
            _log.exception("on_flush_state of %s raised", self._replacer.target)
