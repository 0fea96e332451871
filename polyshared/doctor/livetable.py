"""``polyshared watch`` without a key: every token in a table that can be sorted and filtered.

What is shown and in which order is pure; :func:`run` draws it each second and listens to
the keyboard. Without a terminal there is one line for each token whenever it changes.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from polyshared import _clock
from polyshared.doctor import overview, words
from polyshared.doctor.children import Child
from polyshared.doctor.command import stop_if_nothing_runs
from polyshared.doctor.facts import gather
from polyshared.doctor.options import NOT_WELL, find

LOOK_EVERY_S = 1.0
TIMEOUT_S = 20.0
COLUMNS = (
    "token", "state", "source", "health", "bid", "ask", "age", "position", "orders", "lag", "stage",
)  # fmt: skip
_NUMBERS = ("bid", "ask", "age", "position", "orders", "lag")
_ERASE = "\x7f\b"
_ESCAPE, _ENTER = "\x1b", "\r\n"
HELP = "s sort by the next column  r reverse  / filter  q end"

Number = float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One token. A number is None where it is not known; ``lag`` is the median, in ms."""

    token: str
    state: str
    source: str
    health: str
    bid: Number
    ask: Number
    age: Number
    position: Number
    orders: Number
    lag: Number
    stage: str

    def cells(self) -> list[str]:
        """Return what is printed, by column."""
        found = [self._cell(name) for name in COLUMNS]
        found[0] = words.short(self.token)
        return found

    def _cell(self, name: str) -> str:
        value = getattr(self, name)
        if name not in _NUMBERS:
            return str(value)
        if value is None:
            return "-"
        return words.age(value).replace(" ", "") if name == "age" else f"{value:.6g}"

    @property
    def changes(self) -> tuple[object, ...]:
        """What is news when it is another than last time; time alone is none."""
        return tuple(getattr(self, name) for name in COLUMNS if name not in ("age", "lag"))


def row_of(child: Child) -> Row:
    """Return the row of one child; of a child that says nothing little is known."""
    said = child.said
    quote = None if said is None else said.quote
    position = None if said is None or said.position is None else said.position.size
    orders = None if said is None else said.open_orders
    return Row(
        token=child.token_id,
        state=overview.state_of(child),
        source="-" if said is None else said.source or "-",
        health="-" if quote is None else quote.health or "-",
        bid=None if quote is None else _number(quote.best_bid),
        ask=None if quote is None else _number(quote.best_ask),
        age=None if quote is None else quote.age_s,
        position=_number(position),
        orders=None if orders is None else float(len(orders)),
        lag=None if said is None else said.lag_ms.p50,
        stage="" if said is None else overview.stage_of(said),
    )


def _number(text: str | None) -> Number:
    return None if text is None else float(text)


@dataclass(frozen=True, slots=True)
class View:
    """What the user wants to see.

    Attributes:
        sort: Column to sort by.
        reverse: Largest first.
        only: Show rows in which a cell holds this text.
        typing: The filter is being typed: keys are text.
    """

    sort: str = "token"
    reverse: bool = False
    only: str = ""
    typing: bool = False


def pressed(view: View, key: str) -> View | None:
    """Return the view after a key; None when it ends the program."""
    if view.typing:
        return _typed(view, key)
    if key == "q":
        return None
    if key == "s":
        following = (COLUMNS.index(view.sort) + 1) % len(COLUMNS)
        return replace(view, sort=COLUMNS[following])
    if key == "r":
        return replace(view, reverse=not view.reverse)
    if key == "/":
        return replace(view, only="", typing=True)
    return view


def _typed(view: View, key: str) -> View:
    if key in _ENTER:
        return replace(view, typing=False)
    if key == _ESCAPE:
        return replace(view, only="", typing=False)
    if key in _ERASE:
        return replace(view, only=view.only[:-1])
    return replace(view, only=view.only + key) if key.isprintable() else view


