"""What a schedule is made of: lanes and their limits, tokens that wait and tokens that run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    """What a child is there for."""

    TRADE = "trade"
    EXIT = "exit"  # only sells what is held


class Outcome(StrEnum):
    """What the end of a child means for its token."""

    DONE = "done"  # it ended in order: rotated, or sold out as it was told
    AGAIN = "again"  # it crashed or could not go on: the same child once more
    FINAL = "final"  # never again by ourselves: market closed, refused, stopped


@dataclass(frozen=True, slots=True)
class Limits:
    """How many children, how far apart.

    Attributes:
        max_trading: Slots of children that trade.
        max_exiting: Slots of children that only sell out.
        spacing_s: Time between two starts of children that trade.
        exit_spacing_s: The same for those that only sell out.
    """

    max_trading: int
    max_exiting: int
    spacing_s: float = 0.0
    exit_spacing_s: float = 0.0

    def slots(self, lane: Lane) -> int:
        return self.max_trading if lane is Lane.TRADE else self.max_exiting

    def spacing(self, lane: Lane) -> float:
        return self.spacing_s if lane is Lane.TRADE else self.exit_spacing_s


@dataclass(frozen=True, slots=True)
class Waiting:
    """A token in the queue.

    Attributes:
        not_before: When its child may be started at the earliest.
    """

    token_id: str
    lane: Lane = Lane.TRADE
    not_before: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Running:
    """A token with a child.

    Attributes:
        started_at: When its child was started.
        is_selling: It was told to sell out; its end is the end of the token here.
        is_rotating: It was told to make room.
        is_parked: It holds no slot: what it could not sell rests at its floor.
        is_leaving: Nobody wants its token any more; its end is the end of the token here.
    """

    lane: Lane
    started_at: float
    is_selling: bool = False
    is_rotating: bool = False
    is_parked: bool = False
    is_leaving: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """The next child to start."""

    token_id: str
    lane: Lane
