"""The lane beside the snapshot file, as one look shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from polyshared._board import board_path
from polyshared._clock import Moment
from polyshared._codec import parse_fields
from polyshared._lane import Lane, LaneLostError


@dataclass(frozen=True, slots=True)
class LaneLook:
    """What the lane said at one moment.

    Attributes:
        error: Why it cannot be used; None when it can.
        written: The writer's last sign of life.
        failing_since: Epoch seconds since when the writer cannot write the file.
        revs: Change counter of each key that was asked for; a key that is absent has none.
    """

    error: str | None = None
    epoch: int = 0
    written: Moment | None = None
    failing_since: float | None = None
    revs: Mapping[str, int] | None = None


def look(snapshot: Path, keys: Iterable[str]) -> LaneLook | None:
    """Read the lane of *snapshot*; None when there is no board."""
    path = board_path(snapshot)
    if not path.exists():
        return None
    try:
        with closing(Lane(path)) as lane:
            pulse, written = lane.pulse()
            revs = {key: rev for key in keys if (rev := _rev(lane.payload(key))) is not None}
            return LaneLook(
                epoch=lane.geometry.epoch,
                written=written,
                failing_since=pulse.failing_since,
                revs=revs,
            )
    except LaneLostError as error:
        return LaneLook(error=str(error))


def _rev(payload: bytes) -> int | None:
    fields = parse_fields(payload) if payload else None
    rev = None if fields is None else fields.get("rev")
    return rev if isinstance(rev, int) else None
