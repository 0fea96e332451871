"""What a benchmark is given: a directory, its time, and whom to tell."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Context:
    """One run.

    Attributes:
        directory: Where it may write. On a disk, unless the user says otherwise.
        ends_at: Monotonic seconds at which the whole run has to be over.
        is_quick: A look at whether everything works; the figures are worth nothing.
    """

    directory: Path
    ends_at: float
    is_quick: bool

    @property
    def left_s(self) -> float:
        return self.ends_at - time.monotonic()


def say(text: str) -> None:
    """Tell the user how far it is."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
