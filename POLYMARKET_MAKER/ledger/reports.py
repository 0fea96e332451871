"""What the ledger adds up to: exposure, the day's result, and the summary of a run."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from decimal import Decimal

from POLYMARKET_MAKER.core.model import ZERO, Side
from POLYMARKET_MAKER.core.order import OpenOrder, Position
from POLYMARKET_MAKER.core.position import replay, round_trips
from POLYMARKET_MAKER.core.risk import Exposure
from POLYMARKET_MAKER.ledger.database import QUICK_S, Database
from POLYMARKET_MAKER.ledger.fills import stored_position, trades_of
from POLYMARKET_MAKER.ledger.intents import live_intents
from POLYMARKET_MAKER.ledger.rows import Intent, IntentState, position_of
from POLYMARKET_MAKER.ledger.rules import stakes_by_token
from POLYMARKET_MAKER.ledger.worth import DAY_S, bids, day_result, open_day, open_profit


@dataclass(frozen=True, slots=True)
class TokenView:
    """Everything about one token, as of one moment.

    Attributes:
        position: What we hold.
        orders: Our orders that rest, fills that came ahead taken off.
        unresolved: Orders of which we do not know whether the exchange has them.
        unsettled: Orders that are over and whose last word, or fills, we do not have yet.
        exposure: What the caps are held against.
    """

    position: Position
    orders: tuple[OpenOrder, ...]
    unresolved: tuple[Intent, ...]
    unsettled: tuple[Intent, ...]
    exposure: Exposure

    @property
    def busy(self) -> frozenset[Side]:
        """Sides for which nothing may be placed yet.

        What has traded and is in no fill makes both sides busy: we do not know what we hold.
        """
        waiting = (*self.unresolved, *self.unsettled)
        if any(intent.unseen > 0 for intent in waiting):
            return frozenset(Side)
        return frozenset(intent.side for intent in waiting)

    @property
    def to_read(self) -> tuple[str, ...]:
        """Ids of orders to read one by one: nothing else tells what became of them."""
        waiting = (*self.unresolved, *self.unsettled)
        return tuple(intent.order_id for intent in waiting if not intent.final)


@dataclass(frozen=True, slots=True)
class PnlRow:
    """Result of one token.

    Attributes:
        size: Shares held.
        entry_price: Average cost of one; None when flat.
        bid: Last best bid anybody saw; None when nobody did.
        realised: USD won by what was sold, fees included.
        open_profit: USD of what is held, at the bid, against its cost; None without a bid.
        fees: USD of fees paid, part of the above.
        fills: Number of trades.
    """

    token_id: str
    size: Decimal
    entry_price: Decimal | None
    bid: Decimal | None
    realised: Decimal
    open_profit: Decimal | None
    fees: Decimal
    fills: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened in this ledger since it was made.

    Attributes:
        orders: Orders that the exchange took.
        rejected: Orders that it refused.
        unknown: Orders of which it is not known yet.
        fills: Trades of ours.
        partial_fills: Trades smaller than their order.
        cancels: Orders that were cancelled.
        round_trips: How often something was bought and then sold out.
        realised: USD won by what was sold, fees included.
        open_orders: Orders of ours that may be on the book.
    """

    orders: int
    rejected: int
    unknown: int
    fills: int
    partial_fills: int
    cancels: int
    round_trips: int
    realised: Decimal
    open_orders: int


