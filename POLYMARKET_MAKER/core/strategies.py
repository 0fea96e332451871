"""From the name of a strategy and the settings of a token to the strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import TypeVar

import msgspec

from POLYMARKET_MAKER.core import quote_both_sides, volatility
from POLYMARKET_MAKER.core.decision import Strategy
from POLYMARKET_MAKER.core.strategy import VolatilityStrategy

P = TypeVar("P", volatility.Params, quote_both_sides.Params)

_UNITS: Mapping[str, tuple[str, float]] = {
    "drop_window_minutes": ("drop_window_s", 60.0),
    "volatility_window_minutes": ("volatility_window_s", 60.0),
    "sell_inactive_hours": ("sell_inactive_s", 3600.0),
}
"""Settings whose unit differs from the parameter that they set."""


_NULL_IS_A_VALUE = frozenset({"order_size", "buy_price_threshold"})
"""Settings where null says something: the smallest order, no threshold."""


def make_strategy(name: str, settings: Mapping[str, object], *, scale: float = 1.0) -> Strategy:
    """Make a strategy as it is before its first quote.

    Args:
        name: ``volatility_arbitrage`` or ``quote_both_sides``.
        settings: Merged settings of the token, under their own names; those of other
            parts of the program are ignored, and null means the default where it
            says nothing of its own.
        scale: How many times faster than real time schedules run; divides durations.

    Raises:
        ValueError: The name is not known, or a value is not of its type.
    """
    if name not in NAMES:
        raise ValueError(f"strategy was {name!r}, known are {', '.join(sorted(NAMES))}")
    return _MAKERS[name](settings, scale)


def _volatility(settings: Mapping[str, object], scale: float) -> Strategy:
    return VolatilityStrategy.fresh(_params(volatility.Params, settings, scale))


def _both_sides(settings: Mapping[str, object], scale: float) -> Strategy:
    return quote_both_sides.BothSides(_params(quote_both_sides.Params, settings, scale))


_MAKERS: Mapping[str, Callable[[Mapping[str, object], float], Strategy]] = {
    "volatility_arbitrage": _volatility,
    "quote_both_sides": _both_sides,
}
NAMES = frozenset(_MAKERS)
"""Values of the setting ``strategy``."""


def _params(kind: type[P], settings: Mapping[str, object], scale: float) -> P:
    """Build *kind* from the settings that it knows; each duration (``_s``) is scaled."""
    known = {field.name for field in fields(kind)}
    given: dict[str, object] = {}
    for name, value in settings.items():
        field, unit = _UNITS.get(name, (name, None))
        if field not in known or (value is None and name not in _NULL_IS_A_VALUE):
            continue
        if unit is not None:
            value = msgspec.convert(value, float) * unit  # noqa: PLW2901 - the same, in seconds
        given[field] = value
    params = msgspec.convert(given, kind)
    durations = {name: getattr(params, name) / scale for name in known if name.endswith("_s")}
    return replace(params, **durations)
