"""One batch of the exchange's engine, and the verdict on our ladder when it is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from POLYMARKET_MAKER.core.bookhash import HashProof
from POLYMARKET_MAKER.core.sanity import Top

BATCH_QUIET_S = 0.075
"""Silence that ends a batch. Frames of one batch were seen 0 to 7 ms apart (2026-09)."""


@dataclass(slots=True)
class Checks:
    """What the ends of batches have shown.

    Attributes:
        top_ok: Ladder and stated best prices agreed.
        top_bad: They did not.
        hash_ok: The exchange's hash of our ladder matched.
        hash_bad: It did not, although it had matched before or may yet.
        bad_in_a_row: Batches since the last good one; two call for a new snapshot.
        rejected: Quotes refused by the sanity gate.
        old_snapshots: Snapshots that changes had overtaken.
        old_changes: Changes that the last snapshot already contains.
    """

    top_ok: int = 0
    top_bad: int = 0
    hash_ok: int = 0
    hash_bad: int = 0
    bad_in_a_row: int = 0
    rejected: int = 0
    old_snapshots: int = 0
    old_changes: int = 0


class Batch(msgspec.Struct):
    """Frames that the exchange's engine made at one instant.

    Attributes:
        timestamp: Its milliseconds, as sent.
        hash: Of this token's book at the end of it; "" when not sent.
        last_frame_mono: When the last of its frames arrived.
        stated: Best bid and ask that the exchange stated for the end; None when it did not.
    """

    timestamp: str
    hash: str
    last_frame_mono: float
    stated: Top | None = None


class Batches:
    """Tells one batch of a token's frames from the next.

    Args:
        on_end: Called with each batch when it is over.

    Attributes:
        current: The batch that is going on; None between two.
    """

    def __init__(self, on_end: Callable[[Batch], None]) -> None:
        self.current: Batch | None = None
        self._on_end = on_end

    def turn(self, timestamp: str, digest: str, now: float) -> Batch:
        """Note a frame that just arrived; return the batch it belongs to.

        Args:
            timestamp: The frame's milliseconds, as sent.
            digest: Its hash for this token; "" when not sent.
            now: Monotonic reading.
        """
        batch = self.current
        if batch is not None:
            if batch.timestamp == timestamp and batch.hash == digest:
                batch.last_frame_mono = now
                return batch
            self._on_end(batch)
        self.current = batch = Batch(timestamp, digest, now)
        return batch

    def settle(self, now: float) -> None:
        """End the batch when it has been quiet for long enough."""
        batch = self.current
        if batch is not None and now - batch.last_frame_mono >= BATCH_QUIET_S:
            self.current = None
            self._on_end(batch)

    def drop(self) -> None:
        """Forget the batch without a verdict: its end will not be seen."""
        self.current = None


def judge(
    batch: Batch, checks: Checks, top: Top, *, hash_matches: bool | None, proof: HashProof
) -> None:
    """Count what the end of a batch shows of our ladder.

    Args:
        batch: The batch that is over.
        checks: Where it is counted.
        top: Best bid and ask of our ladder.
        hash_matches: Whether the exchange's hash is our ladder's; None when not compared.
        proof: A hash that has never matched convicts nobody: its rule may be another.
    """
    good = True
    if batch.stated is not None:
        good = batch.stated == top
        checks.top_ok += good
        checks.top_bad += not good
    if hash_matches is not None:
        checks.hash_ok += hash_matches
        checks.hash_bad += not hash_matches
        good = good and (hash_matches or proof.ok == 0)
    checks.bad_in_a_row = 0 if good else checks.bad_in_a_row + 1
