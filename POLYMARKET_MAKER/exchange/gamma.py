"""What Gamma, the exchange's catalogue, says of a market.

Since 2026-10-04 a market has a ``version``: "v1" trades the ids of
``clobTokenIds``, "v2" those of ``positionIds``. Outcome *i* belongs to id *i*;
the CLOB's own "primary token" is not reliably the first outcome. Lists come as
JSON inside a JSON string, sometimes as plain lists (exchange docs, 2026-10).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.rows import is_position_id
from POLYMARKET_MAKER.log import short

UNVERSIONED = "v1"  # markets listed before Gamma told versions apart


class GammaRow(msgspec.Struct, frozen=True, rename="camel"):
    """The fields of a Gamma market that are read."""

    condition_id: str
    slug: str = ""
    question: str = ""
    outcomes: str | list[str] = ""
    clob_token_ids: str | list[str] | None = None
    position_ids: str | list[str] | None = None
    version: str | None = None
    end_date: str | None = None
    closed: bool = False


class _Page(msgspec.Struct):
    markets: list[GammaRow]


@dataclass(frozen=True, slots=True)
class GammaMarket:
    """One market of the catalogue.

    Attributes:
        condition_id: The market.
        title: Its question.
        version: "v1" or "v2".
        outcomes: Id to the name of its outcome, in Gamma's order.
        end_at: Announced end in epoch seconds; None when there is none.
        closed: Whether it has ended.
    """

    condition_id: str
    title: str
    version: str
    outcomes: dict[str, str]
    end_at: float | None
    closed: bool


def find_market(http: Http, gamma_url: str, condition_id: str) -> GammaMarket:
    """Look a market up by its condition id, ended ones included.

    Raises:
        VenueUnreachable: No usable answer.
        VenueRefused: Gamma does not know it, or cannot say yet how it is traded.
    """
    for row in _rows(http, gamma_url, {"condition_ids": condition_id}):
        if row.condition_id.lower() == condition_id.lower():
            return read_market(row)
    raise VenueRefused(f"gamma has no market {short(condition_id)}")


def find_market_of(http: Http, gamma_url: str, token_id: str) -> GammaMarket:
    """Look a market up by one of its ids, ended ones included.

    Raises:
        VenueUnreachable: No usable answer.
        VenueRefused: Gamma does not know it, or cannot say yet how it is traded.
    """
    name = "position_ids" if is_position_id(token_id) else "clob_token_ids"
    for row in _rows(http, gamma_url, {name: token_id}):
        if _lists(row.position_ids, token_id) or _lists(row.clob_token_ids, token_id):
            return read_market(row)
    raise VenueRefused(f"gamma has no market of {short(token_id)}")


def _rows(http: Http, gamma_url: str, params: dict[str, str]) -> Iterator[GammaRow]:
    """Yield what fits; without the flag Gamma may leave out the ended ones."""
    for flag in ({}, {"closed": "true"}):
        asked = {**params, "limit": "100", **flag}
        yield from http.get(f"{gamma_url}/markets/keyset", _Page, params=asked).markets


def read_market(row: GammaRow) -> GammaMarket:
    """Turn a row of Gamma into a market.

    Raises:
        VenueUnreachable: A field of the row cannot be read.
        VenueRefused: Its version is unknown here, or its ids are not there yet.
    """
    version = row.version or UNVERSIONED
    name = short(row.condition_id)
    if version not in ("v1", "v2"):
        raise VenueRefused(f"market {name} has version {version!r}, known are 'v1' and 'v2'")
    try:
        ids = _texts(row.position_ids if version == "v2" else row.clob_token_ids)
        names = _texts(row.outcomes)
        end_at = datetime.fromisoformat(row.end_date).timestamp() if row.end_date else None
    except ValueError as error:
        raise VenueUnreachable(f"gamma market {name}: unreadable row: {error}") from None
    if not ids:
        raise VenueRefused(f"market {name} has no token ids yet")
    if len(ids) != len(names):
        raise VenueRefused(f"market {name} has {len(names)} outcomes and {len(ids)} token ids")
    return GammaMarket(
        condition_id=row.condition_id,
        title=row.question,
        version=version,
        outcomes=dict(zip(ids, names, strict=True)),
        end_at=end_at,
        closed=row.closed,
    )


def _lists(ids: str | list[str] | None, token_id: str) -> bool:
    return f'"{token_id}"' in ids if isinstance(ids, str) else token_id in (ids or ())


def _texts(value: str | list[str] | None) -> list[str]:
    """Read a list of strings that may itself be JSON in a string."""
    if not value:
        return []
    if isinstance(value, list):
        return value
    return msgspec.json.decode(value, type=list[str])
