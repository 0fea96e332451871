"""A line keeps one connection alive from one thread, and ends when it is told to."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.feed import FeedLimits
from POLYMARKET_MAKER.line import Frame
from POLYMARKET_MAKER.market_line import MarketLine
from tests.support import market_text as market
from tests.support.market_text import NO, YES
from tests.support.scripted_ws import PING, Peer, ScriptedServer

QUICK = FeedLimits(backoff_min_s=0.01, backoff_max_s=0.02)
WAIT_S = 5.0


class Watched:
    """A line with its frames and changes of state in queues."""

    def __init__(self, url: str, limits: FeedLimits) -> None:
        self.frames: queue.Queue[Frame] = queue.Queue()
        self.states: queue.Queue[tuple[LineState, str]] = queue.Queue()
        self.fail_on: str | None = None
        self.line = MarketLine(
            url,
            self._take,
            on_state=lambda state, reason: self.states.put((state, reason)),
            custom_features=True,
            limits=limits,
        )

    def _take(self, frame: Frame) -> None:
        if frame.text == self.fail_on:
            raise RuntimeError("broken on purpose")
        self.frames.put(frame)

    def frame(self) -> Frame:
        return self.frames.get(timeout=WAIT_S)

    def until(self, state: LineState) -> str:
        """Wait for a state; return the reason given with it."""
        while True:
            seen, reason = self.states.get(timeout=WAIT_S)
            if seen is state:
                return reason


@contextmanager
def watching(server: ScriptedServer, *tokens: str, limits: FeedLimits = QUICK) -> Iterator[Watched]:
    watched = Watched(server.url, limits)
    watched.line.want(tokens)
    watched.line.start()
    try:
        yield watched
    finally:
        watched.line.stop()
        assert not watched.line.is_alive


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def test_frames_that_come_in_one_piece_are_all_taken(server: ScriptedServer) -> None:
    with watching(server, YES) as watched:
        peer = server.accept().upgrade()
        peer.read_json()
        texts = ["PONG", "NO NEW ASSETS", "PONG"]
        peer.send_raw(b"".join(Peer.head(len(text)) + text.encode() for text in texts))

        assert [watched.frame().text for _ in texts] == texts


def test_frames_come_read_and_stamped(server: ScriptedServer) -> None:
    with watching(server, YES) as watched:
        peer = server.accept().upgrade()
        assert peer.read_json()["assets_ids"] == [YES]
        before = time.time()
        peer.send([market.book()])

        frame = watched.frame()
        assert frame.text.startswith("[")
        assert [event.kind for event in frame.events] == ["book"]
        assert before <= frame.at <= time.time()
        stats = watched.line.stats()
        assert stats.state is LineState.OPEN
        assert stats.confirmed == {YES}
        assert stats.last_frame_at == pytest.approx(frame.at, abs=0.1)


def test_tokens_are_added_without_a_new_connection(server: ScriptedServer) -> None:
    with watching(server, YES) as watched:
        peer = server.accept().upgrade()
        peer.read_json()

        watched.line.want([YES, NO])

        assert peer.read_json() == {
            "assets_ids": [NO],
            "operation": "subscribe",
            "custom_feature_enabled": True,
        }
        assert watched.line.stats().connects == 1


def test_no_connection_is_made_while_nothing_is_wanted(server: ScriptedServer) -> None:
    with watching(server) as watched:
        watched.line.want([YES])  # the first connection that arrives is this one

        assert server.accept().upgrade().read_json()["assets_ids"] == [YES]


def test_ping_is_sent_as_text(server: ScriptedServer) -> None:
    limits = FeedLimits(ping_s=0.05)
    with watching(server, YES, limits=limits) as watched:
        peer = server.accept().upgrade()
        peer.read_json()

        assert peer.read_text() == "PING"
        peer.send("PONG")
        assert watched.frame().events[0].kind == "pong"


def test_a_protocol_ping_is_answered(server: ScriptedServer) -> None:
    with watching(server, YES):
        peer = server.accept().upgrade()
        peer.read_json()
        peer.send(b"are you there", opcode=PING)

        assert peer.read() == (10, b"are you there")


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda peer: peer.close(1001, "restart"), "closed by the exchange: code 1001 restart"),
        (lambda peer: peer.drop(), "connection lost"),
        (lambda peer: peer.send_raw(b"\xff\x00"), "connection lost"),
        (lambda peer: peer.send_raw(Peer.head(1 << 40)), "limit is 16777216"),
    ],
    ids=["closed", "dropped", "garbled", "oversized"],
)
def test_a_broken_line_says_why_and_dials_again(
    server: ScriptedServer,
    end: object,
    reason: str,
) -> None:
    assert callable(end)
    with watching(server, YES) as watched:
        peer = server.accept().upgrade()
        peer.read_json()
        end(peer)

        assert reason in watched.until(LineState.DOWN)
        again = server.accept().upgrade()
        assert again.read_json()["type"] == "market"
        again.send([market.book()])
        assert watched.frame().events[0].kind == "book"
        assert watched.line.stats().connects == 2


def test_a_silent_line_is_given_up(server: ScriptedServer) -> None:
    """Half-open: the server's machine is gone and nobody says so."""
    limits = FeedLimits(dead_s=0.2, backoff_min_s=0.01, backoff_max_s=0.02)
    with watching(server, YES, limits=limits) as watched:
        server.accept().upgrade()

        assert "no frame for" in watched.until(LineState.DOWN)
        server.accept().upgrade().read_json()


