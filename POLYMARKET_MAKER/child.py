"""Put one child together: run_params → quotes, exchange, ledger, strategy → Worker → exit code."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import TypeVar

import msgspec
from filelock import FileLock, Timeout

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.bell import Bell, bell_path
from POLYMARKET_MAKER.calls import Calls
from POLYMARKET_MAKER.child_account import ChildAccount, is_paper, quote_listener
from POLYMARKET_MAKER.child_quotes import open_quotes
from POLYMARKET_MAKER.child_rules import rules_of, strategy_of
from POLYMARKET_MAKER.child_status import ChildStatus
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import StageName
from POLYMARKET_MAKER.core.model import MarketInfo
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.ending import ended_early
from POLYMARKET_MAKER.errors import (
    CannotStart,
    ChildExit,
    LedgerError,
    LedgerMismatch,
    SettingsError,
    UsageError,
    VenueRefused,
    VenueUnreachable,
)
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.protocol import Exchange
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.handover import (
    MARKETS_FILE,
    SUPERVISOR_LOCK,
    SUPERVISOR_VARIABLE,
)
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.orders import Orders
from POLYMARKET_MAKER.processes import end_with_parent, is_held
from POLYMARKET_MAKER.pulse import STARTING, Heart
from POLYMARKET_MAKER.request_budget import RequestBudget
from POLYMARKET_MAKER.settings import (
    Mode,
    RunParams,
    load_run_params,
    run_params_path,
)
from POLYMARKET_MAKER.settings.groups import SupervisorLoss
from POLYMARKET_MAKER.stages import StageState
from POLYMARKET_MAKER.worker import Worker

Answer = TypeVar("Answer")

RETRY_S = 5.0
SLICE_S = 0.1
CRASHED = 1
REQUESTS_END_S = 6.0


def run(arguments: list[str]) -> int:
    """Trade one token and return the exit code; see the script that calls it."""
    parser = argparse.ArgumentParser(description="Trade one outcome token.")
    parser.add_argument("run_params", nargs="?", help="default: POLY_RUN_CONFIG_PATH")
    parser.add_argument(
        "--shared-ws-cache", metavar="PATH", help="begin with the aggregator's quotes"
    )
    said = parser.parse_args(arguments)
    log.configure(stream="stdout")
    log.catch_uncaught()
    try:
        path = run_params_path(said.run_params, os.environ)
        params = load_run_params(path, os.environ, shared_ws_cache=said.shared_ws_cache)
    except (SettingsError, UsageError) as error:
        log.error("[INIT]", str(error), event="settings")
        return ChildExit.SETTINGS
    try:
        return Child(params).run()
    except (SettingsError, UsageError) as error:
        log.error("[INIT]", str(error), event="settings")
        return ChildExit.SETTINGS
    except VenueRefused as error:
        log.error("[INIT]", str(error), event="refused")
        return ChildExit.REFUSED
    except LedgerMismatch as error:
        log.error("[INIT]", str(error), event="ledger")
        return ChildExit.SETTINGS
    except (LedgerError, CannotStart) as error:
        log.error("[INIT]", str(error), event="cannot_start")
        return ChildExit.TEMPORARY


class Child:
    """The parts of one child, and the order in which they come to life."""

    def __init__(self, params: RunParams) -> None:
        """Read nothing and ask nobody yet."""
        if params.credentials is not None:
            log.add_secret(*params.credentials.secrets)
        log.configure(
            stream="stdout", level=params.log_level, errors_path=params.log_dir / "errors.jsonl"
        )
        self._params = params
        self._clock = Clock(params.clock_scale)
        self._http = Http()
        self._public = Public(self._http, clob_url=params.urls.clob, gamma_url=params.urls.gamma)
        self._heart = Heart(os.environ)
        self._stopping = False
        self._worker: Worker | None = None
        os.makedirs(params.data_dir / "children", exist_ok=True)
        self._status = ChildStatus(
            params.data_dir / "children" / f"{params.token_id}.json",
            params.token_id,
            params.mode.value,
            self._clock,
        )

    def run(self) -> int:
        """Trade until it is over and return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if not self._bind_to_supervisor():
            return ChildExit.DONE
        with ExitStack() as locks:
            self._claim(locks)
            return self._run()

    def _claim(self, locks: ExitStack) -> None:
        """Be the only child of this token, and by hand not beside a live supervisor.

        Raises:
            CannotStart: Another child holds the token.
            UsageError: A supervisor runs here; it would trade the same account.
        """
        data, token_id = self._params.data_dir, self._params.token_id
        is_by_hand = SUPERVISOR_VARIABLE not in os.environ
        if is_by_hand and self._params.mode is Mode.LIVE and is_held(data / SUPERVISOR_LOCK):
            raise UsageError(f"{data}: a supervisor runs here; stop it first, or use paper")
        lock = FileLock(data / "children" / f"{token_id}.lock", timeout=0)
        try:
            locks.enter_context(lock)
        except Timeout:
            raise CannotStart(
                f"another child of {log.short(token_id)} runs: {lock.lock_file} is held"
            ) from None

    def _run(self) -> int:
        params = self._params
        log.info("[INIT]", token=params.token_id, mode=params.mode, pid=os.getpid())
        for warning in params.warnings:
            log.warning("[INIT]", warning)
        code = CRASHED
        try:
            code = self._trade()
        finally:
            self._status.enter("ended", int(code))
            self._status.write_if_due()
            self._http.close()
        log.info("[EXIT]", token=params.token_id, code=int(code))
        return code

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._worker is not None:
            self._worker.stop()

    def _bind_to_supervisor(self) -> bool:
        """End with the supervisor that started us; return whether it is still there."""
        supervisor = os.environ.get(SUPERVISOR_VARIABLE)
        if supervisor is None:
            return True
        if self._params.on_supervisor_loss is SupervisorLoss.CONTINUE:
            return not self._is_alone()
        try:
            end_with_parent(int(supervisor))
        except ProcessLookupError as error:
            log.error("[INIT]", str(error), event="supervisor_gone")
            return False
        return True

    def _is_alone(self) -> bool:
        """Whether the supervisor that started us is gone."""
        return os.environ.get(SUPERVISOR_VARIABLE) not in (None, str(os.getppid()))

    def _beat(self, orders: Orders) -> None:
        """Tell that the loop turns; alone, look at the account ourselves from now on."""
        if self._heart.beat() and orders.reading.is_kept and self._is_alone():
            log.warning("[CHILD]", event="supervisor_gone", token=self._params.token_id)
            orders.reading.is_kept = False

    def _trade(self) -> ChildExit:
        self._status.write_if_due()
        market = self._patiently(self._market)
        if market is None:
            return self._ended_early()
        account = ChildAccount(self._params, self._public, self._http, self._clock)
        with Ledger.open(self._params.data_dir / "ledger.db", account.identity()) as ledger:
            ledger.record_lost(self._params.token_id)  # start-up is recovery
            self._http.on_limit = RequestBudget(ledger, self._clock).heard
            exchange = self._patiently(lambda: account.exchange(ledger))
            if exchange is not None:
                return self._work(market, exchange, ledger)
        return self._ended_early()

    def _ended_early(self) -> ChildExit:
        """Return the code of one that was asked to end before the exchange had answered."""
        if self._params.credentials is None:  # what is on paper ends with its process
            return ChildExit.DONE
        return ended_early(self._params.data_dir / "ledger.db", self._params.token_id)

    def _work(self, market: MarketInfo, exchange: Exchange, ledger: Ledger) -> ChildExit:
        quotes = open_quotes(self._params, self._clock, market=market, reads=self._public)
        calls = Calls(wake=lambda: None)
        limits = Limits(
            self._params.risk.max_notional_per_token,
            self._params.risk.max_notional_total,
            self._params.risk.max_daily_loss,
        )
        orders = Orders(
            market.token_id,
            exchange=exchange,
            ledger=ledger,
            calls=calls,
            clock=self._clock,
            limits=limits,
            is_kept=SUPERVISOR_VARIABLE in os.environ and not is_paper(exchange),
        )
        self._worker = Worker(
            market,
            rules_of(self._params, market, limits, self._clock),
            strategy_of(self._params, ledger, self._clock),
            quotes=quotes,
            orders=orders,
            ledger=ledger,
            status=self._status,
            clock=self._clock,
            asking=calls.is_any_running,
            on_quote=quote_listener(exchange),
            has_news=Bell(bell_path(self._params.data_dir, market.token_id)).has_rung,
            beat=partial(self._beat, orders),
        )
        if self._stopping:  # asked while the parts were put together
            self._worker.stop()
        gc.collect()
        gc.freeze()  # what is there now stays: no collection need look at it again
        try:
            return self._worker.run()
        finally:
            calls.close(REQUESTS_END_S)
            quotes.close()

    def _patiently(self, ask: Callable[[], Answer]) -> Answer | None:
        """Ask until the exchange answers; None when we were asked to stop first."""
        while not self._stopping:
            self._heart.beat(STARTING)
            try:
                return ask()
            except VenueUnreachable as error:
                self._status.mark(StageName.VENUE, StageState.FAIL, "unreachable")
                self._status.write_if_due()
                if log.every(60, "unreachable"):
                    log.error("[INIT]", str(error), event="venue_unreachable")
                self._pause(error.retry_after_s or RETRY_S)
        return None

    def _pause(self, pause_s: float) -> None:
        """Wait, but not longer than until we are asked to stop."""
        until = self._clock.mono() + pause_s
        while not self._stopping and self._clock.mono() < until:
            self._heart.beat(STARTING)
            time.sleep(SLICE_S)

    def _market(self) -> MarketInfo:
        """Return the token's market: from the exchange, or from a replay's own file."""
        known = self._params.data_dir / MARKETS_FILE
        if known.exists():
            markets = msgspec.json.decode(known.read_bytes(), type=dict[str, MarketInfo])
            return markets[self._params.token_id]
        return self._public.market_info(self._params.token_id)
