"""Share the latest state of many keys between processes of one machine.

One process writes, any number read. What they share is a file that is plain
JSON at every instant, and beside it a faster lane with the same content.

The map, in the order in which things build on each other:

    _errors        the tree of errors
    _clock         one reading of the clocks, the age of a stamp
    _linux         exchange of two names, futex, inotify
    _atomic        write_atomic(): old bytes or new bytes, never a mix
    _scan          duplicate keys and endless depth in JSON
    _codec         the pieces of the file as text
    _lines         its entries, patched in place
    _snapshot      Snapshot, Entry, Cursor
    _document      encode_snapshot(), parse_snapshot()
    _schema        the fields of the market maker's own file
    _board         the lane's format: a slot a key, in two checksummed copies
    _files         open what another process may replace by anything
    _lock          one writer at a time
    _start         what a writer looks at before it begins
    _tenure        the right to write, asked for before every write
    _table         all that a writer publishes; pure
    _board_writer  one board, written
    _broadcast     a board that is kept going
    _file_writer   the file, replaced; failure told once
    _flush_state   when the next flush is due; failure as a state; pure
    _flusher       a thread that flushes
    _writer_state  what a writer says of itself
    _writer        SnapshotWriter
    _file          the file as a reader finds it
    _lane          one board, read
    _lane_source   a board that is looked for
    _history       a reader never goes back
    _lane_reader   entries of the lane while it is fit to be used
    _doorbell      wait for another file
    _wakeup        a file descriptor for a loop of one's own
    _reader        SnapshotReader
    cli            the command
    doctor         the checklist of a trading program
"""

from polyshared._atomic import write_atomic
from polyshared._clock import Moment
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
    "Moment",
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