def test_half_a_frame_is_no_sign_of_life(server: ScriptedServer) -> None:
    limits = FeedLimits(dead_s=0.3, backoff_min_s=0.01, backoff_max_s=0.02)
    with watching(server, YES, limits=limits) as watched:
        peer = server.accept().upgrade()
        peer.send_raw(Peer.head(1000) + b"{")

        assert "no frame for" in watched.until(LineState.DOWN)


def test_a_frame_may_come_in_pieces(server: ScriptedServer) -> None:
    with watching(server, YES) as watched:
        peer = server.accept().upgrade()
        peer.send("PO", fin=False)
        peer.send("NG", opcode=0)

        assert watched.frame().text == "PONG"


def test_bytes_that_are_no_text_do_not_end_the_line(server: ScriptedServer) -> None:
    with watching(server, YES) as watched:
        peer = server.accept().upgrade()
        peer.send(b'{"event_type":"book","market":"\xff\xfe"}')
        peer.send("PONG")

        assert watched.frame().events[0].kind == "unreadable"
        assert watched.frame().events[0].kind == "pong"
        assert watched.line.stats().connects == 1


def test_a_refused_upgrade_says_its_status(server: ScriptedServer) -> None:
    with watching(server, YES) as watched:
        server.accept().refuse("503 Service Unavailable")

        assert "HTTP status 503" in watched.until(LineState.DOWN)
        server.accept().upgrade().read_json()


def test_http_429_is_waited_out(server: ScriptedServer) -> None:
    """Opening many sockets at once is answered so."""
    with watching(server, YES) as watched:
        server.accept().refuse("429 Too Many Requests", "Retry-After: 0.4")
        watched.until(LineState.DOWN)
        refused = time.monotonic()
        server.accept().upgrade()

        assert time.monotonic() - refused >= 0.39


def test_nobody_listening_is_a_reason_not_an_exception() -> None:
    with ScriptedServer() as closed:
        url = closed.url
    watched = Watched(url, QUICK)
    watched.line.want([YES])
    watched.line.start()

    assert "did not open" in watched.until(LineState.DOWN)
    watched.line.stop()
    assert not watched.line.is_alive


def test_a_fault_in_a_callback_is_counted_and_survived(server: ScriptedServer) -> None:
    with watching(server, YES) as watched:
        watched.fail_on = "POISON"
        server.accept().upgrade().send("POISON")

        assert "broken on purpose" in watched.until(LineState.DOWN)
        again = server.accept().upgrade()
        again.send("PONG")
        assert watched.frame().text == "PONG"
        assert watched.line.stats().faults == 1


def test_a_fault_of_whoever_is_told_the_state_is_survived(server: ScriptedServer) -> None:
    frames: queue.Queue[Frame] = queue.Queue()

    def told(state: LineState, _reason: str) -> None:
        raise RuntimeError(f"broken on purpose at {state}")

    line = MarketLine(server.url, frames.put, on_state=told, limits=QUICK)
    line.want([YES])
    line.start()
    server.accept().upgrade().drop()
    server.accept().upgrade().send("PONG")

    assert frames.get(timeout=WAIT_S).text == "PONG"
    assert line.stats().faults >= 4
    line.stop()
    assert not line.is_alive


def test_renewal_opens_a_fresh_connection(server: ScriptedServer) -> None:
    with watching(server, YES) as watched:
        first = server.accept().upgrade()
        first.read_json()

        watched.line.renew("the witness disagreed")

        assert watched.until(LineState.DOWN) == "the witness disagreed"
        assert server.accept().upgrade().read_json()["type"] == "market"
        assert first.is_gone()


def test_stop_ends_a_quiet_line_within_a_second(server: ScriptedServer) -> None:
    with watching(server, YES) as watched:
        peer = server.accept().upgrade()
        watched.until(LineState.OPEN)
        started = time.monotonic()
        watched.line.stop()

        assert time.monotonic() - started < 1.0
        assert not watched.line.is_alive
        assert peer.is_gone()


def test_stop_ends_a_handshake_that_is_never_answered(server: ScriptedServer) -> None:
    with watching(server, YES) as watched:
        server.accept().read_request()
        started = time.monotonic()
        watched.line.stop()

        assert time.monotonic() - started < 1.0
        assert not watched.line.is_alive


def test_reconnects_leave_no_thread_behind(server: ScriptedServer) -> None:
    with watching(server, YES):
        before = threading.active_count()
        for _ in range(10):
            server.accept().upgrade().drop()

        server.accept().upgrade()
        assert threading.active_count() == before
