"""Everything a test or a scenario can make happen, by name.

A request is a JSON object ``{"do": VERB, …}``; its other keys are the verb's
keyword arguments. Scenarios are lists of such requests with a time.
"""

from __future__ import annotations

from decimal import InvalidOperation
from typing import Any

from POLYMARKET_MAKER.sim.venue import Venue
from POLYMARKET_MAKER.sim.verbs_lines import LINE_VERBS
from POLYMARKET_MAKER.sim.verbs_market import MARKET_VERBS
from POLYMARKET_MAKER.sim.verbs_requests import REQUEST_VERBS
from POLYMARKET_MAKER.sim.verbs_wallets import WALLET_VERBS

VERBS = {**MARKET_VERBS, **WALLET_VERBS, **LINE_VERBS, **REQUEST_VERBS}


class VerbError(ValueError):
    """A request names no verb, or its arguments do not fit."""


def perform(venue: Venue, request: dict[str, Any]) -> dict[str, Any]:
    """Carry out one request and return what it found or made.

    Raises:
        VerbError: There is no such verb, or it does not take these arguments.
        Refused: The engine refused an order that was asked for.
    """
    arguments = dict(request)
    name = arguments.pop("do", None)
    verb = VERBS.get(str(name))
    if verb is None:
        raise VerbError(f"do was {name!r}, expected one of {', '.join(sorted(VERBS))}")
    try:
        found = verb(venue, **arguments)
    except (TypeError, ValueError, KeyError, InvalidOperation) as error:
        raise VerbError(f"{name}: {error!r}") from error
    venue.publish()
    return found or {}
