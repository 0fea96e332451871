"""What a reader has seen, so that it never goes back."""

from __future__ import annotations

from collections.abc import Callable

from polyshared._clock import Moment, age_s
from polyshared._snapshot import Entry


class History:
    """The latest epoch a reader knows, and the newest entry it gave out of each key.

    A suspended writer that wakes may put its old file in place of the new one
    for a moment, and the file may lag behind the lane. Both would look like a
    quote that goes back. So an older epoch is refused, with one exception: clock,
    owner file, board and file were all lost, and the new writer could not know
    what came before. It is believed once the known epoch has been silent
    for twice the limit and the lock's owner is the new one.

    Attributes:
        epoch: The latest that is known; 0: none.
        alive: Its last sign of life.
        entries: The newest that was given out of each key, all of that epoch.
    """

    def __init__(self, max_age_s: float) -> None:
        self.epoch = 0
        self.alive: Moment | None = None
        self._patience_s = 2 * max_age_s
        self.entries: dict[str, Entry] = {}

    def admits(self, epoch: int, at: Moment, owner_epoch: Callable[[], int]) -> bool:
        """Say whether news of *epoch* may be believed."""
        if epoch >= self.epoch or self.alive is None:
            return True
        return age_s(self.alive, at) > self._patience_s and owner_epoch() == epoch

    def saw(self, epoch: int, alive: Moment) -> None:
        """Note a sign of life of an admitted epoch."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.alive = alive
            self.entries.clear()
        elif self.alive is None or alive.boot_s > self.alive.boot_s:
            self.alive = alive

    def keep(self, entry: Entry) -> Entry:
        """Return *entry*, or what was given out of its key if that is newer; remember it."""
        last = self.entries.get(entry.key)
        if last is not None and last.rev > entry.rev:
            return last
        self.entries[entry.key] = entry
        return entry

    def newest(self, entry: Entry) -> Entry:
        """Return *entry* or what was given out, without remembering it."""
        last = self.entries.get(entry.key)
        return last if last is not None and last.rev > entry.rev else entry
