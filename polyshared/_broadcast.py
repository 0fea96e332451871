"""Keeps a board going for the writer: builds it anew when it is full, gone or broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from polyshared._board_writer import BoardFullError, BoardWriter

_Entries = Callable[[], Mapping[str, bytes]]


class Broadcast:
    """The lane as the writer uses it. Its trouble never stops the writer.

    Without a board every call does nothing, until `restore` finds that one
    can be built again: losing the lane costs speed, never correctness.

    Attributes:
        error: Why there is no board; None while there is one.
    """

    def __init__(self, path: Path, *, epoch: int, boot_id: str, entries: _Entries) -> None:
        self.error: OSError | None = None
        self._path = path
        self._epoch = epoch
        self._boot_id = boot_id
        self._entries = entries
        self._board: BoardWriter | None = None

    def restore(self, pulse: bytes) -> None:
        """Build a board if there is none in place."""
        if self._board is None or not self._board.is_in_place():
            self._build(pulse)

    def put(self, key: str, payload: bytes, pulse: Callable[[], bytes]) -> None:
        """Publish an entry that is already among the entries; *pulse* in case of a new board."""
        if self._board is None:
            return
        try:
            self._board.put(key, payload)
        except BoardFullError:
            self._build(pulse())
        except OSError as error:
            self._fail(error)

    def delete(self, key: str) -> None:
        if self._board is None:
            return
        try:
            self._board.delete(key)
        except OSError as error:
            self._fail(error)

    def set_pulse(self, pulse: bytes) -> None:
        if self._board is None:
            return
        try:
            self._board.set_feed(pulse)
        except BoardFullError:
            self._build(pulse)
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        if self._board is not None:
            self._board.close()
            self._board = None

    def _build(self, pulse: bytes) -> None:
        old = self._board
        try:
            self._board = BoardWriter(
                self._path,
                epoch=self._epoch,
                boot_id=self._boot_id,
                feed=pulse,
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
