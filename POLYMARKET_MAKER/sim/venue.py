"""The running exchange: engine, flow, keys and channels under one clock."""

from __future__ import annotations

import asyncio
import heapq
import time
from dataclasses import dataclass
from decimal import Decimal

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.sim.admission import Wallets
from POLYMARKET_MAKER.sim.auth import Keys
from POLYMARKET_MAKER.sim.budgets import Budgets
from POLYMARKET_MAKER.sim.engine import Engine
from POLYMARKET_MAKER.sim.faults import Faults
from POLYMARKET_MAKER.sim.flow import Flow
from POLYMARKET_MAKER.sim.heartbeats import Heartbeats
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.market_ws import MarketChannel
from POLYMARKET_MAKER.sim.markets import make_markets
from POLYMARKET_MAKER.sim.model import (
    BookBatch,
    OrderEvent,
    Resolved,
    TickChanged,
    TradeEvent,
)
from POLYMARKET_MAKER.sim.peaks import Peaks
from POLYMARKET_MAKER.sim.stats import Stats
from POLYMARKET_MAKER.sim.tempers import DEMO_TEMPERS, TEMPERS
from POLYMARKET_MAKER.sim.user_ws import UserChannel

DEFAULT_SEED = 20261120
HOUSEKEEPING_S = 0.1
SWEEP_S = 5.0  # how often the exchange looks for API keys that went silent
LATEST_WAIT_S = 0.5  # a paused or very quiet flow is looked at so often
WEEK_S = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a simulation starts.

    Attributes:
        port: 0 lets the system choose.
        tokens: Number of markets; of each the primary token is listed.
        version: Order version the venue speaks, 1 or 2.
        tempers: Flow of the markets, in turn.
        positions: How many of the last markets have Protocol-V2 ids.
        neg_risk: How many of the first markets are neg-risk.
        usd: What a wallet owns that is seen for the first time.
        flow: Whether other traders act; their first quotes stand in any case.
        ends_in_s: When trading is meant to end, from the start, unscaled.
    """

    port: int = 0
    tokens: int = 4
    seed: int = DEFAULT_SEED
    version: int = 2
    chain_id: int = 137
    clock_scale: float = 1.0
    tempers: tuple[str, ...] = DEMO_TEMPERS
    positions: int = 0
    neg_risk: int = 0
    usd: Decimal = Decimal(1000)
    flow: bool = True
    ends_in_s: float = WEEK_S
    scenario: str | None = None


class Venue:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock = Clock(options.clock_scale)
        self.stats = Stats()
        self.faults = Faults()
        self.started_at = self.clock.now()
        self.engine = Engine(
            make_markets(
                options.tokens,
                seed=options.seed,
                tempers=options.tempers,
                end_at=int(self.started_at + self.clock.real_s(options.ends_in_s)),
                positions=options.positions,
                neg_risk=options.neg_risk,
                fees=options.version != 1,
            ),
            seed=options.seed,
            new_wallet_usd=options.usd,
        )
        self.keys = Keys(seed=options.seed, chain_id=options.chain_id)
        self.wallets = Wallets()
        self.heartbeats = Heartbeats()
        self.budgets = Budgets()
        self.peaks = Peaks()
        self.market_channel = MarketChannel(self.engine, self.faults, self.stats)
        self.user_channel = UserChannel(
            self.engine, self.keys, self.wallets, self.faults, self.stats
        )
        self.flows = {
            market.spec.condition_id: Flow(market, TEMPERS[market.spec.temper], options.seed)
            for market in self.engine.markets.values()
        }
        self._due: list[tuple[float, int, Flow]] = []
        self._open()

    @property
    def listed(self) -> list[str]:
        """Return the token that is offered of each market: the primary one."""
        return [market.spec.tokens[0] for market in self.engine.markets.values()]

    def now_ms(self) -> int:
        """Return exchange time; stamps are real under every clock scale."""
        return time.time_ns() // 1_000_000

    def pause(self, *, paused: bool) -> None:
        for flow in self.flows.values():
            flow.paused = paused

    def commit(self, market: Market) -> None:
        """Close a batch that a request made, and tell both channels."""
        self.engine.commit(market, self.now_ms())
        self.publish()

    def publish(self) -> None:
        """Hand everything that happened to the two channels, in order."""
        for event in self.engine.take_events():
            match event:
                case BookBatch():
                    self.stats.count("engine", "batches")
                    self.market_channel.batch(self.engine.markets[event.condition_id], event)
                case OrderEvent():
                    self._count_fill(event)
                    self.peaks.look(self.engine.clearing.wallet(event.order.wallet))
                    self.user_channel.order(event)
                case TradeEvent():
                    self.user_channel.trade(event)
                case TickChanged():
                    market = self.engine.markets[event.condition_id]
                    self.market_channel.tick_changed(market, event)
                case Resolved():
                    market = self.engine.markets[event.condition_id]
                    self.market_channel.resolved(market, event)

    def _count_fill(self, event: OrderEvent) -> None:
        if event.kind == "CANCELLATION":
            self.stats.count("orders", "canceled")
        elif event.kind == "UPDATE" and event.matched:
            self.stats.count("orders", "fills")
            if event.matched < event.order.size:
                self.stats.count("orders", "partial_fills")

    # -- time -----------------------------------------------------------------

    def _open(self) -> None:
        """Put up the first books before anybody can look, and forget those events."""
        now = self.clock.mono()
        for number, flow in enumerate(self.flows.values()):
            wait = flow.open(self.engine, self.now_ms())
            self._due.append((now + self.clock.real_s(wait), number, flow))
        heapq.heapify(self._due)
        self.pause(paused=not self.options.flow)
        self.engine.take_events()

    async def run_flow(self) -> None:
        """Let the other traders act when they are due, until cancelled."""
        while True:
            now = self.clock.mono()
            while self._due[0][0] <= now:
                due, number, flow = self._due[0]
                wait = self.clock.real_s(flow.step(self.engine, self.now_ms()))
                self.publish()
                # After a stall the missed steps are dropped, not caught up with.
                heapq.heapreplace(self._due, (max(due, now - 1.0) + wait, number, flow))
                await asyncio.sleep(0)
            await asyncio.sleep(min(LATEST_WAIT_S, self._due[0][0] - self.clock.mono()))

    async def run_housekeeping(self) -> None:
        """Settle trades, expire orders and sweep silent API keys, until cancelled."""
        swept_at = self.clock.mono()
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self.engine.release(self.now_ms())
            self.engine.settle(self.now_ms())
            self.engine.expire(self.now_ms())
            if self.clock.mono() - swept_at >= SWEEP_S:
                swept_at = self.clock.mono()
                self._sweep(swept_at)
            self.publish()

    def _sweep(self, now_mono: float) -> None:
        for key in self.heartbeats.silent(now_mono):
            self.stats.count("heartbeats", "swept")
            self.cancel_all(owner=key)

    def cancel_all(self, *, owner: str) -> list[str]:
        """Cancel every order that was posted under an API key, and return their ids."""
        canceled = []
        for order in self.engine.clearing.open_orders():
            if order.owner == owner and self.engine.cancel(order.id, self.now_ms()):
                self.engine.commit(self.engine.markets[order.condition_id], self.now_ms())
                canceled.append(order.id)
        self.publish()
        return canceled
