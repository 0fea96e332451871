"""User-channel text to typed events, and our own first text to the exchange. Pure.

The channel is speed, REST is the truth. So only what is beyond doubt becomes an order
or a fill; of everything else the event says what has to be read:

* A cancellation is only its order's id. Its other fields may be empty strings, and a
  recorded one (2024) names the whole size as ``size_matched``: what traded before is
  known from the order itself.
* A trade yields the fill of *every* resting order in it, ours and strangers'; the ledger
  knows which are ours. Its own price, size and asset are the taker's, whose fee it does
  not say: a taker reads its fill.

:func:`parse` never raises: what it cannot read is an :class:`Unreadable`.
"""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec

from POLYMARKET_MAKER.core.events import Event, Notice, Pong, Unknown, Unreadable
from POLYMARKET_MAKER.core.model import ZERO
from POLYMARKET_MAKER.core.order import Fill, OpenOrder
from POLYMARKET_MAKER.core.order_words import (
    fill_status,
    finite,
    maker_side,
    order_status,
    side_of,
)
from POLYMARKET_MAKER.core.redaction import redact

LATEST_S = 1e11
"""A larger time is in milliseconds: some frames have those where others have seconds."""


class OrderNews(Event, frozen=True):
    """An order was placed or has traded; *order* says how it stands now."""

    order: OpenOrder


class OrderOver(Event, frozen=True):
    """An order was cancelled, by whomever; read it to learn what traded before."""

    order_id: str
    token_id: str


class TradeNews(Event, frozen=True):
    """A trade was made, or has another status now.

    Attributes:
        taker_order_id: The order that took; when it is ours, its fill has to be read.
        fills: One for each resting order of the trade.
    """

    trade_id: str
    taker_order_id: str
    fills: tuple[Fill, ...]


class _Maker(msgspec.Struct):
    order_id: str
    matched_amount: str
    price: str
    asset_id: str
    side: str | None = None


class _Frame(msgspec.Struct):
    """The union of both messages: one decode, whatever the type and the order of keys."""

    event_type: str = ""
    type: str = ""
    id: str = ""
    market: str = ""
    asset_id: str = ""
    side: str = ""
    price: str | None = None
    status: str | None = None
    original_size: str | None = None
    size_matched: str | None = None
    created_at: str | int | None = None
    taker_order_id: str = ""
    match_time: str | int | None = None
    maker_orders: list[_Maker] | None = None


_frames = msgspec.json.Decoder(_Frame | list[_Frame])
_UNREADABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)


def hello(*, api_key: str, secret: str, passphrase: str) -> str:
    """Write the first frame. It is a secret.

    ``markets`` is left out, which means all of them; an empty list is refused
    (polymarket-client 0.1.0).
    """
    auth = {"apiKey": api_key, "secret": secret, "passphrase": passphrase}
    return json.dumps({"auth": auth, "type": "user"}, separators=(",", ":"))


def parse(text: str) -> list[Event]:
    """Read one text frame of the user channel."""
    stripped = text.strip()
    if stripped[:1] not in ("{", "["):
        return [Pong() if stripped == "PONG" else Notice(redact(stripped))]
    try:
        decoded = _frames.decode(stripped)
        frames = decoded if isinstance(decoded, list) else [decoded]
        return [_event(frame, stripped) for frame in frames]
    except _UNREADABLE as error:
        return [Unreadable(type(error).__name__, redact(stripped))]


def _event(frame: _Frame, text: str) -> Event:
    if not frame.id:
        raise ValueError("no id")
    if frame.event_type == "trade" or frame.type == "TRADE":
        return TradeNews(frame.id, frame.taker_order_id, _fills(frame))
    if frame.type == "CANCELLATION":
        return OrderOver(frame.id, frame.asset_id)
    if frame.type in ("PLACEMENT", "UPDATE"):
        return OrderNews(_order(frame))
    return Unknown(frame.event_type or frame.type, redact(text))


def _order(frame: _Frame) -> OpenOrder:
    if not frame.asset_id:
        raise ValueError("no asset_id")
    return OpenOrder(
        order_id=frame.id,
        token_id=frame.asset_id,
        condition_id=frame.market,
        side=side_of(frame.side),
        price=_number(frame.price),
        size=_number(frame.original_size),
        size_matched=_number(frame.size_matched),
        status=order_status(frame.status or "LIVE"),
        created_at=_stamp(frame.created_at),
    )


def _fills(frame: _Frame) -> tuple[Fill, ...]:
    status, at = fill_status(frame.status or ""), _stamp(frame.match_time)
    return tuple(
        Fill(
            trade_id=frame.id,
            order_id=maker.order_id,
            token_id=maker.asset_id,
            side=maker_side(
                maker.side, taker=frame.side, is_same_token=maker.asset_id == frame.asset_id
            ),
            price=_number(maker.price),
            size=_number(maker.matched_amount),
            fee=ZERO,  # makers pay none
            is_maker=True,
            status=status,
            at=at,
        )
        for maker in frame.maker_orders or ()
    )


def _number(text: str | None) -> Decimal:
    return finite(Decimal(text or ""))


def _stamp(value: float | str | None) -> float:
    stamp = float(value or "")
    return stamp / 1000 if stamp > LATEST_S else stamp
