"""Import a signing library without what a trader has no use for, and what it does to a process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

_NOT_NEEDED: Final = ("eth_keyfile", "eth_keyfile.keyfile")
_importing = threading.RLock()


class _LeftOut(ModuleType):
    """Stands for a module: whatever is imported from it is ``Any``, which cannot be called."""

    __path__: list[str] = []  # noqa: RUF012 - a package, as the import system looks at it

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Any


@contextmanager
def signing_library() -> Iterator[None]:
    """Import a signing library inside this block.

    All of them bring eth_account, which brings eth_keyfile, which reads key files behind a
    password. We are given the key itself, so it is left out: it brings py_ecc, which takes
    0.25 of 0.6 s to import, and raises Python's recursion limit to 100,000. From then on
    a deeply nested text from outside would overflow the C stack and end the process,
    where it was a ``RecursionError`` before. Where somebody has imported it already it
    stays, and the limit is kept all the same.
    """
    with _importing:
        limit = sys.getrecursionlimit()
        left_out = [name for name in _NOT_NEEDED if name not in sys.modules]
        sys.modules.update({name: _LeftOut(name) for name in left_out})
        try:
            yield
        finally:
            for name in left_out:  # whoever asks for it later gets the real one
                del sys.modules[name]
            sys.setrecursionlimit(limit)
