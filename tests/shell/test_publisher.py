"""The publisher serves when it has written, and says why it does not."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.entry import EntryText
from POLYMARKET_MAKER.errors import CannotStart
from POLYMARKET_MAKER.publisher import Publisher
from polyshared import SnapshotReader, SnapshotWriter

ENTRY = EntryText(b'{"best_bid":0.49}', b'{"updated_at":1.0,"health":"live","conn":0}')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ws_cache.json"


@pytest.fixture
def publisher(path: Path) -> Iterator[Publisher]:
    publisher = Publisher(path, flush_interval_s=0.02, version="1")
    yield publisher
    publisher.close()


def test_it_serves_from_the_first_open_line_on(
    publisher: Publisher, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    publisher.set_feed({"state": "connecting"}, is_open=False, tokens=2)
    assert not publisher.serves

    publisher.put("7", ENTRY)
    publisher.set_feed({"state": "open"}, is_open=True, tokens=2)
    assert publisher.serves
    assert path.exists()
    publisher.set_feed({"state": "down"}, is_open=False, tokens=2)
    assert not publisher.serves
    publisher.set_feed({"state": "open"}, is_open=True, tokens=2)
    assert publisher.serves
    assert capfd.readouterr().err.count("聚合订阅启动，tokens=2") == 1


def test_an_entry_that_is_deleted_is_gone(publisher: Publisher, path: Path) -> None:
    publisher.put("7", ENTRY)
    publisher.put("8", ENTRY)
    publisher.delete("7")
    publisher.close()

    with SnapshotReader(path, max_age_s=1e9) as reader:
        assert set(reader.read().tokens) == {"8"}


def test_a_network_that_is_down_is_told_once(
    publisher: Publisher, capfd: pytest.CaptureFixture[str]
) -> None:
    publisher.report_down("did not open")
    publisher.report_down("did not open")

    assert capfd.readouterr().err.count("无法启动 WS 聚合器") == 1


def test_a_lost_lock_is_a_failure_and_every_later_call_is_quiet(
    publisher: Publisher, path: Path
) -> None:
    publisher.set_feed({"state": "open"}, is_open=True, tokens=1)
    os.unlink(f"{path}.lock")
    with SnapshotWriter(path, take_over=True):
        deadline = time.monotonic() + 5
        while not publisher.failure and time.monotonic() < deadline:
            publisher.put("7", ENTRY)
            threading.Event().wait(0.01)
        assert publisher.failure
        assert not publisher.serves
        publisher.put("7", ENTRY)
        publisher.delete("7")
        publisher.set_feed({"state": "open"}, is_open=True, tokens=1)
        assert not publisher.serves


def test_a_second_writer_cannot_start(publisher: Publisher, path: Path) -> None:
    with pytest.raises(CannotStart, match="cannot start the market feed"):
        Publisher(path, flush_interval_s=0.5, version="1")

    assert not publisher.failure
