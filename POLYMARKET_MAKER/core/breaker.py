"""The order-error breaker: when most orders fail, stop sending them for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Answer(NamedTuple):
    """An answered order request.

    Attributes:
        at: When it was answered, in seconds of a clock that nobody sets.
        failed: Whether the answer was a refusal, or none that can be used.
    """

    at: float
    failed: bool


class Breaker(NamedTuple):
    """When the breaker opens and how long it stays open.

    Attributes:
        max_errors: So many failures within the window open it, ...
        min_share: ... when they are at least this share of the answers.
        window_s: Length of the window.
        open_s: How long it stays open; then it closes by itself.
    """

    max_errors: int = 5
    min_share: float = 0.5
    window_s: float = 60.0
    open_s: float = 300.0

    @property
    def memory_s(self) -> float:
        """How far back answers matter."""
        return self.window_s + self.open_s


DEFAULT = Breaker()


def open_until(answers: Sequence[Answer], now: float, breaker: Breaker = DEFAULT) -> float | None:
    """Return until when the breaker is open; None when it is closed.

    Nothing has to be remembered but the answers themselves, so all processes that
    read the same answers agree, also after a restart.

    Args:
        answers: All of the last ``memory_s`` seconds, in order of time. Those after *now*
            hold nobody yet.
        now: The same clock.
        breaker: The limits.
    """
    opened_at = None
    first = errors = 0
    for position, answer in enumerate(answers):
        if answer.at > now:
            break
        errors += answer.failed
        while answers[first].at <= answer.at - breaker.window_s:
            errors -= answers[first].failed
            first += 1
        total = position - first + 1
        if answer.failed and errors >= max(breaker.max_errors, breaker.min_share * total):
            opened_at = answer.at
    if opened_at is None or now >= opened_at + breaker.open_s:
        return None
    return opened_at + breaker.open_s
