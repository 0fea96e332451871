"""Rate limits per signer."""

from __future__ import annotations

import pytest

from POLYMARKET_MAKER.sim.budgets import Budgets, Limit
from POLYMARKET_MAKER.sim.refusals import Refused


def test_a_burst_is_allowed_and_then_no_more() -> None:
    budgets = Budgets({"orders": Limit(40.0, 3.0)})
    left = [budgets.spend("0xA", "orders", 1, 0.0)["Poly-RateLimit-Remaining"] for _ in range(3)]

    assert left == ["2", "1", "0"]
    with pytest.raises(Refused, match="Too Many Requests") as refused:
        budgets.spend("0xa", "orders", 1, 0.0)
    assert refused.value.status == 429
    assert refused.value.headers["Retry-After"] == "1"


def test_a_bucket_fills_up_with_time() -> None:
    budgets = Budgets({"orders": Limit(10.0, 5.0)})
    budgets.spend("0xA", "orders", 5, 0.0)

    assert budgets.spend("0xA", "orders", 2, 0.2)["Poly-RateLimit-Remaining"] == "0"


def test_a_batch_is_paid_for_whole_or_not_at_all() -> None:
    budgets = Budgets({"orders": Limit(1.0, 5.0)})

    with pytest.raises(Refused):
        budgets.spend("0xA", "orders", 6, 0.0)

    assert budgets.spend("0xA", "orders", 5, 0.0)["Poly-RateLimit-Remaining"] == "0"


def test_signers_and_kinds_have_their_own_buckets() -> None:
    budgets = Budgets({"orders": Limit(1.0, 1.0), "cancels": Limit(1.0, 1.0)})

    for address, kind in (("0xA", "orders"), ("0xB", "orders"), ("0xA", "cancels")):
        assert budgets.spend(address, kind, 1, 0.0)["Poly-RateLimit-Tier"] == "Standard"
