"""Put a child's account together: whose ledger it is, and what orders go to."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import AgedQuote
from POLYMARKET_MAKER.exchange.auth import (
    Credentials,
    SignatureType,
    Wallet,
    create_or_derive,
)
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.paper import Paper
from POLYMARKET_MAKER.exchange.protocol import Exchange
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.exchange.venue import connect
from POLYMARKET_MAKER.handover import MARKETS_FILE, SIGNER_VARIABLE
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.settings import Credentials as Keys
from POLYMARKET_MAKER.settings import RunParams

PAPER_CASH = Decimal(1000)


class ChildAccount:
    """The account of one child; asks nobody before :meth:`exchange`."""

    def __init__(self, params: RunParams, public: Public, http: Http, clock: Clock) -> None:
        self._params = params
        self._public = public
        self._http = http
        self._clock = clock

    def identity(self) -> Identity:
        """Return whose ledger the child writes to."""
        params = self._params
        keys = params.credentials
        funder = (keys.funder or os.environ.get(SIGNER_VARIABLE, "")) if keys else "paper"
        is_replay = (params.data_dir / MARKETS_FILE).exists()
        run_name = "replay" if is_replay else params.mode.value
        return Identity(run_name, params.urls.clob, params.chain_id, funder)

    def exchange(self, ledger: Ledger) -> Exchange:
        """Return what orders go to; in paper nothing leaves this process.

        Raises:
            VenueUnreachable: The exchange did not answer; try again later.
            VenueRefused: It cannot be signed for.
            SettingsError: The keys are not good.
        """
        params = self._params
        if params.credentials is None:
            return Paper(
                cash=PAPER_CASH,
                clock=self._clock,
                shares={each.token_id: each.size for each in ledger.positions()},
                open_orders=ledger.our_orders(params.token_id),
                namespace=f"paper-{params.token_id}-{self._clock.now()}",
            )
        return connect(
            self._public,
            self._http,
            params.urls.clob,
            self._credentials(params.credentials),
            self._wallet(params.credentials),
            clock=self._clock,
        )

    def _wallet(self, keys: Keys) -> Wallet:
        funder = keys.funder or os.environ[SIGNER_VARIABLE]
        kind = SignatureType(keys.signature_type)
        return Wallet(keys.key, funder, kind, self._params.chain_id)

    def _credentials(self, keys: Keys) -> Credentials:
        """Return the API credentials; the supervisor hands them down, by hand they are derived."""
        address = os.environ.get(SIGNER_VARIABLE)
        if keys.api is not None and address is not None:
            return Credentials(keys.api.key, keys.api.secret, keys.api.passphrase, address)
        found = create_or_derive(
            self._http, self._params.urls.clob, self._wallet(keys), at=self._clock.now()
        )
        log.add_secret(found.api_key, found.secret, found.passphrase)
        return found


def is_paper(exchange: Exchange) -> bool:
    """Whether no order leaves this process."""
    return isinstance(exchange, Paper)


def quote_listener(exchange: Exchange) -> Callable[[AgedQuote], object]:
    """Return who must see every quote: paper trading fills by them."""
    return exchange.on_quote if isinstance(exchange, Paper) else lambda _: None