def arranged(rows: Iterable[Row], view: View) -> list[Row]:
    """Return the rows that are wanted, in the wanted order; what is not known stands last."""
    wanted = [row for row in rows if _holds(row, view.only)]
    known = [row for row in wanted if getattr(row, view.sort) is not None]
    known.sort(key=lambda row: getattr(row, view.sort), reverse=view.reverse)
    return known + [row for row in wanted if getattr(row, view.sort) is None]


def _holds(row: Row, text: str) -> bool:
    return any(text.lower() in cell.lower() for cell in (row.token, *row.cells()))


def table_of(rows: Iterable[Row], view: View) -> Table:
    found = Table(box=None, padding=(0, 1, 0, 0), caption=_caption(view), caption_justify="left")
    for name in COLUMNS:
        mark = ("▼" if view.reverse else "▲") if name == view.sort else ""
        found.add_column(
            name + mark,
            justify="right" if name in _NUMBERS else "left",
            no_wrap=name != "stage",
            overflow="fold",
        )
    for row in arranged(rows, view):
        found.add_row(*row.cells())
    return found


def _caption(view: View) -> str:
    if view.typing:
        return f"filter: {view.only}_  Enter keeps it, Esc drops it"
    return f"filter: {view.only}  {HELP}" if view.only else HELP


def watch_all(data_dir: Path | None, *, seconds: float) -> None:
    """Show every token of a running supervisor; end with exit code 1 if one is not well, else 0."""
    located = find(data_dir)

    def look() -> tuple[Child, ...]:
        facts = gather(located, {"children"}, timeout_s=TIMEOUT_S)
        stop_if_nothing_runs(facts)
        return facts.children.value.known

    try:
        well = run(look, seconds=seconds)
    except KeyboardInterrupt:
        well = True
    raise typer.Exit(0 if well else NOT_WELL)


def run(look: Callable[[], Iterable[Child]], *, seconds: float) -> bool:
    """Show what *look* finds until the user ends it or time is up.

    Returns:
        Whether every child was running at the end.
    """
    ends = _clock.boot_s() + seconds
    if sys.stdout.isatty() and sys.stdin.isatty():
        return _draw(look, ends)
    return _tell(look, ends)


def _draw(look: Callable[[], Iterable[Child]], ends: float) -> bool:
    view: View | None = View()
    rows = [row_of(child) for child in look()]
    looked = _clock.boot_s()
    with _keyboard(), Live(console=Console(), screen=True, auto_refresh=False) as live:
        while view is not None and _clock.boot_s() < ends:
            live.update(table_of(rows, view), refresh=True)
            wait_s = max(0.0, looked + LOOK_EVERY_S - _clock.boot_s())
            for key in _keys(wait_s):
                view = pressed(view, key) if view is not None else None
            if _clock.boot_s() >= looked + LOOK_EVERY_S:
                rows, looked = [row_of(child) for child in look()], _clock.boot_s()
    return _all_run(rows)


@contextmanager
def _keyboard() -> Iterator[None]:
    """Get each key as it is pressed; the terminal is as before afterwards."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _keys(wait_s: float) -> str:
    """Return the keys that were pressed; wait for the first one, but not longer."""
    descriptor = sys.stdin.fileno()
    if not select.select([descriptor], [], [], wait_s)[0]:
        return ""
    return os.read(descriptor, 64).decode(errors="ignore") or "q"  # the terminal is gone


def _tell(look: Callable[[], Iterable[Child]], ends: float) -> bool:
    told: dict[str, tuple[object, ...]] = {}
    while True:
        rows = [row_of(child) for child in look()]
        for row in rows:
            if told.get(row.token) != row.changes:
                named = zip(COLUMNS, row.cells(), strict=True)
                print(" ".join(f"{name}={cell}" for name, cell in named if cell), flush=True)  # noqa: T201
            told[row.token] = row.changes
        left_s = ends - _clock.boot_s()
        if left_s <= 0:
            return _all_run(rows)
        select.select([], [], [], min(LOOK_EVERY_S, left_s))


def _all_run(rows: Iterable[Row]) -> bool:
    return all(row.state in ("running", "starting") for row in rows)
