"""All that runs beside the supervisor's loop for one account: channel, reads, last cancels."""

from __future__ import annotations

from collections.abc import Callable

from POLYMARKET_MAKER.account_keeper import AccountKeeper
from POLYMARKET_MAKER.clearing import Clearing
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import user_wire
from POLYMARKET_MAKER.exchange.protocol import AccountReader
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.settings import Credentials


class AccountCare:
    """Runs from its making until :meth:`close`.

    Attributes:
        keeper: Brings the ledger up to date.
        clearing: Cancels what children left behind.
        feed: The user channel.
    """

    def __init__(
        self,
        account: AccountReader,
        ledger: Ledger,
        *,
        url: str,
        keys: Credentials,
        ring: Callable[[str], None],
        after_read: Callable[[float], object],
        clock: Clock,
    ) -> None:
        """Start all three; the account was just read.

        Args:
            account: Reads and cancels.
            ledger: What is ours.
            url: Of the user channel.
            keys: With their API key, under which all orders are posted.
            ring: Wakes the child of a token.
            after_read: Called after each read of the account with the time it began.
            clock: The clock.
        """
        assert keys.api is not None
        api = keys.api
        self.keeper = AccountKeeper(account, ledger, ring=ring, clock=clock, after_read=after_read)
        self.clearing = Clearing(account, ledger, clock)
        # Here, not above: a missing websocket-client is told by the market feed, which is
        # made first, in one sentence and in the log.
        from POLYMARKET_MAKER.user_feed import UserFeed  # noqa: PLC0415

        self.feed = UserFeed(
            url,
            user_wire.hello(api_key=api.key, secret=api.secret, passphrase=api.passphrase),
            on_events=self.keeper.take,
            on_open=self.keeper.read_soon,
            clock=clock,
        )
        self.keeper.start()
        self.feed.start()

    def close(self) -> None:
        """End the threads."""
        self.feed.stop()
        self.clearing.close()
        self.keeper.close()
