"""Show the children while they run: a table that redraws itself, or lines now and then."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from POLYMARKET_MAKER.console.table import Row, plain_lines, table

if TYPE_CHECKING:
    from rich.live import Live

WIDE = 100
"""Columns of a terminal from which there is room for what stops each token."""


class LiveView:
    """Shows rows on a terminal as a live table, anywhere else as plain lines.

    A live table and a console cannot share a terminal; open one of them. While the
    table stands, what is written to stdout and stderr appears above it.

    Args:
        stream: Where to; None is stdout.
        plain_every_s: Without a terminal, one set of lines at most so often.
    """

    def __init__(self, stream: TextIO | None = None, *, plain_every_s: float = 5.0) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._plain_every_s = plain_every_s
        self._next_plain = 0.0
        self._live: Live | None = None

    @property
    def is_table(self) -> bool:
        return self._live is not None

    def __enter__(self) -> Self:
        if self._stream.isatty():
            from rich.console import Console  # noqa: PLC0415 - only where a terminal is
            from rich.live import Live  # noqa: PLC0415

            self._live = Live(console=Console(file=self._stream), auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, rows: Sequence[Row], *, now: float, title: str = "") -> None:
        """Show the newest rows.

        Args:
            rows: One for each child.
            now: Any clock in seconds that does not go back.
            title: Line above the table.
        """
        if self._live is not None:
            wide = self._live.console.width >= WIDE
            self._live.update(table(rows, title=title, wide=wide), refresh=True)
        elif now >= self._next_plain:
            self._next_plain = now + self._plain_every_s
            self._stream.write("".join(f"{line}\n" for line in plain_lines(rows)))
            self._stream.flush()
