"""Every check, in the order in which a quote becomes an order."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from polyshared.doctor import (
    checks_agg,
    checks_cache,
    checks_child,
    checks_env,
    checks_net,
    checks_order,
    checks_quotes,
    checks_reading,
)
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Check

LIVE: tuple[Check[Facts], ...] = (*checks_net.WAY, *checks_net.ACCOUNT)
"""Those that talk to the exchange: only with ``--live``."""

CHECKS: tuple[Check[Facts], ...] = (
    *checks_env.CHECKS,
    *checks_net.WAY,
    *checks_agg.CHECKS,
    *checks_cache.CHECKS,
    *checks_quotes.CHECKS,
    *checks_child.CHECKS,
    *checks_reading.CHECKS,
    *checks_order.CHECKS,
    *checks_net.ACCOUNT,
)


def available(*, live: bool) -> list[Check[Facts]]:
    """Return all checks, or all that look at this machine alone."""
    away = set() if live else {check.id for check in LIVE}
    return [check for check in CHECKS if check.id not in away]


class UnknownCheck(Exception):
    """A name that is neither a group nor a check.

    Attributes:
        name: What was asked for.
        nearest: The known name most like it, if any is.
    """

    def __init__(self, name: str, nearest: str | None) -> None:
        super().__init__(name)
        self.name = name
        self.nearest = nearest

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else "; see --list-checks"
        return f"unknown check or group {self.name!r}{hint}"


class NeedsLive(Exception):
    """What was asked for talks to the exchange."""

    def __str__(self) -> str:
        return f"{self.args[0]} asks the exchange; add --live"


def select(names: Iterable[str], *, live: bool = False) -> list[str]:
    """Return the ids that *names* mean: groups and ids; all of them for no name.

    Raises:
        UnknownCheck: A name is neither.
        NeedsLive: A name means only checks that talk to the exchange, and *live* is false.
    """
    wanted, checks = list(names), available(live=live)
    if not wanted:
        return [check.id for check in checks]
    here = {check.id for check in checks} | {check.group for check in checks}
    everywhere = {check.id for check in CHECKS} | {check.group for check in CHECKS}
    for name in wanted:
        if name not in everywhere:
            close = difflib.get_close_matches(name, sorted(everywhere), n=1)
            raise UnknownCheck(name, close[0] if close else None)
        if name not in here:
            raise NeedsLive(name)
    return [check.id for check in checks if check.id in wanted or check.group in wanted]
