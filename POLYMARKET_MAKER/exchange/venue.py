"""Pick the adapter that the exchange wants: it says so itself, at ``GET /version``."""

from __future__ import annotations

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.errors import VenueRefused
from POLYMARKET_MAKER.exchange.auth import Credentials, Wallet
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.posting import PostingAccount
from POLYMARKET_MAKER.exchange.public import Public, unsupported


def connect(
    public: Public,
    http: Http,
    host: str,
    credentials: Credentials,
    wallet: Wallet,
    *,
    clock: Clock | None = None,
) -> PostingAccount:
    """Return the account at *host*, ready to trade; no signing library is loaded yet.

    Raises:
        VenueUnreachable: The exchange did not say its version; nothing is known, try again.
        VenueRefused: It speaks an order version that cannot be signed here.
    """
    version = public.version()
    if version == 1:
        from POLYMARKET_MAKER.exchange.clob_v1 import ClobV1  # noqa: PLC0415 - only if wanted

        return ClobV1(http, host, credentials, wallet, clock=clock)
    if version == 2:  # noqa: PLR2004
        from POLYMARKET_MAKER.exchange.clob_v2 import ClobV2  # noqa: PLC0415 - only if wanted

        return ClobV2(http, host, credentials, wallet, clock=clock)
    raise VenueRefused(unsupported(version))
