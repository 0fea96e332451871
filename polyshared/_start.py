"""What a writer looks at before it begins."""

from __future__ import annotations

import errno
import stat
from contextlib import closing, suppress
from pathlib import Path

from polyshared import _linux
from polyshared._atomic import clean_temporaries, process_exists
from polyshared._board import board_path
from polyshared._clock import Moment, age_s
from polyshared._codec import HEAD_BYTES, MAX_EPOCH, parse_head
from polyshared._files import find_board_epoch, find_epoch, read_up_to
from polyshared._lane import Lane, LaneLostError
from polyshared._lock import owner_path, read_owner


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


def next_epoch(path: Path, at: Moment) -> int:
    """Return an epoch later than all that can still be found, whatever the clock says."""
    owner = read_owner(path)
    last = max(find_epoch(path), find_board_epoch(board_path(path)), owner.epoch if owner else 0)
    return min(max(int(at.wall_s * 1000), last + 1), MAX_EPOCH)


def clean_up(path: Path) -> None:
    """Remove what killed writers left. Call it with the lock held."""
    own = {path.name, board_path(path).name, owner_path(path).name}
    clean_temporaries(path.parent, own=own, is_alive=process_exists)


def require_usable(path: Path, *, allow_remote: bool) -> None:
    """Refuse a place where a snapshot cannot be kept.

    Raises:
        FileExistsError: Something that is no regular file has the name.
        OSError: The directory is missing, or on a network file system.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "is there and is not a regular file", str(path))
    if not allow_remote and _linux.is_remote(path.parent):
        message = "is on a network file system, where locks may not hold"
        raise OSError(errno.EOPNOTSUPP, message, str(path))
