"""Which market a person means who gives its slug, or the address of its page.

A page is ``…/market/SLUG`` or ``…/event/EVENT/SLUG``. ``…/event/EVENT`` alone is a market
only where the event has one; of several, one has to be named (Gamma docs, 2026-10).
"""

from __future__ import annotations

import re
from contextlib import closing
from urllib.parse import urlsplit

import msgspec

from POLYMARKET_MAKER.errors import UsageError, VenueRefused
from POLYMARKET_MAKER.exchange.gamma import GammaMarket, GammaRow, read_market
from POLYMARKET_MAKER.exchange.http import Http

SITE = "polymarket.com"
NOT_FOUND = 404
MOST_NAMED = 20

_SLUG = re.compile(r"(?=.*[a-z])[a-z0-9][a-z0-9._-]*", re.IGNORECASE)


class _Event(msgspec.Struct):
    markets: list[GammaRow] = []


def find_meant(source: str, gamma_url: str) -> GammaMarket:
    """Look up the market that a person means by *source*: its slug, or the address of its page.

    Raises:
        UsageError: *source* is neither; nobody was asked.
        VenueUnreachable: No usable answer.
        VenueRefused: Nothing is called that, or several markets are.
    """
    slug = slug_of(source.strip())
    if slug is None:
        raise UsageError(
            f"was {source!r}, expected token ids, comma-separated, "
            "or the slug or address of a market"
        )
    with closing(Http()) as http:
        return find_market_called(http, gamma_url, slug)


def slug_of(text: str) -> str | None:
    """Return the slug that *text* is, or that the address of a page ends with.

    None means that it is neither: a number, a list, a page of another site.
    """
    if "/" not in text:
        return text if _SLUG.fullmatch(text) else None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:  # an address that cannot be one
        return None
    folders = [each for each in parts.path.split("/") if each]
    if host != SITE or len(folders) < 2:  # noqa: PLR2004 - a kind of page, then the slug
        return None
    return folders[-1] if _SLUG.fullmatch(folders[-1]) else None


def find_market_called(http: Http, gamma_url: str, slug: str) -> GammaMarket:
    """Look a market up by its own slug, or by that of an event which has only this one.

    Markets of the event that have ended do not count while another one goes on.

    Raises:
        VenueUnreachable: No usable answer.
        VenueRefused: Nothing is called that, or several markets are; they are named then.
    """
    gamma_url = gamma_url.rstrip("/")
    try:
        return read_market(http.get(f"{gamma_url}/markets/slug/{slug}", GammaRow))
    except VenueRefused as error:
        if error.status_code != NOT_FOUND:
            raise
    rows = _rows_of_event(http, gamma_url, slug)
    rows = [row for row in rows if not row.closed] or rows
    if not rows:
        raise VenueRefused(f"gamma has no market and no event called {slug!r}")
    if len(rows) > 1:
        raise VenueRefused(f"event {slug!r} has {len(rows)} markets, name one: {_names(rows)}")
    return read_market(rows[0])


def _rows_of_event(http: Http, gamma_url: str, slug: str) -> list[GammaRow]:
    try:
        return http.get(f"{gamma_url}/events/slug/{slug}", _Event).markets
    except VenueRefused as error:
        if error.status_code != NOT_FOUND:
            raise
        return []


def _names(rows: list[GammaRow]) -> str:
    names = [row.slug for row in rows[:MOST_NAMED]]
    return ", ".join(names) + (", …" if len(rows) > MOST_NAMED else "")
