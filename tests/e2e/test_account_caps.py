"""Ten children that want twice as much as all together may have at stake."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.live_account import ADDRESS, live_account
from tests.support.program import eventually
from tests.support.simulator import Simulator, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CHILDREN = 10
CAP_USD = 100
SCALE = 20


def peak(sim: Simulator) -> dict[str, Any]:
    """Return the most the account ever had at the exchange, looked at after its every event."""
    found: dict[str, Any] = sim.stats()["peaks"].get(ADDRESS, {})
    return found


def exposure(sim: Simulator) -> Decimal:
    """Return the highest sum of resting buys and cost of shares, in USD."""
    return Decimal(peak(sim).get("exposure_usd", "0"))


def fills(sim: Simulator) -> int:
    return int(sim.stats().get("orders", {}).get("fills", 0))


def test_ten_children_never_have_more_at_stake_than_the_cap_of_all(tmp_path: Path) -> None:
    """40 shares each at about half a dollar: they want some 200 USD, and follow the market."""
    with (
        running_simulator(tokens=CHILDREN, tempers="busy", clock_scale=SCALE) as sim,
        live_account(
            sim,
            tmp_path,
            *("--clock-scale", str(SCALE)),
            tokens=CHILDREN,
            order_size=40,
            risk={"max_notional_total": CAP_USD},
        ) as account,
    ):
        eventually(
            lambda: exposure(sim) > Decimal("0.8") * CAP_USD and fills(sim) >= 20,
            within_s=240,
            what="buys and shares near the cap",
        )
        assert account.run.stop() == 0

        assert exposure(sim) <= CAP_USD
        assert peak(sim)["orders_a_side"] == 1
        assert "cap_total" in account.log(), "it was the cap that held them back"
        assert account.orders() == []
