"""Share the latest state of many keys between processes of one machine.

One process writes, any number read. What they share is a file that is plain
JSON at every instant, and beside it a faster lane with the same content.

    _errors     the tree of errors
    _clock      one reading of the clocks, the age of a stamp
    _atomic     write_atomic(): old bytes or new bytes, never a mix
    _scan       duplicate keys and endless depth in JSON
    _codec      the pieces of the file as text
    _lines      its entries, patched in place
    _snapshot   Snapshot, Entry, Cursor; encode_snapshot(), parse_snapshot()
    _lock       one writer at a time
    _writer     SnapshotWriter
    _file       the file as a reader finds it
    _history    a reader never goes back
    _doorbell   wait for a change
    _reader     SnapshotReader
    cli         the command
"""

from polyshared._atomic import write_atomic
from polyshared._errors import (
    SnapshotCorrupt,
    SnapshotError,
    SnapshotMissing,
    SnapshotStale,
    SnapshotTooNew,
    WriterBusy,
    WriterFenced,
)
from polyshared._reader import SnapshotReader
from polyshared._snapshot import Changes, Cursor, Entry, Feed, Snapshot
from polyshared._writer import SnapshotWriter

__version__ = "1.0.0"
__all__ = [
    "Changes",
    "Cursor",
    "Entry",
    "Feed",
    "Snapshot",
    "SnapshotCorrupt",
    "SnapshotError",
    "SnapshotMissing",
    "SnapshotReader",
    "SnapshotStale",
    "SnapshotTooNew",
    "SnapshotWriter",
    "WriterBusy",
    "WriterFenced",
    "write_atomic",
]
