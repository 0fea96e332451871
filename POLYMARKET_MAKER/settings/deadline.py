"""When a market ends for us, and from when on nothing is bought any more."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo
from enum import IntEnum
from zoneinfo import ZoneInfo

from POLYMARKET_MAKER.settings.strategy_keys import DeadlinePolicy, StrategyParams

NEW_YORK = "America/New_York"
BARE_DATE = len("2026-12-01")


class Override(IntEnum):
    """Values of ``override_choice``."""

    NOON_NEW_YORK = 1
    MIDNIGHT_NEW_YORK = 2
    MIDNIGHT_UTC = 3
    NO_END = 4


_ENDS = {
    Override.NOON_NEW_YORK: (time(12, 0), NEW_YORK),
    Override.MIDNIGHT_NEW_YORK: (time(23, 59), NEW_YORK),
    Override.MIDNIGHT_UTC: (time(0, 0), "UTC"),
}


def closing_time(params: StrategyParams, announced: str | float | None) -> float | None:
    """Say when the market ends, in epoch seconds; None when it has no end for us.

    Args:
        params: Settings of the token. ``deadline_override_ts`` comes first; then
            ``override_choice`` moves the end within its day; a bare date ends at
            ``default_deadline``.
        announced: What the exchange says: epoch seconds, or ISO text, also a bare date.

    Raises:
        ValueError: The text is no date.
    """
    policy = params.deadline_policy
    has_no_end = params.disable_deadline_checks or policy.disable_deadline
    if has_no_end or policy.override_choice == Override.NO_END:
        return None
    if params.deadline_override_ts is not None:
        return params.deadline_override_ts
    if announced is None or announced == "":
        return None
    return _announced_end(params, announced)


def _announced_end(params: StrategyParams, announced: str | float) -> float:
    policy = params.deadline_policy
    if isinstance(announced, str) and len(announced) == BARE_DATE and "-" in announced:
        return _end_of(date.fromisoformat(announced), policy)
    at = _epoch(announced, policy.timezone or params.timezone)
    if policy.override_choice is None:
        return at
    _, zone = _ENDS[Override(policy.override_choice)]
    return _end_of(datetime.fromtimestamp(at, _zone(zone)).date(), policy)


def sell_only_from(
    params: StrategyParams, closing_at: float | None, *, scale: float = 1.0
) -> float | None:
    """Say from when on nothing is bought, in epoch seconds; None is never.

    Args:
        params: Settings of the token.
        closing_at: End of the market.
        scale: How many times faster than real time schedules run.
    """
    countdown = params.countdown
    if countdown.absolute_time is not None:
        return _epoch(countdown.absolute_time, countdown.timezone or params.timezone)
    if closing_at is None:
        return None
    return closing_at - countdown.minutes_before_end * 60 / scale


def _end_of(day: date, policy: DeadlinePolicy) -> float:
    bare = policy.default_deadline
    clock, zone = time.fromisoformat(bare.time), bare.timezone
    if policy.override_choice is not None:
        clock, zone = _ENDS[Override(policy.override_choice)]
    return datetime.combine(day, clock, _zone(zone)).timestamp()


def _epoch(moment: str | float, zone: str) -> float:
    """Read epoch seconds, as a number or as text, or ISO text; without a zone it is in *zone*."""
    try:
        return float(moment)
    except ValueError:
        read = datetime.fromisoformat(str(moment))
    return (read if read.tzinfo else read.replace(tzinfo=_zone(zone))).timestamp()


def _zone(name: str) -> tzinfo:
    """Find a zone; UTC needs no time zone database."""
    return UTC if name == "UTC" else ZoneInfo(name)
