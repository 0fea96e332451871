"""The trouble that is switched on right now: one place that every part of the server asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

IDS_PER_FRAME = 400
"""Thousands of ids in one frame close the connection, 100 do not; the limit is not known."""


class Mode(StrEnum):
    """What the matching engine accepts."""

    NORMAL = "normal"
    RESTART = "restart"
    POST_ONLY = "post_only"
    CANCEL_ONLY = "cancel_only"
    DISABLED = "disabled"


class Harm(StrEnum):
    """What happens to a request instead of, or besides, being answered."""

    TOO_EARLY = "425"
    TOO_MANY = "429"
    ERROR = "500"
    UNAVAILABLE = "503"
    TIMEOUT = "timeout"  # never processed, never answered
    LOST_ANSWER = "timeout_after"  # processed, never answered
    DROP = "drop"  # connection cut before processing
    DROP_AFTER = "drop_after"  # processed, then the connection is cut
    SLOW = "slow"  # answered late
    SLOW_AFTER = "slow_after"  # processed at once, answered late
    GARBAGE = "garbage"  # processed, answered with something that is not JSON


@dataclass(slots=True)
class RequestFault:
    """Trouble for the next requests to a path.

    Attributes:
        path: Path it applies to; one that ends in ``*`` is a prefix.
        method: HTTP method, or ``*``.
        count: How many requests it still applies to; None for all.
    """

    path: str
    harm: Harm
    method: str = "*"
    count: int | None = 1
    seconds: float = 1.0

    def concerns(self, method: str, path: str) -> bool:
        if self.method not in ("*", method):
            return False
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path


@dataclass(slots=True)
class Faults:
    """Everything that can be wrong at the moment; all off at the start.

    Attributes:
        deaf_tokens: Subscriptions to them are taken and never answered.
        frozen_tokens: No line, also no new one, gets their frames.
        frozen_for: The same for the market lines of one process, by its pid; None for all tokens.
        ghost_books: Tokens whose REST book is a 0.01/0.99 ghost.
        version: What ``GET /version`` answers, whatever is really spoken; None for the truth.
        resnapshot: A token that is unsubscribed and subscribed again gets a book again.
        swap_duplicates: Each batch is sent again with the pair of tokens swapped.
        reorder_levels: Ladders come with the best price first.
        arrays: The level frames of a batch come as one array.
        shunned_pid: Process whose market lines are refused; 0 for none.
        refuse_upgrades: How many WebSocket upgrades are still answered with 429.
        close_upgrades: How many WebSockets are still closed right after opening.
        invalid_first: How many first frames still get ``INVALID OPERATION``.
        ids_per_frame: More ids in one frame close the connection.
    """

    mode: Mode = Mode.NORMAL
    retry_after_s: int = 79
    version: int | None = None
    closed_only: bool = False
    blocked: bool = False
    pong: bool = True
    deaf_tokens: set[str] = field(default_factory=set)
    frozen_tokens: set[str] = field(default_factory=set)
    frozen_for: dict[int, set[str] | None] = field(default_factory=dict)
    ghost_books: set[str] = field(default_factory=set)
    shunned_pid: int = 0
    refuse_upgrades: int = 0
    close_upgrades: int = 0
    invalid_first: int = 0
    ids_per_frame: int = IDS_PER_FRAME
    resnapshot: bool = False
    swap_duplicates: bool = False
    reorder_levels: bool = False
    arrays: bool = False
    requests: list[RequestFault] = field(default_factory=list)

    def take_request(self, method: str, path: str) -> RequestFault | None:
        """Return the fault of this request, if any, and count it off."""
        for fault in self.requests:
            if fault.concerns(method, path):
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count <= 0:
                        self.requests.remove(fault)
                return fault
        return None

    def take(self, name: str) -> bool:
        """Count one off the counter *name*; True while it was above 0."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0
