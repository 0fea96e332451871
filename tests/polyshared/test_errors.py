"""Each error says in one sentence what was seen, what was expected and what to do."""

from __future__ import annotations

import math

import pytest

from polyshared import (
    SnapshotCorrupt,
    SnapshotError,
    SnapshotMissing,
    SnapshotStale,
    SnapshotTooNew,
    WriterBusy,
    WriterFenced,
)

PATH = "data/ws_cache.json"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (SnapshotError(PATH), "cannot be used"),
        (SnapshotMissing(PATH), "does not exist; is the writer running?"),
        (SnapshotMissing(PATH, key="a"), "has no key 'a'"),
        (SnapshotMissing(PATH, empty=True), "is empty, as after a power cut; waits for a writer"),
        (
            SnapshotCorrupt(PATH, "truncated"),
            "not a snapshot: truncated; the next flush of a live writer replaces it",
        ),
        (
            SnapshotCorrupt(PATH, "invalid character", position=7),
            (
                "not a snapshot: invalid character at byte 7; "
                "the next flush of a live writer replaces it"
            ),
        ),
        (
            SnapshotStale(PATH, age_s=12.44, limit_s=10),
            "last written 12.4 s ago, limit is 10 s; is the writer running?",
        ),
        (
            SnapshotStale(PATH, age_s=math.inf, limit_s=10),
            "last written before the last boot, limit is 10 s; is the writer running?",
        ),
        (
            SnapshotStale(PATH, age_s=0.2, limit_s=10, superseded=True),
            "last written 0.2 s ago by a writer that was replaced; wait for the new one",
        ),
        (
            SnapshotTooNew(PATH, schema=2, known=1),
            "schema was 2, newest known is 1; upgrade polyshared and restart this process",
        ),
        (
            WriterBusy(PATH, pid=42, host="mm-1", started_at=1795180001.1),
            "pid 42 on mm-1 is the writer since 2026-11-20T13:06:41Z; stop it first",
        ),
        (
            WriterBusy(PATH, pid=42, host="mm-1", started_at=None),
            "pid 42 on mm-1 is the writer; stop it first",
        ),
        (
            WriterBusy(PATH, pid=None, host=None, started_at=None),
            "another process is the writer, its owner file is missing; try again in 1 s",
        ),
        (
            WriterFenced(PATH, "another writer has taken over"),
            "another writer has taken over; make a new writer to go on",
        ),
    ],
)
def test_the_sentence(error: SnapshotError, sentence: str) -> None:
    assert str(error) == f"{PATH}: {sentence}"
    assert error.path == PATH


def test_no_reader_error_is_a_kind_of_another() -> None:
    """Each asks for another action, so catching one must not catch a second."""
    kinds = [SnapshotMissing, SnapshotCorrupt, SnapshotStale, SnapshotTooNew]

    assert all(kind.__bases__ == (SnapshotError,) for kind in kinds)
