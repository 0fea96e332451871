"""One connection to the user channel: it introduces itself, hands on, and comes back."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.events import Event, Notice, Pong
from POLYMARKET_MAKER.core.feed import FeedLimits
from POLYMARKET_MAKER.user_feed import UserFeed
from tests.support.scripted_ws import ScriptedServer

HELLO = '{"auth":{"secret":"a secret of the channel"},"type":"user"}'
QUICK = FeedLimits(backoff_min_s=0.01, backoff_max_s=0.02)
WAIT_S = 5.0


class Listener:
    """A feed, and what it handed on."""

    def __init__(self, url: str, limits: FeedLimits) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self.opened: queue.Queue[int] = queue.Queue()
        self.fail = False
        self.feed = UserFeed(
            url,
            HELLO,
            on_events=self._take,
            on_open=lambda: self.opened.put(self.feed.connects),
            clock=Clock(),
            limits=limits,
        )

    def _take(self, events: Sequence[Event]) -> None:
        if self.fail:
            self.fail = False
            raise RuntimeError("broken on purpose")
        for event in events:
            self.events.put(event)


@contextmanager
def listening(server: ScriptedServer, limits: FeedLimits = QUICK) -> Iterator[Listener]:
    listener = Listener(server.url, limits)
    listener.feed.start()
    try:
        yield listener
    finally:
        listener.feed.stop()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def test_the_first_frame_is_the_introduction_and_frames_are_handed_on(
    server: ScriptedServer,
) -> None:
    with listening(server) as listener:
        peer = server.accept().upgrade()
        assert peer.read_text() == HELLO
        assert listener.opened.get(timeout=WAIT_S) == 1
        peer.send("PONG")

        assert listener.events.get(timeout=WAIT_S) == Pong()
        assert listener.feed.state is LineState.OPEN


def test_after_a_break_it_comes_back_and_says_so_each_time(server: ScriptedServer) -> None:
    """Nothing is replayed: who listens has to read the account again."""
    with listening(server) as listener:
        server.accept().upgrade().drop()
        peer = server.accept().upgrade()
        assert peer.read_text() == HELLO

        assert [listener.opened.get(timeout=WAIT_S) for _ in range(2)] == [1, 2]


def test_pings_are_sent_as_text_and_silence_ends_the_connection(server: ScriptedServer) -> None:
    limits = FeedLimits(ping_s=0.05, dead_s=0.3, backoff_min_s=0.01, backoff_max_s=0.02)
    with listening(server, limits):
        peer = server.accept().upgrade()
        assert peer.read_text() == HELLO
        assert peer.read_text() == "PING"

        assert server.accept().upgrade().read_text() == HELLO


def test_a_fault_of_the_listener_costs_a_connection_not_the_feed(server: ScriptedServer) -> None:
    with listening(server) as listener:
        listener.fail = True
        first = server.accept().upgrade()
        first.send("one")
        second = server.accept().upgrade()
        second.send("two")

        assert listener.events.get(timeout=WAIT_S) == Notice("two")


def test_the_introduction_is_in_no_line_of_the_log(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening(server) as listener:
        server.accept().upgrade().close(1008, "bad auth")
        server.accept().refuse("429 Too Many Requests", "Retry-After: 0")
        server.accept().upgrade().read_text()
        for _ in range(2):
            listener.opened.get(timeout=WAIT_S)

    said = "".join(capsys.readouterr())
    assert "user_channel_closed" in said
    assert "a secret of the channel" not in said


def test_stop_ends_a_feed_that_is_open_or_was_never_started(server: ScriptedServer) -> None:
    with listening(server) as listener:
        peer = server.accept().upgrade()
        peer.read_text()
        listener.feed.stop()

        assert peer.is_gone()
    Listener(server.url, QUICK).feed.stop()
