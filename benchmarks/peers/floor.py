"""The floor: what waking one child for its own value costs here, with nothing that makes it safe.

A mapped file with one copy of each value and a futex. No second copy, checksum, epoch, proof,
lock, sign of life or JSON file: a killed writer leaves a reader with half a value, a full disk or
a truncated file kills both. It is no design that one could use. It tells how much of a figure is
the machine, the interpreter and the harness.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform

import msgspec

from benchmarks.harness.peer import EVENT, Entry, Peer, Place, make_entry

_FILE = "floor.board"
_STRIDE = 1024
_PAYLOAD = 16  # after the number of the write, and the length
_FUTEX = ctypes.c_long({"x86_64": 202, "aarch64": 98}.get(platform.machine(), -1))
_WAIT, _WAKE, _ALL = ctypes.c_int(0), ctypes.c_int(1), ctypes.c_int(0x7FFFFFFF)
_wait = ctypes.CDLL(None)["syscall"]
_wake = ctypes.PyDLL(None)["syscall"]


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Board:
    """The file, mapped: its bytes, its words, and the address of each slot's word."""

    def __init__(self, place: Place) -> None:
        size = place.tokens * _STRIDE
        fd = os.open(place.directory / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)
            self.bytes = mmap.mmap(fd, size)
        finally:
            os.close(fd)
        self.words = memoryview(self.bytes).cast("Q")
        self._start = ctypes.addressof(ctypes.c_char.from_buffer(self.bytes))

    def address(self, number: int) -> ctypes.c_void_p:
        return ctypes.c_void_p(self._start + number * _STRIDE)


class _Publisher:
    def __init__(self, place: Place) -> None:
        self._board = _Board(place)
        self._encode = msgspec.json.Encoder().encode
        self._slots = {
            key: (number * _STRIDE, self._board.address(number))
            for number, key in enumerate(place.keys)
        }
        for key in place.keys:
            self.publish(key, make_entry(0))

    def publish(self, key: str, entry: Entry) -> None:
        data = self._encode(entry)
        start, address = self._slots[key]
        board, word = self._board, start >> 3
        board.bytes[start + _PAYLOAD : start + _PAYLOAD + len(data)] = data
        board.words[word + 1] = len(data)
        board.words[word] += 1
        _wake(_FUTEX, address, _WAKE, _ALL)

    def close(self) -> None:
        pass


class _Follower:
    def __init__(self, place: Place, number: int) -> None:
        self._board = _Board(place)
        self._start = number * _STRIDE
        self._address = self._board.address(number)
        self._limit = ctypes.byref(_TimeSpec(1, 0))
        self._expected = ctypes.c_uint32()
        self._seen = 0
        self._decode = msgspec.json.Decoder().decode

    def next(self, timeout_s: float) -> int | None:
        del timeout_s  # a second, which is what the harness asks for
        words, word = self._board.words, self._start >> 3
        if words[word] == self._seen:
            self._expected.value = self._seen
            _wait(_FUTEX, self._address, _WAIT, self._expected, self._limit)
        while (number := words[word]) != self._seen:
            start = self._start + _PAYLOAD
            text = self._board.bytes[start : start + words[word + 1]]
            if words[word] == number and text.endswith(b"}"):  # else it is written just now
                self._seen = number
                return int(self._decode(text)[EVENT])
        return None

    def close(self) -> None:
        pass


PEER = Peer(
    name="floor",
    title="floor: one mapped copy, nothing proven or checked",
    wakes_by="futex on the key's own slot",
    open_publisher=_Publisher,
    open_follower=_Follower,
)
