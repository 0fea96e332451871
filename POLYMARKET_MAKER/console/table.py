"""From children's status files to what a person reads: a table, or one line a token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal

from POLYMARKET_MAKER.log import plain, short

if TYPE_CHECKING:
    from rich.table import Table

Status = Mapping[str, object]
_WARN_AGE_S = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """What is shown of one child. None means: not known.

    Attributes:
        token: Shortened id.
        age_s: Age of the quote now, the age of the status file included.
        profit: USD, realised and marked at the bid; None while it cannot be marked.
        stop: The first stage that lets nothing through, as ``signal:no_drop``.
        stop_state: Its state: ok, wait, blocked, fail.
    """

    token: str
    bid: Decimal | None
    ask: Decimal | None
    age_s: float | None
    health: str
    source: str
    position: Decimal | None
    entry_price: Decimal | None
    open_orders: tuple[str, ...]
    fills: int
    profit: Decimal | None
    stop: str
    stop_state: str
    state: str


def row(status: Status, *, boottime_s: float) -> Row:
    """Read one ``children/<token>.json``; missing keys are unknown values, never an error.

    Args:
        status: Content of the file.
        boottime_s: Seconds since boot now; ages go on while the file does not.
    """
    quote, position = _part(status, "quote"), _part(status, "position")
    written = _number(status.get("boottime_s"))
    age = _number(quote.get("age_s"))
    if age is not None and written is not None:
        age += max(Decimal(0), Decimal(str(boottime_s)) - written)
    bid = _number(quote.get("best_bid"))
    stop, stop_state = _first_stop(_part(status, "stages"))
    fills = _number(_part(status, "counts").get("fills"))
    return Row(
        token=short(str(status.get("token_id", "?"))),
        bid=bid,
        ask=_number(quote.get("best_ask")),
        age_s=None if age is None else float(age),
        health=str(quote.get("health") or "-"),
        source=str(status.get("source") or "-"),
        position=_number(position.get("size")),
        entry_price=_number(position.get("entry_price")),
        open_orders=_orders(status.get("open_orders")),
        fills=int(fills or 0),
        profit=_profit(position, bid),
        stop=stop,
        stop_state=stop_state,
        state=str(status.get("state") or "-"),
    )


def table(rows: Iterable[Row], *, title: str = "", wide: bool = True) -> Table:
    """Draw the rows.

    Args:
        rows: One for each child.
        title: Line above the table.
        wide: With what stops each token, for 100 columns; without it 80 are enough.
    """
    from rich.table import Table  # noqa: PLC0415 - a program without a terminal needs none
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(
        title=title or None,
        title_justify="left",
        box=None,
        pad_edge=False,
        collapse_padding=True,
    )
    columns = _COLUMNS if wide else _COLUMNS[:-1]
    for name, justify in columns:
        drawn.add_column(name, justify=justify, no_wrap=True)
    for each in rows:
        cells = (
            each.token,
            plain(each.bid),
            plain(each.ask),
            _age(each.age_s),
            Text(each.health, style=_HEALTH_STYLE.get(each.health, "red")),
            each.source,
            _held(each),
            "\n".join(each.open_orders) or "-",
            str(each.fills),
            Text(_money(each.profit), style=_profit_style(each.profit)),
            Text(each.stop, style=_STOP_STYLE.get(each.stop_state, "")),
        )
        drawn.add_row(*cells[: len(columns)])
    return drawn


def plain_lines(rows: Iterable[Row]) -> list[str]:
    """Write the rows without a terminal: one line a token, key=value."""
    return [
        " ".join(
            (
                f"token={each.token}",
                f"bid={plain(each.bid)}",
                f"ask={plain(each.ask)}",
                f"age_s={_age(each.age_s)}",
                f"src={each.source}",
                f"health={each.health}",
                f"position={plain(each.position)}",
                f"entry={plain(each.entry_price)}",
                f"open={','.join(each.open_orders) or '-'}",
                f"fills={each.fills}",
                f"profit={_money(each.profit)}",
                f"stop={each.stop}",
            )
        )
        for each in rows
    ]


_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("token", "left"),
    ("bid", "right"),
    ("ask", "right"),
    ("age s", "right"),
    ("health", "left"),
    ("source", "left"),
    ("position", "right"),
    ("open orders", "left"),
    ("fills", "right"),
    ("profit", "right"),
    ("stopped by", "left"),
)
_HEALTH_STYLE = {"live": "green", "quiet": "green", "pending": "yellow", "suspect": "yellow"}
_STOP_STYLE = {"ok": "green", "wait": "dim", "blocked": "yellow", "fail": "red"}


def _part(status: Status, name: str) -> Status:
    part = status.get(name)
    return part if isinstance(part, Mapping) else {}


def _number(value: object) -> Decimal | None:
    """Read a number that a status file holds as a number or as text."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _first_stop(stages: Status) -> tuple[str, str]:
    for name in stages:
        stage = _part(stages, name)
        if stage.get("state") != "ok":
            return f"{name}:{stage.get('reason') or '-'}", str(stage.get("state") or "")
    return ("-", "ok") if stages else ("-", "")


def _orders(orders: object) -> tuple[str, ...]:
    if not isinstance(orders, list):
        return ()
    return tuple(_order(each) for each in orders if isinstance(each, Mapping))


def _order(order: Status) -> str:
    size, matched = _number(order.get("size")), _number(order.get("size_matched"))
    left = None if size is None else size - (matched or 0)
    return f"{order.get('side', '?')}:{plain(left)}@{plain(_number(order.get('price')))}"


def _profit(position: Status, bid: Decimal | None) -> Decimal | None:
    size, realised = _number(position.get("size")), _number(position.get("realised"))
    if size is None or realised is None:
        return None
    if size == 0:
        return realised
    entry = _number(position.get("entry_price"))
    return None if entry is None or bid is None else realised + size * (bid - entry)


def _held(each: Row) -> str:
    if not each.position:
        return plain(each.position)
    return f"{plain(each.position)} @ {plain(each.entry_price)}"


def _age(age_s: float | None) -> str:
    return "-" if age_s is None else f"{age_s:.1f}"


def _money(amount: Decimal | None) -> str:
    return "-" if amount is None else f"{amount:+.2f}"


def _profit_style(amount: Decimal | None) -> str:
    if not amount:
        return ""
    return "green" if amount > 0 else "red"
