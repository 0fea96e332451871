"""Verbs about HTTP requests and what the venue takes."""

from __future__ import annotations

from POLYMARKET_MAKER.sim.budgets import Limit
from POLYMARKET_MAKER.sim.faults import Harm, Mode, RequestFault
from POLYMARKET_MAKER.sim.venue import Venue
from POLYMARKET_MAKER.sim.verbs_market import Verb


def fault(
    venue: Venue,
    *,
    path: str,
    kind: str,
    method: str = "*",
    count: int | None = 1,
    seconds: float = 1.0,
) -> None:
    """Spoil the next *count* requests to a path; see :class:`faults.Harm` for the kinds."""
    venue.faults.requests.append(RequestFault(path, Harm(kind), method, count, seconds))


def clear_faults(venue: Venue) -> None:
    """Answer all requests as usual again."""
    venue.faults.requests.clear()


def mode(venue: Venue, *, mode: str, retry_after_s: int = 79) -> None:
    """Set what the matching engine takes: normal, restart, post_only, cancel_only, disabled."""
    venue.faults.mode = Mode(mode)
    venue.faults.retry_after_s = retry_after_s


def version(venue: Venue, *, version: int | None = None) -> None:
    """Say another order version than the one that is spoken; None: the truth again."""
    venue.faults.version = version


def rate_limit(venue: Venue, *, kind: str, per_s: float, burst: float) -> None:
    """Set how many orders or cancels a signer may send."""
    if kind not in venue.budgets.limits:
        raise ValueError(f"kind was {kind!r}, expected orders or cancels")
    venue.budgets.limits[kind] = Limit(float(per_s), float(burst))


def closed_only(venue: Venue, *, on: bool = True) -> None:
    """Say of every account that it may only close positions."""
    venue.faults.closed_only = on


def geoblock(venue: Venue, *, on: bool = True) -> None:
    """Say that this address is blocked."""
    venue.faults.blocked = on


def ghost_book(venue: Venue, *, tokens: list[str]) -> None:
    """Answer ``/book`` of these tokens with a 0.01/0.99 ghost whose hash is the real one's."""
    venue.faults.ghost_books = set(tokens)


REQUEST_VERBS: dict[str, Verb] = {
    "fault": fault,
    "clear_faults": clear_faults,
    "mode": mode,
    "version": version,
    "rate_limit": rate_limit,
    "closed_only": closed_only,
    "geoblock": geoblock,
    "ghost_book": ghost_book,
}