class Reports:
    """The part of the ledger that adds up."""

    _db: Database

    def view(self, token_id: str, *, now: float) -> TokenView:
        """Return everything that a decision about one token needs, from one moment."""
        question = ("view", token_id, now // DAY_S)
        return self._db.kept(question, lambda db: _view(db, token_id, now))

    def exposure(self, token_id: str, *, now: float) -> Exposure:
        """Return what the caps of one token's buys are held against."""
        with self._db.read() as db:
            return _exposure(db, token_id, live_intents(db), now)

    def total_exposure(self) -> Decimal:
        """Return the USD at stake over all tokens: holdings at cost, live and foreign buys."""
        with self._db.read() as db:
            return sum(stakes_by_token(db, live_intents(db)).values(), ZERO)

    def mark(self, token_id: str, bid: Decimal, *, at: float) -> None:
        """Note the best bid of a token, for what is held of it; once a second is plenty.

        Waits for nobody: the next second brings another.
        """
        with self._db.write(wait_s=QUICK_S) as db:
            open_day(db, at)
            db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (token_id, str(bid), at))

    def last_bid(self, token_id: str, *, since: float) -> Decimal | None:
        """Return the best bid that was noted last; None when none was, or before *since*."""
        with self._db.read() as db:
            row = db.execute(
                "SELECT bid FROM marks WHERE token_id = ? AND at >= ?", (token_id, since)
            ).fetchone()
        return None if row is None else Decimal(row["bid"])

    def day_result(self, *, now: float) -> Decimal:
        """Return USD won (positive) or lost in this UTC day, realised and marked at the bid."""
        with self._db.read() as db:
            return day_result(db, now)

    def realised_today(self, *, now: float) -> Decimal:
        """Return USD won or lost by what was sold in this UTC day, fees included."""
        with self._db.read() as db:
            rows = db.execute("SELECT realised FROM fills WHERE at >= ?", (now // DAY_S * DAY_S,))
            return sum((Decimal(row["realised"]) for row in rows), ZERO)

    def pnl_rows(self) -> list[PnlRow]:
        """Return the result of every token that was ever traded."""
        with self._db.read() as db:
            marks = bids(db)
            rows = db.execute("SELECT * FROM positions ORDER BY token_id").fetchall()
            return [_pnl_row(db, position_of(row), marks) for row in rows]

    def data_ages_ms(self) -> list[int]:
        """Return how old the quote behind each order was when it was decided on."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT data_age_ms FROM intents WHERE data_age_ms IS NOT NULL ORDER BY created_at"
            )
            return [int(row["data_age_ms"]) for row in rows]

    def summary(self) -> Summary:
        """Count what happened since the ledger was made."""
        with self._db.read() as db:
            tokens = [row["token_id"] for row in db.execute("SELECT token_id FROM positions")]
            traded = [[trade for _, trade in trades_of(db, token)] for token in tokens]
            trips = sum(
                round_trips(replay(token, trades))
                for token, trades in zip(tokens, traded, strict=True)
            )
            return Summary(
                orders=_count(db, "intents", "state IN ('placed', 'closed')"),
                rejected=_count(db, "intents", "state = 'rejected'"),
                unknown=_count(db, "intents", "state IN ('intended', 'unknown')"),
                fills=_count(db, "fills", "kind = 'trade' AND status != 'FAILED'"),
                partial_fills=_partial_fills(db),
                cancels=_count(db, "intents", "status LIKE 'CANCEL%'"),
                round_trips=trips,
                realised=sum((stored_position(db, token).realised for token in tokens), ZERO),
                open_orders=_count(db, "intents", "live = 1 AND state != 'closed'"),
            )


def _view(db: sqlite3.Connection, token_id: str, now: float) -> TokenView:
    live = live_intents(db)
    here = [each for each in live if each.signed.order.token_id == token_id]
    placed = [each for each in here if each.state is IntentState.PLACED]
    closed = [each for each in here if each.state is IntentState.CLOSED]
    pending = (IntentState.INTENDED, IntentState.UNKNOWN)
    return TokenView(
        stored_position(db, token_id),
        tuple(each.as_open_order() for each in placed),
        tuple(each for each in here if each.state in pending),
        (*closed, *(each for each in placed if each.unseen > 0)),
        _exposure(db, token_id, live, now),
    )


def _exposure(db: sqlite3.Connection, token_id: str, live: list[Intent], now: float) -> Exposure:
    stakes = stakes_by_token(db, live)
    here = stakes.pop(token_id, ZERO)
    position = stored_position(db, token_id)
    inventory = position.size * (position.entry_price or ZERO)
    replaceable = sum(
        (
            each.at_stake * each.signed.order.price
            for each in live
            if each.signed.order.token_id == token_id
            and each.side is Side.BUY
            and each.state is IntentState.PLACED
        ),
        ZERO,
    )
    others = sum(stakes.values(), ZERO)
    return Exposure(inventory, here - inventory - replaceable, others, day_result(db, now))


def _pnl_row(db: sqlite3.Connection, position: Position, marks: dict[str, Decimal]) -> PnlRow:
    rows = db.execute(
        "SELECT fee FROM fills WHERE token_id = ? AND status != 'FAILED'", (position.token_id,)
    ).fetchall()
    return PnlRow(
        position.token_id,
        position.size,
        position.entry_price,
        marks.get(position.token_id),
        position.realised,
        open_profit(position, marks),
        sum((Decimal(row["fee"]) for row in rows), ZERO),
        len(rows),
    )


def _count(db: sqlite3.Connection, table: str, where: str) -> int:
    # Both texts are literals of this module.
    found = db.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()  # noqa: S608
    return int(found[0])


def _partial_fills(db: sqlite3.Connection) -> int:
    rows = db.execute(
        "SELECT fills.size AS filled, intents.size AS ordered FROM fills"
        " JOIN intents USING (order_id) WHERE fills.status != 'FAILED'"
    )
    return sum(Decimal(row["filled"]) < Decimal(row["ordered"]) for row in rows)
