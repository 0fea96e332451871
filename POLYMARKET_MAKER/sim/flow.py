"""The other traders of one market: seeded makers and takers around a moving fair price.

Makers keep a ladder around the fair price and never cross a client's order.
Takers come from both sides; when an order of a client has become stale, that
is when the fair price has moved through it, they eat it in small bites. So a
resting order near the top of a lively market is filled within seconds, and
mostly in parts.

Time is the market's own: the sum of the waits that the flow itself asked for.
The same seed and the same orders of clients give the same market.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256

from POLYMARKET_MAKER.sim.canonical import ONE
from POLYMARKET_MAKER.sim.engine import Engine
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.model import Order, OrderType, Side
from POLYMARKET_MAKER.sim.refusals import Refused
from POLYMARKET_MAKER.sim.tempers import Temper

DEPTH = 12  # levels a side
HALF_SPREAD = 1  # ticks between fair price and best quote
CENT = Decimal("0.01")
LOWEST, HIGHEST = 0.06, 0.94  # the fair price stays here, far from a change of tick
STALE = 0.7  # ticks beyond the fair price that make a resting order worth taking


@dataclass(frozen=True, slots=True)
class Persona:
    """A made-up trader: what the public sees of the other side of a trade."""

    wallet: str
    owner: str


def personas(count: int = 8) -> tuple[Persona, ...]:
    """Return the made-up traders; the same in every simulation, so that they can be followed."""
    hashes = [sha256(f"trader {number}".encode()).hexdigest() for number in range(count)]
    return tuple(
        Persona(f"0x{h[:40]}", f"{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:32]}")
        for h in hashes
    )


@dataclass(slots=True)
class FairPrice:
    """Where the others think the price is, in dollars."""

    temper: Temper
    start: float
    random: random.Random
    phase: float = 0.0
    noise: float = 0.0
    offset: float = 0.0
    jump_at_s: float = math.inf

    def __post_init__(self) -> None:
        self.phase = self.random.uniform(0.0, math.tau)
        if any(self.temper.jump_every_s):
            self.jump_at_s = self.random.uniform(*self.temper.jump_every_s)

    def at(self, elapsed_s: float) -> float:
        """Return the price *elapsed_s* seconds into the market; call it in order of time."""
        if elapsed_s >= self.jump_at_s:
            self._jump(elapsed_s)
        self.noise = 0.9 * self.noise + self.random.gauss(0.0, 0.002)
        swing = self.temper.wave * math.sin(math.tau * elapsed_s / self.temper.wave_s + self.phase)
        return min(HIGHEST, max(LOWEST, self.start + self.offset + swing + self.noise))

    def _jump(self, elapsed_s: float) -> None:
        """Move away from the start, then back to it and beyond: no drift."""
        height = self.random.uniform(*self.temper.jump)
        if self.offset:
            height = math.copysign(height, -self.offset)
        elif self.random.random() < 0.5:  # noqa: PLR2004 - a coin
            height = -height
        self.offset = height
        self.jump_at_s = elapsed_s + self.random.uniform(*self.temper.jump_every_s)


@dataclass(slots=True)
class Flow:
    """The traders of one market.

    Attributes:
        paused: Steps do nothing; the waits go on.
        banned: Sides of the primary book on which makers quote nothing, set by a scenario.
    """

    market: Market
    temper: Temper
    seed: int
    paused: bool = False
    banned: set[bool] = field(default_factory=set)
    elapsed_s: float = 0.0
    _random: random.Random = field(init=False)
    _fair: FairPrice = field(init=False)
    _quotes: dict[tuple[bool, int], str] = field(default_factory=dict)
    _spell: tuple[bool, float] | None = None
    _next_spell_s: float = math.inf
    _count: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.seed}/{self.market.spec.number}")  # noqa: S311
        self._fair = FairPrice(self.temper, self.market.spec.start_price, self._random)
        if any(self.temper.one_sided_every_s):
            self._next_spell_s = self._random.uniform(*self.temper.one_sided_every_s)

    # -- verbs ----------------------------------------------------------------

    def open(self, engine: Engine, now_ms: int) -> float:
        """Put the first ladder up and return the wait before the first step, in seconds."""
        self._requote(engine, self._fair.at(0.0), now_ms)
        engine.commit(self.market, now_ms)
        return self._wait(self.temper.first_s)

    def step(self, engine: Engine, now_ms: int) -> float:
        """Let the others act once and return the wait before the next step, in seconds."""
        fair = self._fair.at(self.elapsed_s)
        if not self.paused and not self.market.closed:
            self._spells()
            if self._random.random() < self.temper.trade_share:
                self._take(engine, fair, now_ms)
            elif self.temper.calm:
                self._resize_one(engine, now_ms)
            else:
                self._requote(engine, fair, now_ms)
            engine.commit(self.market, now_ms)
        return self._wait(self.temper.gap_s)

    def clear(self, engine: Engine, *, is_bid: bool, now_ms: int) -> None:
        """Take the makers' quotes of one side away and keep that side empty."""
        self.banned.add(is_bid)
        self._withdraw(engine, is_bid=is_bid, now_ms=now_ms)
        engine.commit(self.market, now_ms)

    # -- makers ---------------------------------------------------------------

    def _requote(self, engine: Engine, fair: float, now_ms: int) -> None:
        """Move the ladder to *fair*: cancel what is out of place, fill gaps, breathe a little."""
        tick = float(self.market.tick_size)
        middle = round(fair / tick)
        last = round(1 / tick) - 1
        empty = self._empty_sides()
        wanted = {
            (is_bid, middle - HALF_SPREAD - k if is_bid else middle + HALF_SPREAD + k)
            for k in range(DEPTH)
            for is_bid in (True, False)
            if is_bid not in empty
        }
        wanted = {(is_bid, ticks) for is_bid, ticks in wanted if 1 <= ticks <= last}
        for key in sorted(set(self._quotes) - wanted):
            self._cancel(engine, key, now_ms)
        missing = sorted(wanted - self._live(engine))
        for key in [*missing, *self._breathing(sorted(wanted))]:
            self._cancel(engine, key, now_ms)
            self._quote(engine, key, abs(key[1] - middle), now_ms)

    def _breathing(self, keys: list[tuple[bool, int]]) -> list[tuple[bool, int]]:
        count = self._random.choice((0, 1, 1, 2, 4))
        return self._random.sample(keys, min(count, len(keys)))

    def _resize_one(self, engine: Engine, now_ms: int) -> None:
        live = sorted(self._live(engine))
        if live:
            key = self._random.choice(live)
            self._cancel(engine, key, now_ms)
            self._quote(engine, key, 3, now_ms)

    def _quote(self, engine: Engine, key: tuple[bool, int], distance: int, now_ms: int) -> None:
        """Rest one quote, unless a client's order is in its way."""
        is_bid, ticks = key
        price = self.market.tick_size * ticks
        opposite = self.market.book.best(is_bid=not is_bid)
        if opposite is not None and (price >= opposite if is_bid else price <= opposite):
            return
        low, high = (5, 20) if distance <= HALF_SPREAD + 1 else (40, 400)
        order = self._order(is_bid=is_bid, price=price, size=self._size(low, high))
        engine.place(order, now_ms)
        self._quotes[key] = order.id

    def _cancel(self, engine: Engine, key: tuple[bool, int], now_ms: int) -> None:
        order_id = self._quotes.pop(key, None)
        if order_id is not None:
            engine.cancel(order_id, now_ms)

    def _live(self, engine: Engine) -> set[tuple[bool, int]]:
        return {key for key, order_id in self._quotes.items() if order_id in engine.orders}

    def _withdraw(self, engine: Engine, *, is_bid: bool, now_ms: int) -> None:
        for key in sorted(key for key in self._quotes if key[0] is is_bid):
            self._cancel(engine, key, now_ms)

    def _spells(self) -> None:
        if self.elapsed_s >= self._next_spell_s:
            self._spell = (self._random.random() < 0.6, self.elapsed_s + self.temper.one_sided_s)  # noqa: PLR2004
            self._next_spell_s = self._spell[1] + self._random.uniform(
                *self.temper.one_sided_every_s
            )
        if self._spell and self.elapsed_s >= self._spell[1]:
            self._spell = None

    def _empty_sides(self) -> set[bool]:
        return self.banned | ({self._spell[0]} if self._spell else set())

    # -- takers ---------------------------------------------------------------

    def _take(self, engine: Engine, fair: float, now_ms: int) -> None:
        """Take from the side that is stale, else from either."""
        tick = float(self.market.tick_size)
        bid, ask = self.market.book.top(0)
        if bid is not None and float(bid) > fair + STALE * tick:
            buys = False
        elif ask is not None and float(ask) < fair - STALE * tick:
            buys = True
        else:
            buys = self._random.random() < 0.5  # noqa: PLR2004 - a coin
        best = ask if buys else bid
        if best is None:
            return
        # Some orders are larger than the level and rest with their remainder.
        kind = OrderType.GTC if self._random.random() < 0.1 else OrderType.FAK  # noqa: PLR2004
        low, high = (1, 9) if self._random.random() < 0.65 else (10, 40)  # noqa: PLR2004
        order = self._order(is_bid=buys, price=best, size=self._size(low, high), kind=kind)
        try:
            engine.place(order, now_ms)
        except Refused:
            return
        if order.id in engine.orders:
            self._quotes[(buys, round(float(best) / tick))] = order.id

    def _order(
        self, *, is_bid: bool, price: Decimal, size: Decimal, kind: OrderType = OrderType.GTC
    ) -> Order:
        """Make an order for the primary token or, as its mirror, for the secondary."""
        self._count += 1
        token = int(self._random.random() < 0.3)  # noqa: PLR2004
        who = self._random.choice(PERSONAS)
        spec = self.market.spec
        return Order(
            id=f"0x{spec.number + 1:032x}{self._count:032x}",
            wallet=who.wallet,
            owner=who.owner,
            condition_id=spec.condition_id,
            token=token,
            side=Side.BUY if is_bid == (token == 0) else Side.SELL,
            price=price if token == 0 else ONE - price,
            size=size,
            type=kind,
            is_flow=True,
        )

    def _size(self, low: int, high: int) -> Decimal:
        """Return a size with up to two decimals, round ones being more frequent."""
        if self._random.random() < 0.5:  # noqa: PLR2004 - a coin
            return Decimal(self._random.randint(low, high))
        return Decimal(self._random.randint(low * 100, high * 100)) * CENT

    def _wait(self, seconds: tuple[float, float]) -> float:
        wait = self._random.uniform(*seconds)
        self.elapsed_s += wait
        return wait


PERSONAS = personas()
