"""A file descriptor that becomes readable when a key changes."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from polyshared._errors import SnapshotError

if TYPE_CHECKING:
    from polyshared._reader import SnapshotReader

_STEP_S = 1.0


class Wakeup:
    """One thread that follows one key and writes to a pipe.

    A wake-up is a hint that something changed: read it away with `clear`, then
    ask a reader of your own for the entry. Many changes may make one wake-up.
    """

    def __init__(self, reader: SnapshotReader, key: str) -> None:
        self._reader = reader
        self._key = key
        self._told: object = None
        self._is_closed = False
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self._write_fd, False)
        threading.Thread(target=self._run, name="polyshared wakeup", daemon=True).start()

    def fileno(self) -> int:
        return self._read_fd

    def clear(self) -> None:
        """Take all wake-ups so far."""
        with suppress(BlockingIOError):
            os.read(self._read_fd, 1 << 16)

    def close(self) -> None:
        """Close the descriptor. The thread ends within a second, by itself."""
        if not self._is_closed:
            self._is_closed = True
            os.close(self._read_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        with self._reader:
            while not self._is_closed:
                if (outcome := self._follow()) != self._told:
                    self._told = outcome
                    self._ring()
        os.close(self._write_fd)

    def _follow(self) -> object:
        try:
            return self._reader.follow(self._key, timeout_s=_STEP_S).version
        except SnapshotError as error:
            return str(type(error)), getattr(error, "key", None)

    def _ring(self) -> None:
        try:
            os.write(self._write_fd, b"!")
        except BlockingIOError:
            pass  # full of wake-ups that nobody has taken: that is readable enough
        except BrokenPipeError:
            self._is_closed = True
