"""What must outlive a process, and what only one of them may do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.budget import Kind
from POLYMARKET_MAKER.ledger import Identity, Ledger
from tests.support.trading import T0

ME = Identity("demo", "http://h", 137, "0x")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", ME) as opened:
        yield opened


def test_strategy_state_survives(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db", ME) as first:
        first.save_state("7", '{"drop_pct": "0.06"}')
        first.save_state("7", '{"drop_pct": "0.07"}')

    with Ledger.open(tmp_path / "ledger.db", ME) as second:
        assert second.load_state("7") == '{"drop_pct": "0.07"}'
        assert second.load_state("8") is None


def test_a_signal_is_consumed_by_exactly_one(ledger: Ledger) -> None:
    assert not ledger.is_consumed("sell-1")
    assert ledger.consume_signal("sell-1", at=T0)
    assert not ledger.consume_signal("sell-1", at=T0)
    assert ledger.is_consumed("sell-1")


def test_a_lease_is_held_by_one_until_its_time_is_over(ledger: Ledger) -> None:
    def take(owner: str, boot_s: float) -> bool:
        return ledger.take_lease("account_read", owner, boot_s=boot_s, for_s=10.0)

    assert take("a", T0)
    assert not take("b", T0 + 9)
    assert take("a", T0 + 9)
    assert not take("b", T0 + 18)
    assert take("b", T0 + 19)
    assert not take("a", T0 + 20)


def test_the_state_of_the_venue_is_shared_until_it_ends(ledger: Ledger) -> None:
    assert ledger.venue(boot_s=T0) == ("ok", "-")
    reason = "503 post-only mode: restarting"
    ledger.set_venue("post_only", for_s=79, boot_s=T0, reason=reason)

    assert ledger.venue(boot_s=T0 + 78) == ("post_only", reason)
    assert ledger.venue(boot_s=T0 + 79) == ("ok", "-")


def test_when_the_account_was_read_is_known_or_not_known(ledger: Ledger) -> None:
    assert ledger.account_read_at() is None
    assert ledger.account_read_boot_s() is None
    ledger.account_read(T0 + 0.125, boot_s=77.0)

    assert ledger.account_read_at() == T0 + 0.125
    assert ledger.account_read_boot_s() == 77.0


def test_the_request_budget_is_one_for_all_processes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path, ME) as ours, Ledger.open(path, ME) as theirs:
        assert ours.take_budget(Kind.ORDER, 59, boot_s=T0) == 0
        assert theirs.take_budget(Kind.ORDER, 1, boot_s=T0) == 0
        assert ours.take_budget(Kind.ORDER, 1, boot_s=T0) == 1 / 40
        assert ours.take_budget(Kind.ORDER, 1, boot_s=T0 + 1) == 0


def test_cancels_are_never_held_back_and_what_the_exchange_says_counts(ledger: Ledger) -> None:
    ledger.learn_budget(Kind.CANCEL, 0, boot_s=T0)
    ledger.learn_budget(Kind.ORDER, 0, boot_s=T0)

    assert ledger.take_budget(Kind.CANCEL, 500, boot_s=T0) == 0
    assert ledger.take_budget(Kind.ORDER, 20, boot_s=T0) == 0.5
