"""What to do about a child that ended: start it again, leave it, or keep it away for a while."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum


class Code(IntEnum):
    """Exit codes of a child that say what is wanted; every other code is a crash."""

    DONE = 0
    SETTINGS = 2
    REFUSED = 4
    ORDERS_OPEN = 5
    MARKET_CLOSED = 10
    TEMPORARY = 75


@dataclass(frozen=True, slots=True)
class Policy:
    """Durations in seconds of schedule time; the shell scales them.

    Attributes:
        first_s: Wait before the first restart.
        longest_s: Longest wait; each restart in a row doubles it up to here.
        stable_s: A run of this length starts the doubling anew.
        crash_window_s: Crashes within this time are counted together.
        crash_limit: So many crashes in the window lead to quarantine.
        quarantine_s: Length of the quarantine.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    stable_s: float = 60.0
    crash_window_s: float = 600.0
    crash_limit: int = 5
    quarantine_s: float = 900.0


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of one child between its runs.

    Attributes:
        attempts: Restarts in a row since the last stable run.
        crashes: When it crashed, within the window.
    """

    attempts: int = 0
    crashes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Restart:
    """Start it again after *after_s*."""

    after_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Do not start it again by yourself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """It crashes too often: start it again only after *for_s*, with a clean history."""

    for_s: float
    reason: str


Verdict = Restart | Stop | Quarantine

_FINAL = {
    Code.DONE: "done",
    Code.SETTINGS: "settings",
    Code.REFUSED: "refused",
    Code.MARKET_CLOSED: "market_closed",
}
_NO_CRASH = {Code.TEMPORARY: "temporary", Code.ORDERS_OPEN: "orders_open"}
"""Ends that somebody else is the cause of: no source, an exchange that proves nothing."""


def judge(
    code: int,
    ran_s: float,
    history: History,
    now: float,
    *,
    asked: bool = False,
    jitter: float = 0.0,
    policy: Policy = Policy(),
) -> tuple[History, Verdict]:
    """Decide what follows the end of a child.

    Args:
        code: Exit code; negative for a signal.
        ran_s: How long it ran.
        history: What :func:`judge` returned last time for this child.
        now: Any clock in seconds that does not go back.
        asked: Whether it was told to end; then no code leads to a restart.
        jitter: 0 to 1; up to a quarter of the wait is added, so that children that
            died of the same cause do not come back in the same moment.
        policy: The durations.
    """
    if asked:
        return History(), Stop("asked")
    if code in _FINAL:
        return History(), Stop(_FINAL[Code(code)])
    attempts = 0 if ran_s >= policy.stable_s else history.attempts
    # The exponent is bounded: a float of 2**2000 does not exist.
    wait_s = min(policy.first_s * 2.0 ** min(attempts, 32), policy.longest_s) * (1 + jitter / 4)
    history = replace(history, attempts=attempts + 1)
    if code in _NO_CRASH:
        return history, Restart(wait_s, _NO_CRASH[Code(code)])
    recent = tuple(at for at in history.crashes if now - at < policy.crash_window_s)
    history = replace(history, crashes=(*recent, now))
    if len(history.crashes) >= policy.crash_limit:
        return History(), Quarantine(policy.quarantine_s, f"crash_loop_code_{code}")
    return history, Restart(wait_s, f"crash_code_{code}")
