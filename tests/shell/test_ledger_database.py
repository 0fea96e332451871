"""The ledger file is private, belongs to one account, and says what is wrong with it."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from POLYMARKET_MAKER.errors import LedgerBusy, LedgerError, LedgerMismatch
from POLYMARKET_MAKER.ledger import Identity, Ledger
from tests.support.trading import T0, TOKEN, signed

ME = Identity("demo", "http://127.0.0.1:8000", 137, "0xabc")


def test_the_file_and_its_companions_are_readable_by_us_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Ledger.open(tmp_path / "ledger.db", ME) as ledger:
            ledger.record_intent(signed("a"), at=T0, reason="test")
            modes = {
                name: os.stat(tmp_path / name).st_mode & 0o777 for name in os.listdir(tmp_path)
            }
    finally:
        os.umask(before)

    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}


def test_a_file_mode_that_others_can_read_is_mended(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "ledger.db", ME).close()
    os.chmod(tmp_path / "ledger.db", 0o644)

    Ledger.open(tmp_path / "ledger.db", ME).close()

    assert os.stat(tmp_path / "ledger.db").st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "other",
    [
        replace(ME, mode="live"),
        replace(ME, host="https://clob.example"),
        replace(ME, chain=80002),
        replace(ME, funder="0xdef"),
    ],
)
def test_another_account_is_refused_and_changes_nothing(tmp_path: Path, other: Identity) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path, ME) as ledger:
        ledger.record_intent(signed("a"), at=T0, reason="test")
    before = path.read_bytes()

    with pytest.raises(LedgerMismatch, match=r"was .* when it was made, now it is"):
        Ledger.open(path, other)

    assert path.read_bytes() == before
    with Ledger.open(path, ME) as ledger:
        assert ledger.is_ours("a")


def test_a_ledger_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(path, ME).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    db.close()

    with pytest.raises(LedgerError, match="schema was 99, this program reads 2"):
        Ledger.open(path, ME)


def test_a_ledger_of_an_earlier_version_is_brought_up_to_this_one(tmp_path: Path) -> None:
    """Two processes open it at once; its orders are all still there."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path, ME) as ledger:
        ledger.record_intent(signed("a"), at=T0, reason="test")
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE intents DROP COLUMN written_boot_s")
        db.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    db.close()

    with ThreadPoolExecutor(2) as both:
        opened = list(both.map(lambda _: Ledger.open(path, ME), range(2)))

    for ledger in opened:
        (intent,) = ledger.live()
        assert intent.order_id == "a"
        assert intent.written_boot_s is None
        ledger.close()


def test_what_is_no_ledger_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("garbage " * 1000)

    with pytest.raises(LedgerError, match="not a database"):
        Ledger.open(tmp_path / "ledger.db", ME)
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger.open(tmp_path / "missing" / "ledger.db", ME)


def test_another_writer_is_waited_for_and_then_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path, ME, busy_s=0.05) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(LedgerBusy, match=r"more than 0\.05 s"):
            ledger.record_intent(signed("a"), at=T0, reason="test")

        assert not ledger.is_ours("a")  # readers go on
        other.execute("ROLLBACK")
        other.close()
        ledger.record_intent(signed("a"), at=T0, reason="test")
        assert ledger.is_ours("a")


def test_a_full_disk_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db", ME) as ledger:
        with ledger._db.write() as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
        with ledger._db.read() as db:
            db.execute(f"PRAGMA max_page_count={pages}")
        large = replace(signed("a"), body=b"x" * 100_000)

        with pytest.raises(LedgerError, match="full"):
            ledger.record_intent(large, at=T0, reason="test")

        assert not ledger.is_ours("a")
        with ledger._db.read() as db:
            db.execute("PRAGMA max_page_count=100000")
        ledger.record_intent(large, at=T0, reason="test")
        assert ledger.is_ours("a")


def test_every_write_of_anybody_changes_the_version(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path, ME) as ours, Ledger.open(path, ME) as theirs:
        before = ours.version()
        assert ours.version() == before

        theirs.save_state("7", "{}")
        between = ours.version()
        ours.save_state("7", "{}")

        assert len({before, between, ours.version()}) == 3


def test_what_nobody_changed_is_not_read_again_and_every_write_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path, ME) as ours, Ledger.open(path, ME) as theirs:
        asked: list[str] = []
        ours._db._sqlite.set_trace_callback(asked.append)

        def reads() -> int:
            asked.clear()
            ours.view(TOKEN, now=T0)
            ours.venue(now=T0)
            ours.our_orders(TOKEN)
            ours.breaker_until(now=T0)
            ours.budget_wait_s(now=T0)
            ours.fills_since(TOKEN, 0)
            return sum(text.startswith("SELECT") for text in asked)

        assert reads() > 0
        assert reads() == 0

        theirs.set_venue("post_only", until=T0 + 9, reason="told so")
        assert ours.venue(now=T0) == ("post_only", "told so")
        assert ours.venue(now=T0 + 9) == ("ok", "-")
        assert reads() > 0
        assert reads() == 0

        ours.record_intent(signed("a"), at=T0, reason="test")
        assert [each.order_id for each in ours.live(TOKEN)] == ["a"]
        ours.live(TOKEN).clear()  # the answer is the caller's own
        assert [each.order_id for each in ours.live(TOKEN)] == ["a"]


def test_threads_share_one_ledger(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db", ME) as ledger:

        def work(name: str) -> None:
            for number in range(20):
                token = f"{name}{number}"
                ledger.record_intent(signed(token, token=token), at=T0, reason="test")
                ledger.view(token, now=T0)

        threads = [Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(ledger.live()) == 80
