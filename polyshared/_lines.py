"""The entries of the file: one block of equally wide lines, patched in place."""

from __future__ import annotations

from collections.abc import Mapping

from polyshared._codec import HEAD_BYTES, MAX_BYTES, Layout, encode_key

_STEP = 64
_FRAME = 2  # a mark before the line's text, a line end behind it
_SLACK = 64  # a line may grow by this much before all lines are written anew


class Lines:
    """Keys and their encoded entries as the text between head and tail.

    Setting a key costs the same whatever the number of keys, as long as its
    text fits the width. Its line is written when the text is asked for, once
    however often the key was set; nothing else touches what `region` returned.
    """

    def __init__(self) -> None:
        self._region = bytearray()
        self._stale: set[str] = set()  # keys whose lines are yet to be written
        self._width = _STEP
        self._entries: dict[str, bytes] = {}
        self._prefixes: dict[str, bytes] = {}  # `"key":` of each
        self._numbers: dict[str, int] = {}
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._numbers

    def entries(self) -> Mapping[str, bytes]:
        """Return the encoded entries by key. They are the real ones: do not keep them."""
        return self._entries

    @property
    def region(self) -> bytearray:
        """Return the text. It is the real one: it stands until this is asked for again.

        Raises:
            BufferError: It is still in use, and would have to become longer or shorter.
        """
        size = len(self._keys) * self._width
        if size < len(self._region):
            del self._region[size:]
        elif size > len(self._region):
            self._region += bytes(size - len(self._region))
        for key in self._stale:
            self._patch(key)
        self._stale.clear()
        return self._region

    def layout(self, about: bytes) -> Layout:
        return Layout(HEAD_BYTES + len(about), self._width, len(self._keys))

    def set(self, key: str, entry: bytes) -> None:
        """Set the text of one key.

        Raises:
            ValueError: The file would become larger than a reader accepts. Nothing changed.
        """
        prefix = self._prefixes.get(key)
        if prefix is None or len(prefix) + len(entry) + _FRAME > self._width:
            self._make_room(key, len(entry))
        self._entries[key] = entry
        self._stale.add(key)

    def remove(self, key: str) -> None:
        """Remove a key; the last line moves into its place.

        Raises:
            KeyError: There is no such key.
        """
        number = self._numbers.pop(key)
        del self._entries[key], self._prefixes[key]
        self._stale.discard(key)
        last = self._keys.pop()
        if last != key:
            self._keys[number] = last
            self._numbers[last] = number
            self._stale.add(last)

    def _make_room(self, key: str, length: int) -> None:
        """Give *key* a line, and all lines a width that takes an entry of *length* bytes."""
        prefix = self._prefixes.get(key) or encode_key(key)
        length += len(prefix)
        count = len(self._keys) + (key not in self._numbers)
        width = self._width
        if length + _FRAME > width:
            width = -(-(length + _SLACK) // _STEP) * _STEP
        if count * width > MAX_BYTES:
            raise ValueError(f"{count} lines of {width} bytes were more than {MAX_BYTES} bytes")
        if width > self._width:
            self._width = width
            self._stale.update(self._entries)  # all of the text is made anew
        if key not in self._numbers:
            self._prefixes[key] = prefix
            self._numbers[key] = len(self._keys)
            self._keys.append(key)

    def _patch(self, key: str) -> None:
        number = self._numbers[key]
        start = number * self._width
        mark = b"," if number else b" "
        line = (mark + self._prefixes[key] + self._entries[key]).ljust(self._width - 1) + b"\n"
        self._region[start : start + self._width] = line
