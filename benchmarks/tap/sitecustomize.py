"""Notes each tick of the strategy in a real child, for the benchmark of the whole program.

Python imports this file at start because its folder is on PYTHONPATH. It changes nothing
but :meth:`VolatilityStrategy.decide`, which then first notes which event it was shown, and
when. The number of the event is the size at the best bid: see `benchmarks.market_feed`.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

_MODULE = "POLYMARKET_MAKER.core.strategy"
_RECORD = struct.Struct("<qq")
_FOLDER = "BENCH_TAP_DIR"


class _Finder:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        _tap(module.VolatilityStrategy)


def _tap(strategy: Any) -> None:
    decide = strategy.decide
    files: dict[str, int] = {}

    def noting(self: Any, aged: Any, *rest: Any, **options: Any) -> Any:
        at_ns = time.monotonic_ns()
        quote = aged.quote
        if quote.bids:
            if quote.token_id not in files:
                path = os.path.join(os.environ[_FOLDER], quote.token_id)
                files[quote.token_id] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(files[quote.token_id], _RECORD.pack(int(quote.bids[0].size), at_ns))
        return decide(self, aged, *rest, **options)

    strategy.decide = noting


if _FOLDER in os.environ:
    sys.meta_path.insert(0, _Finder())
