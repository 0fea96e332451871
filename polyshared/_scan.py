"""Find what a JSON parser forgives: a key given twice, and depth without end.

A parser keeps the last of two equal keys, a search in the text finds the first.
Two programs would then trade on two prices of one file, so a snapshot with such
a key is no snapshot. This scanner is slow and runs only on text that
our own writer did not make (see `_codec`), or to say where a fault is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_DEPTH = 100
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:]', re.DOTALL)


class Fault(NamedTuple):
    detail: str
    position: int


def find_fault(text: bytes) -> Fault | None:
    """Return the first duplicate key or the place where nesting is too deep.

    *text* is taken to be JSON apart from that; anything else gives no answer
    worth having, and no exception.
    """
    seen: list[set[bytes] | None] = []  # one a level; None for an array
    for token, position, is_key in _tokens(text):
        if token in b"{[":
            seen.append(set() if token == b"{" else None)
            if len(seen) > MAX_DEPTH:
                return Fault(f"nested deeper than {MAX_DEPTH}", position)
        elif token in b"}]":
            if seen:
                seen.pop()
        elif is_key and seen and (keys := seen[-1]) is not None:
            if token in keys:
                return Fault(f"key {token.decode(errors='replace')} is there twice", position)
            keys.add(token)
    return None


def _tokens(text: bytes) -> Iterator[tuple[bytes, int, bool]]:
    """Yield (token, its offset, whether it is a key); a string is a key if a colon follows."""
    held: re.Match[bytes] | None = None
    for match in _TOKEN.finditer(text):
        if held is not None:
            yield held[0], held.start(), match[0] == b":"
            held = None
        if match[0].startswith(b'"'):
            held = match
        elif match[0] != b":":
            yield match[0], match.start(), False
