"""The ledger file is private, belongs to one account, and says what is wrong with it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest

from POLYMARKET_MAKER.core.budget import Kind
from POLYMARKET_MAKER.errors import LedgerBusy, LedgerError, LedgerMismatch
from POLYMARKET_MAKER.ledger import Identity, Ledger, stored_identity
from tests.support.program import eventually
from tests.support.trading import T0, TOKEN, signed

ME = Identity("demo", "http://127.0.0.1:8000", 137, "0xabc")
WRITER = Identity("demo", "http://h", 137, "0x")
LEDGER_WRITER = Path(__file__).parents[1] / "support" / "ledger_writer.py"


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

    with pytest.raises(LedgerError, match="schema was 99, this program reads 3"):
        Ledger.open(path, ME)


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


class Hung:
    """Another process that hangs in a transaction."""

    def __init__(self, path: Path) -> None:
        self._sqlite = sqlite3.connect(path, isolation_level=None)
        self._sqlite.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        self._sqlite.close()


def test_a_thread_that_waits_to_write_holds_up_no_thread_that_reads(tmp_path: Path) -> None:
    """Else a child's loop would stand still, and with it its cancels, for as long as it waits."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path, ME, busy_s=60.0) as ledger:
        ledger.record_intent(signed("a"), at=T0, reason="test")
        other = Hung(path)
        waits = Thread(
            target=lambda: ledger.record_intent(signed("b", token="8"), at=T0, reason="test")
        )
        waits.start()
        eventually(lambda: _is_writing(ledger), within_s=15, what="the thread waits")

        version = ledger.version()
        assert [each.order_id for each in ledger.view(TOKEN, now=T0).unresolved] == ["a"]
        assert not ledger.is_ours("b")
        with ledger.one_moment() as moment:
            assert moment == version
            assert ledger.open_order_ids() == ["a"]

        assert waits.is_alive(), "it read only when the other had given up"
        other.end()
        waits.join()
        assert ledger.open_order_ids() == ["a", "b"], "what one thread wrote the others see"
        assert ledger.version() != version


def test_what_was_written_since_the_version_of_a_moment_is_news_afterwards(tmp_path: Path) -> None:
    """Who has just asked for the version need not ask again, and misses nothing for good."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path, ME) as ledger, Ledger.open(path, ME) as other:
        assert ledger.account_read_at() is None
        version = ledger.version()
        other.account_read(5.0, boot_s=1.0)

        with ledger.one_moment(version) as moment:
            assert moment == version
            assert ledger.account_read_at() in (None, 5.0)

        assert ledger.version() != version
        assert ledger.account_read_at() == 5.0


def test_what_a_loop_writes_waits_for_nobody(tmp_path: Path) -> None:
    """It is written at a later turn; here neither another process nor a thread lets go."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path, ME, busy_s=60.0) as ledger:
        writes: list[Callable[[], object]] = [
            lambda: ledger.mark(TOKEN, Decimal("0.5"), at=T0),
            lambda: ledger.save_state(TOKEN, "{}"),
            lambda: ledger.take_lease("x", "a", boot_s=0.0, for_s=1.0),
            lambda: ledger.set_venue("post_only", for_s=1.0, boot_s=0.0, reason="-"),
            lambda: ledger.learn_refusal(Kind.ORDER, 1.0, boot_s=0.0),
        ]
        other = Hung(path)
        for write in writes:
            with pytest.raises(LedgerBusy, match=r"another process for more than 0\.05 s"):
                write()
        waits = Thread(target=lambda: ledger.record_intent(signed("b"), at=T0, reason="test"))
        waits.start()
        eventually(lambda: _is_writing(ledger), within_s=15, what="the thread waits")
        for write in writes:
            with pytest.raises(LedgerBusy, match="another thread is writing"):
                write()

        other.end()
        waits.join()
        for write in writes:
            write()


def _is_writing(ledger: Ledger) -> bool:
    """Whether another thread has its turn to write."""
    if ledger._db._lock.acquire(blocking=False):
        ledger._db._lock.release()
        return False
    return True


def test_opening_it_twice_in_one_process_costs_no_write(tmp_path: Path) -> None:
    """A file descriptor that is closed takes the locks of all others along.

    Then another process that ends takes itself for the last one, and removes the log that we
    write to.
    """
    path = tmp_path / "ledger.db"
    with Ledger.open(path, WRITER) as ours:
        ours.record_intent(signed("a"), at=T0, reason="test")
        Ledger.open(path, WRITER).close()
        subprocess.run([sys.executable, LEDGER_WRITER, path, "make"], check=True)

        ours.record_intent(signed("b", token="8"), at=T0, reason="test")

        with Ledger.open(path, WRITER) as theirs:
            assert theirs.open_order_ids() == ["a", "b"]
    with Ledger.open(path, WRITER) as later:
        assert later.open_order_ids() == ["a", "b"]


@pytest.mark.parametrize("name", ["what? 100%.db", "a#b.db"])
def test_its_path_may_hold_what_means_something_in_an_address(tmp_path: Path, name: str) -> None:
    with Ledger.open(tmp_path / name, ME) as ledger:
        ledger.record_intent(signed("a"), at=T0, reason="test")

    assert stored_identity(tmp_path / name) == ME
    with Ledger.open_existing(tmp_path / name) as ledger:
        assert ledger.is_ours("a")
    assert {path.name for path in tmp_path.iterdir()} == {name}


def test_a_full_disk_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db", ME) as ledger:
        with ledger._db.write() as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count={pages}")
        large = replace(signed("a"), body=b"x" * 100_000)

        with pytest.raises(LedgerError, match="full"):
            ledger.record_intent(large, at=T0, reason="test")

        assert not ledger.is_ours("a")
        with ledger._db.write() as db:
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
        ours._db._reader.set_trace_callback(asked.append)

        def reads() -> int:
            asked.clear()
            ours.view(TOKEN, now=T0)
            ours.venue(boot_s=T0)
            ours.our_orders(TOKEN)
            ours.breaker_until(boot_s=T0)
            ours.budget_wait_s(boot_s=T0)
            ours.fills_since(TOKEN, 0)
            return sum(text.startswith("SELECT") for text in asked)

        assert reads() > 0
        assert reads() == 0

        theirs.set_venue("post_only", for_s=9, boot_s=T0, reason="told so")
        assert ours.venue(boot_s=T0) == ("post_only", "told so")
        assert ours.venue(boot_s=T0 + 9) == ("ok", "-")
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
