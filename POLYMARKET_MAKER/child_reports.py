"""What the supervisor reads in ``data/children/<token>.json``: the children's own words."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec

from POLYMARKET_MAKER.core.decision import StageName
from POLYMARKET_MAKER.core.model import SIZE_STEP

OLD_S = 10.0
"""A report that is older says nothing of the present."""


class StageSaid(msgspec.Struct, frozen=True):
    """One stage of the way to an order."""

    state: str
    reason: str
    since: float | None = None


class OrderSaid(msgspec.Struct, frozen=True):
    """The last order; *at* in epoch seconds."""

    at: float


class PositionSaid(msgspec.Struct, frozen=True):
    """What is held, in shares."""

    size: Decimal


class ChildReport(msgspec.Struct, frozen=True):
    """The part of a child's status file that is decided on here; other keys are ignored.

    Attributes:
        boottime_s: When it was written, in seconds since boot.
        started_at: When the child began, in epoch seconds.
    """

    boottime_s: float
    state: str = "running"
    started_at: float | None = None
    stages: dict[str, StageSaid] = {}
    position: PositionSaid | None = None
    open_orders: list[msgspec.Raw] = []
    last_order: OrderSaid | None = None

    def is_current(self, boot: float) -> bool:
        """Whether it is of a child that runs, and fresh; *boot* in seconds since boot."""
        return self.state != "ended" and boot - self.boottime_s <= OLD_S

    @property
    def signal(self) -> str:
        """Return the reason that the strategy gave last; empty before it gave one."""
        stage = self.stages.get(StageName.SIGNAL)
        return "" if stage is None else stage.reason

    def idle_s(self, now: float) -> float | None:
        """Return how long a child that holds nothing to sell and has nothing open did not order.

        None while it holds something, has an order open, does not know yet, or still
        gathers what its strategy needs: that time is not its own. Without data it is idle.
        """
        if self.started_at is None or self.position is None:
            return None
        if self.position.size >= SIZE_STEP or self.open_orders:
            return None
        warm, quote = (self.stages.get(name) for name in (StageName.WARMUP, StageName.QUOTE))
        is_warm = warm is not None and warm.state == "ok"
        if not is_warm and quote is not None and quote.state == "ok":
            return None
        since = [self.started_at]
        if is_warm and warm is not None and warm.since is not None:
            since.append(warm.since)
        if self.last_order is not None:
            since.append(self.last_order.at)
        return now - max(since)


def read_report(data_dir: Path, token_id: str) -> ChildReport | None:
    """Read the report of a token's child; None when there is none that can be read."""
    path = data_dir / "children" / f"{token_id}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=ChildReport)
    except (OSError, msgspec.MsgspecError):
        return None
