"""Verbs about clients: their money, their orders, and what the venue does to them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from POLYMARKET_MAKER.sim import frames
from POLYMARKET_MAKER.sim.accounts import order_row
from POLYMARKET_MAKER.sim.model import Status
from POLYMARKET_MAKER.sim.venue import Venue
from POLYMARKET_MAKER.sim.verbs_market import Verb, view


def fund(
    venue: Venue, *, wallet: str, usd: str | None = None, shares: dict[str, str] | None = None
) -> None:
    """Set the collateral of a wallet and give it shares that cost nothing."""
    account = venue.engine.clearing.wallet(wallet)
    if usd is not None:
        account.usd = Decimal(usd)
    for token, size in (shares or {}).items():
        view(venue, token)
        account.holding(token).size += Decimal(size)


def wallet(venue: Venue, *, signer: str, wallet: str, signature_type: int) -> None:
    """Say that *signer* signs for *wallet*, ahead of its first order."""
    if not venue.wallets.bind(wallet=wallet, signer=signer, kind=signature_type):
        raise ValueError(f"{wallet} belongs to another signer")


def cancel_all(venue: Venue, *, wallet: str | None = None, token: str | None = None) -> Any:
    """Cancel clients' orders from the venue's side, as at the start of a game."""
    market = view(venue, token)[0].spec.condition_id if token else None
    orders = [
        order
        for account in venue.engine.clearing.wallets.values()
        if wallet is None or account.address.lower() == wallet.lower()
        for order in list(account.open_orders.values())
        if market in (None, order.condition_id)
    ]
    for order in orders:
        venue.engine.cancel(order.id, venue.now_ms(), status=Status.CANCELED)
        venue.commit(venue.engine.markets[order.condition_id])
    return {"canceled": [order.id for order in orders]}


def fail_trades(venue: Venue, *, count: int = 1) -> None:
    """Let the next *count* trades of clients fail on chain: their fills are undone."""
    venue.engine.clearing.fail_next = count


def book(venue: Venue, *, token: str) -> dict[str, Any]:
    """Return the true book of a token, whatever trouble is switched on."""
    market, index = view(venue, token)
    return frames.rest_book(market, index)


def orders(venue: Venue, *, wallet: str | None = None, every: bool = False) -> dict[str, Any]:
    """Return clients' open orders, or with *every* all that were ever accepted."""
    return {
        "orders": [
            order_row(venue.engine, order)
            for order in venue.engine.orders.values()
            if not order.is_flow
            and (every or order.status is Status.LIVE)
            and (wallet is None or order.wallet.lower() == wallet.lower())
        ]
    }


WALLET_VERBS: dict[str, Verb] = {
    "fund": fund,
    "wallet": wallet,
    "cancel_all": cancel_all,
    "fail_trades": fail_trades,
    "book": book,
    "orders": orders,
}
