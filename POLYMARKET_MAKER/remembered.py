"""What outlives the supervisor: which tokens were started, and how their children ended.

The supervisor is the only writer of ``handled_topics.json`` and ``exit_tokens.json``.
Both are small and rarely written, so they also survive a power cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.json_files import encode, iso, load, read_own, read_stamp, typed
from POLYMARKET_MAKER.token_files import read_token_id
from polyshared import write_atomic

EXITS_KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """How a child of a token ended.

    Attributes:
        reason: Such as ``ROTATED``, ``MARKET_CLOSED``, ``USER_STOPPED``.
        refillable: Whether the token may return to the queue.
        data: What else was known: position, entry price, last quote.
    """

    token_id: str
    at: float
    reason: str
    refillable: bool
    data: Mapping[str, object] = field(default_factory=dict)


def encode_handled(token_ids: Iterable[str], now: float) -> bytes:
    """Write the tokens whose child was started at least once."""
    topics = sorted(set(token_ids))
    return encode({"updated_at": iso(now), "total": len(topics), "topics": topics})


def parse_handled(data: bytes) -> frozenset[str]:
    """Read the tokens whose child was started at least once.

    Raises:
        ValueError: It is not such a file.
    """
    found = typed(load(data), dict, "the file")
    topics = found.get("topics", found.get("handled_topics"))
    return frozenset(typed(each, str, "a topic") for each in typed(topics, list, "'topics'"))


def encode_exits(records: Iterable[ExitRecord]) -> bytes:
    """Write how children ended, oldest first."""
    return encode([_exit_row(each) for each in records])


def parse_exits(data: bytes) -> tuple[ExitRecord, ...]:
    """Read how children ended, oldest first.

    Raises:
        ValueError: It is not such a file.
    """
    return tuple(_exit(row) for row in typed(load(data), list, "the file"))


def with_exit(records: Iterable[ExitRecord], new: ExitRecord) -> tuple[ExitRecord, ...]:
    """Append *new* and keep the list bounded.

    The oldest records go first, but not the last word on a token that may not
    come back: forgetting that one would trade it again.
    """
    kept = [*records, new]
    last = {each.token_id: index for index, each in enumerate(kept)}
    surplus = len(kept) - EXITS_KEPT
    result = []
    for index, each in enumerate(kept):
        is_final_word = not each.refillable and last[each.token_id] == index
        if surplus > 0 and not is_final_word:
            surplus -= 1
        else:
            result.append(each)
    return tuple(result)


def _exit_row(record: ExitRecord) -> dict[str, object]:
    return {
        "timestamp": iso(record.at),
        "exit_ts": record.at,
        "token_id": record.token_id,
        "exit_reason": record.reason,
        "exit_data": dict(record.data),
        "refillable": record.refillable,
    }


def _exit(row: object) -> ExitRecord:
    found = typed(row, dict, "a record")
    return ExitRecord(
        token_id=read_token_id(found),
        at=read_stamp(found.get("exit_ts") or found.get("timestamp")) or 0.0,
        reason=str(found.get("exit_reason") or ""),
        refillable=bool(found.get("refillable", True)),
        data=typed(found.get("exit_data") or {}, dict, "exit_data"),
    )


class Remembered:
    """What outlives the supervisor: which tokens were started, how their children ended.

    Attributes:
        handled: Tokens whose child was started at least once.
        exits: How children ended, oldest first, bounded.
    """

    def __init__(self, *, handled_path: Path, exits_path: Path) -> None:
        """Read both files; one that is missing is empty.

        Raises:
            CannotStart: One cannot be read. Going on would trade tokens again that
                somebody stopped.
        """
        self._handled_path = handled_path
        self._exits_path = exits_path
        self.handled = read_own(handled_path, parse_handled, empty=b'{"topics": []}')
        self.exits = read_own(exits_path, parse_exits, empty=b"[]")

    @property
    def finished(self) -> dict[str, str]:
        """Tokens that may not come back by themselves, with the reason."""
        last = {each.token_id: each for each in self.exits}
        return {each.token_id: each.reason for each in last.values() if not each.refillable}

    def note_started(self, token_id: str, now: float) -> None:
        """Note that a child of *token_id* runs; *now* in epoch seconds.

        Raises:
            OSError: It could not be written; it is still remembered in memory and
                goes to the file with the next note.
        """
        if token_id not in self.handled:
            self._set_handled(self.handled | {token_id}, now)

    def forget_started(self, token_id: str, now: float) -> None:
        """Note that *token_id* was sold on a signal: its next purchase is a new one.

        Raises:
            OSError: As :meth:`note_started`.
        """
        if token_id in self.handled:
            self._set_handled(self.handled - {token_id}, now)

    def note_exit(self, record: ExitRecord) -> None:
        """Note how a child ended.

        Raises:
            OSError: As :meth:`note_started`.
        """
        self.exits = with_exit(self.exits, record)
        write_atomic(self._exits_path, encode_exits(self.exits), durable=True)

    def _set_handled(self, handled: frozenset[str], now: float) -> None:
        self.handled = handled
        write_atomic(self._handled_path, encode_handled(handled, now), durable=True)


@contextmanager
def told_if_not_written() -> Iterator[None]:
    """Let a full disk be a line in the log: what is noted goes to the file with the next note."""
    try:
        yield
    except OSError as error:
        log.error("[RUN]", event="not_remembered", reason=str(error))
