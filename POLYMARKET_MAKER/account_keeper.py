"""Keep the ledger up to what the exchange says of the account, for all children at once.

The user channel brings news at once; it may lose some. So the account is read whole by
REST after each (re)connect and every 30 s, and what the channel did not tell is
corrected and told. What the channel tells only in part is read order by order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_sync import AccountView, look_up, read_account
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.events import Event, Unreadable
from POLYMARKET_MAKER.core.order import CancelResult, Fill
from POLYMARKET_MAKER.core.user_wire import OrderNews, OrderOver, TradeNews
from POLYMARKET_MAKER.errors import LedgerError, MakerError, VenueError
from POLYMARKET_MAKER.exchange.protocol import AccountReader
from POLYMARKET_MAKER.ledger import Ledger

READ_EVERY_S = 30.0
SPACING_S = 0.5
"""Between two reads that were asked for: many at once are one."""
RETRY_S = 2.0
LATE_S = 3.0
"""A fill that a read brings within this time only overtook the channel."""
STOP_S = 6.0


class AccountKeeper:
    """Takes the channel's news, and reads the account in a thread of its own.

    Attributes:
        unreachable: Why the exchange could not be read last time; None when it could.
    """

    def __init__(
        self,
        account: AccountReader,
        ledger: Ledger,
        *,
        ring: Callable[[str], None],
        clock: Clock,
        after_read: Callable[[float], object] = lambda _: None,
    ) -> None:
        """Make the thread; nothing is read before :meth:`start`.

        Args:
            account: The exchange.
            ledger: Where it goes.
            ring: Wakes the child of a token.
            clock: The clock.
            after_read: Called after each read of the account with the time it began.
        """
        self.unreachable: str | None = None
        self._account = account
        self._ledger = ledger
        self._ring = ring
        self._clock = clock
        self._after_read = after_read
        self._lock = threading.Lock()
        self._to_read: dict[str, str] = {}
        self._began_mono = clock.mono()
        self._due_mono = self._began_mono + READ_EVERY_S
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="account-keeper", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; a request that is under way is given its time."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)

    def read_soon(self) -> None:
        """Read the account whole as soon as possible; from any thread."""
        with self._lock:
            soon_mono = max(self._clock.mono(), self._began_mono + SPACING_S)
            self._due_mono = min(self._due_mono, soon_mono)
        self._wake.set()

    # -- in the channel's thread

    def take(self, events: Sequence[Event]) -> None:
        """Take in what a frame says. What cannot be written is read again later."""
        for event in events:
            try:
                self._take(event)
            except LedgerError as error:
                if log.every(60, "keeper_ledger"):
                    log.error("[ACCOUNT]", event="not_written", reason=str(error))
                self.read_soon()

    def _take(self, event: Event) -> None:
        if isinstance(event, OrderNews):
            self._ledger.record_order(event.order)
            self._ring(event.order.token_id)
        elif isinstance(event, TradeNews):
            self._take_trade(event)
        elif isinstance(event, OrderOver):
            self._take_end(event)
        elif isinstance(event, Unreadable):
            self.read_soon()

    def _take_trade(self, trade: TradeNews) -> None:
        ours = [fill for fill in trade.fills if self._ledger.is_ours(fill.order_id)]
        for fill in ours:
            self._ledger.record_fill(fill)
            self._ring(fill.token_id)
        if self._ledger.is_ours(trade.taker_order_id):
            self.read_soon()  # what a taker paid is not in the message

    def _take_end(self, over: OrderOver) -> None:
        """Believe that it is over, and read what traded before."""
        intent = self._ledger.intent(over.order_id)
        if intent is None or intent.final:
            return
        self._ledger.record_cancel(CancelResult((over.order_id,), {}))
        with self._lock:
            self._to_read[over.order_id] = intent.signed.order.token_id
        self._wake.set()

    # -- in the keeper's thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                wait_s = 0.0 if self._to_read else self._due_mono - self._clock.mono()
            if wait_s > 0:
                self._wake.wait(wait_s)
                self._wake.clear()
            elif not self._work():
                self._stopping.wait(RETRY_S)

    def _work(self) -> bool:
        """Read what is due; return whether the exchange answered and all was written."""
        try:
            self._read_orders()
            if self._clock.mono() >= self._due_mono:
                self._read_account()
        except MakerError as error:
            if isinstance(error, VenueError):
                self.unreachable = str(error)
            if log.every(60, "keeper"):
                log.error("[ACCOUNT]", event="not_read", reason=str(error))
            return False
        except Exception as error:  # noqa: BLE001 - the last line of a thread
            self.unreachable = f"fault while reading the account: {error!r}"
            log.error("[ACCOUNT]", event="keeper_fault", exc=error)
            return False
        self.unreachable = None
        return True

    def _read_orders(self) -> None:
        with self._lock:
            waiting = dict(self._to_read)
        for order_id, token_id in waiting.items():
            look_up(self._account, self._ledger, order_id)
            with self._lock:
                self._to_read.pop(order_id, None)
            self._ring(token_id)

    def _read_account(self) -> None:
        began_at = self._clock.now()
        with self._lock:
            self._began_mono = self._clock.mono()
            self._due_mono = self._began_mono + READ_EVERY_S
        try:
            view = read_account(self._account, self._ledger, clock=self._clock)
        except MakerError:
            self.read_soon()
            raise
        self._tell(view, began_at)
        self._after_read(began_at)

    def _tell(self, view: AccountView, began_at: float) -> None:
        """Wake whom the read concerns; say what the channel should have told."""
        late: list[Fill] = [fill for fill in view.new_fills if began_at - fill.at > LATE_S]
        if late or view.ended:
            log.warning(
                "[ACCOUNT]", event="corrected", late_fills=len(late), ended_orders=len(view.ended)
            )
        for fill in view.new_fills:
            self._ring(fill.token_id)
        for order_id in view.ended:
            intent = self._ledger.intent(order_id)
            if intent is not None:
                self._ring(intent.signed.order.token_id)
