"""For how long has the writer been silent?"""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

from polyshared._board import board_path
from polyshared._clock import Moment, age_s
from polyshared._codec import HEAD_BYTES, parse_head
from polyshared._files import read_up_to
from polyshared._lane import Lane, LaneLostError
from polyshared._lock import read_owner


def silence_s(path: Path, at: Moment) -> float:
    """Return the seconds since the latest sign of life of the snapshot's owner.

    Zero when there is no sign at all: whoever wants the owner's place must
    then wait for one, rather than take it from a writer that just started.
    """
    ages: list[float] = []
    owner = read_owner(path)
    if owner is not None:
        ages.append(age_s(owner.started, at))
    try:
        head = parse_head(read_up_to(path, HEAD_BYTES))
    except OSError:
        head = None
    if head is not None:
        ages.append(age_s(head.written, at))
    with suppress(LaneLostError), closing(Lane(board_path(path))) as lane:
        ages.append(age_s(lane.pulse()[1], at))
    return min(ages, default=0.0)
