"""What a writer says of itself, for whoever watches it."""

from __future__ import annotations

from polyshared._broadcast import Broadcast
from polyshared._file_writer import FileWriter
from polyshared._flush_state import FlushState


class WriterState:
    """How flushing fares, and why there is no lane. All of it may be read from any thread."""

    _file: FileWriter
    _flushes: FlushState
    _lane: Broadcast

    @property
    def lane_error(self) -> OSError | None:
        """Why there is no lane; None while there is one, or none is wanted."""
        return self._lane.error

    @property
    def failing_since(self) -> float | None:
        """Epoch seconds since when flushing fails; None while it works."""
        return self._flushes.failing_since

    @property
    def failures(self) -> int:
        """How many flushes have failed in all."""
        return self._flushes.failures

    @property
    def last_error(self) -> OSError | None:
        """The last failure of a flush; stays after recovery."""
        return self._flushes.last_error

    @property
    def callback_errors(self) -> int:
        """How many calls of *on_flush_state* raised."""
        return self._file.callback_errors
