"""Import a signing library without what its import changes for the whole process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def recursion_limit_kept() -> Iterator[None]:
    """Keep Python's recursion limit over an import.

    The signing libraries bring py_ecc, which raises the limit to 100,000 when it is
    imported. From then on a deeply nested text from outside would overflow the C
    stack and end the process, where it was a ``RecursionError`` before.
    """
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
