"""Keeps a board going for the writer: builds it anew when it is full, gone or broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from polyshared._board_writer import BoardFullError, BoardWriter


class Broadcast:
    """The lane as the writer uses it. Its trouble never stops the writer.

    Without a board every call does nothing, until `restore` finds that one
    can be built again: losing the lane costs speed, never correctness.

    Args:
        path: The board's.
        epoch: Life of the writer.
        boot_id: This boot.
        pulse: Returns the feed's payload as of now.
        entries: Returns all entries, for a new board.

    Attributes:
        error: Why there is no board; None while there is one.
    """

    def __init__(
        self,
        path: Path,
        *,
        epoch: int,
        boot_id: str,
        pulse: Callable[[], bytes],
        entries: Callable[[], Mapping[str, bytes]],
    ) -> None:
        self.error: OSError | None = None
        self._path = path
        self._epoch = epoch
        self._boot_id = boot_id
        self._pulse = pulse
        self._entries = entries
        self._board: BoardWriter | None = None

    def restore(self) -> None:
        """Build a board if there is none in place."""
        if self._board is None or not self._board.is_in_place():
            self._build()

    def put(self, key: str, payload: bytes) -> None:
        """Publish an entry that is already among the entries."""
        if self._board is None:
            return
        try:
            self._board.put(key, payload)
        except BoardFullError:
            self._build()
        except OSError as error:
            self._fail(error)

    def delete(self, key: str) -> None:
        if self._board is None:
            return
        try:
            self._board.delete(key)
        except OSError as error:
            self._fail(error)

    def beat(self) -> None:
        """Publish the sign of life."""
        if self._board is None:
            return
        try:
            self._board.set_feed(self._pulse())
        except BoardFullError:
            self._build()
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        if self._board is not None:
            self._board.close()
            self._board = None

    def _build(self) -> None:
        old = self._board
        try:
            self._board = BoardWriter(
                self._path,
                epoch=self._epoch,
                boot_id=self._boot_id,
                feed=self._pulse(),
                entries=self._entries(),
            )
        except OSError as error:
            self._fail(error)
            return
        self.error = None
        if old is not None:
            old.close()

    def _fail(self, error: OSError) -> None:
        """Do without, and take the half-working board away so that readers notice at once."""
        self.error = error
        self.close()
        with suppress(OSError):
            self._path.unlink()
