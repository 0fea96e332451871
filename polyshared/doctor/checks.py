"""Every check, in the order in which a quote becomes an order."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from polyshared.doctor import checks_agg, checks_cache, checks_child, checks_env, checks_order
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Check

CHECKS: tuple[Check[Facts], ...] = (
    *checks_env.CHECKS,
    *checks_agg.CHECKS,
    *checks_cache.CHECKS,
    *checks_child.CHECKS,
    *checks_order.CHECKS,
)


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
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"unknown check or group {self.name!r}{hint}"


def select(names: Iterable[str]) -> list[str]:
    """Return the ids that *names* mean: groups and ids; all of them for no name.

    Raises:
        UnknownCheck: A name is neither.
    """
    wanted = list(names)
    if not wanted:
        return [check.id for check in CHECKS]
    known = {check.id for check in CHECKS} | {check.group for check in CHECKS}
    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1)
            raise UnknownCheck(name, close[0] if close else None)
    return [check.id for check in CHECKS if check.id in wanted or check.group in wanted]
