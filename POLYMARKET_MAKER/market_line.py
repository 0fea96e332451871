"""One market connection and the thread that keeps it alive, by the rules in ``core.feed``."""

from __future__ import annotations

import random
import selectors
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.events import Notice
from POLYMARKET_MAKER.core.feed import Feed, FeedLimits
from POLYMARKET_MAKER.core.health import LineFacts
from POLYMARKET_MAKER.line import Frame, LineStats, OnFrame, OnState
from POLYMARKET_MAKER.ws_socket import LineBroken, TextSocket

STOP_TIMEOUT_S = 1.0
LONGEST_WAIT_S = 5.0


class MarketLine:
    """One market connection that is kept alive by a thread of its own.

    Both callbacks run in that thread and should be quick; an exception in one is
    logged and counted, and the line goes on with a new connection. After a break the
    same thread dials again, so none is ever left behind.

    Args:
        url: Of the market channel.
        on_frame: Called with each text frame.
        on_state: Called when the state changes, with the reason.
        name: For the log and the thread.
        custom_features: Also ask for ``best_bid_ask``, ``new_market``, ``market_resolved``.
        skip_book: See :func:`wire.parse`.
        clock: Whose boot time is the monotonic clock.
        limits: Durations of the connection; they are never scaled.
        delay_s: Wait before the first dial, so that many lines do not dial at once.
    """

    def __init__(
        self,
        url: str,
        on_frame: OnFrame,
        *,
        on_state: OnState | None = None,
        name: str = "market",
        custom_features: bool = False,
        skip_book: Callable[[str], bool] | None = None,
        clock: Clock | None = None,
        limits: FeedLimits | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self._url = url
        self._on_frame = on_frame
        self._on_state = on_state or (lambda _state, _reason: None)
        self._name = name
        self._skip_book = skip_book
        self._clock = clock or Clock()
        self._feed = Feed(
            custom_features=custom_features,
            limits=limits,
            dial_mono=self._clock.boot() + delay_s,
        )
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._bell_in, self._bell_out = socket.socketpair()
        self._bell_in.setblocking(False)  # noqa: FBT003 - the socket's own signature
        self._bell_out.setblocking(False)  # noqa: FBT003
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._bell_out, selectors.EVENT_READ)
        self._socket: TextSocket | None = None
        self._frames = 0
        self._faults = 0
        self._retry_after_s: float | None = None
        self._told = LineState.IDLE
        self._rang = False  # somebody wants something since the feed was last asked
        self._thread = threading.Thread(target=self._run, name=f"line-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread. It dials as soon as a token is wanted."""
        self._thread.start()

    def want(self, token_ids: Iterable[str]) -> None:
        """Replace the set of wanted tokens; from any thread."""
        with self._lock:
            self._feed.want(token_ids, self._clock.boot())
        self._ring()

    def renew(self, reason: str) -> None:
        """Close the connection and dial again: only a new one is sure to send snapshots."""
        with self._lock:
            self._feed.renew(reason)
        self._ring()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Close the connection and end the thread.

        A dial whose TCP connection has not been made yet cannot be interrupted: its
        thread ends by itself within 10 s and does nothing more.
        """
        self._stopping.set()
        self._ring()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s / 2)
            current = self._socket
            if self._thread.is_alive() and current is not None:
                current.abort()
                self._thread.join(timeout_s / 2)
        if self._thread.ident is None:
            self._hang_up()  # it was never started

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def stats(self) -> LineStats:
        """Describe the connection; from any thread."""
        with self._lock:
            feed = self._feed
            offset = self._clock.now() - self._clock.boot()
            return LineStats(
                state=feed.state,
                opened_at=None if feed.opened_mono is None else feed.opened_mono + offset,
                last_frame_at=(
                    None if feed.last_frame_mono is None else feed.last_frame_mono + offset
                ),
                facts=LineFacts(feed.opened_mono, feed.last_frame_mono),
                connects=feed.connects,
                wanted=feed.wanted,
                sent=feed.sent,
                confirmed=feed.confirmed,
                frames=self._frames,
                faults=self._faults,
                refusals=feed.refusals,
                last_reason=feed.last_reason,
                retry_after_s=self._retry_after_s,
            )

    def _ring(self) -> None:
        self._rang = True  # seen also by a thread that finds so many frames that it never waits
        with suppress(OSError):  # a full bell is a ringing bell
            self._bell_in.send(b"!")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - the last line of a thread
                self._faults += 1
                log.error("[WS]", event="line_fault", line=self._name, exc=error)
                self._closed(f"fault in the line's thread: {error!r}")
        self._hang_up()

    def _hang_up(self) -> None:
        self._selector.close()
        self._bell_in.close()
        self._bell_out.close()

    def _turn(self) -> None:
        """Dial and serve one connection, or wait until it is time to dial."""
        now = self._clock.boot()
        with self._lock:
            dial = self._feed.should_dial(now)
            if dial:
                self._feed.dialling()
            deadline = self._feed.next_deadline()
        self._tell()
        if not dial:
            self._wait(deadline - now)
            return
        connection = TextSocket(self._url)
        self._socket = connection
        try:
            connection.connect()
            with self._lock:
                self._feed.opened(self._clock.boot())
            self._tell()
            fd = connection.fileno()  # by number: a lost connection has none any more
            self._selector.register(fd, selectors.EVENT_READ)
            try:
                reason = self._serve(connection)
            finally:
                self._selector.unregister(fd)
            self._closed(reason)
        except LineBroken as broken:
            self._closed(str(broken), retry_after_s=broken.retry_after_s)
        finally:
            self._socket = None
            connection.close()

    def _serve(self, connection: TextSocket) -> str:
        """Send and receive until the connection has to be closed; return why.

        Between two frames there is seldom anything to do: a frame only moves the next ping and
        the next doubt further away, unless it says that something was refused.
        """
        deadline = float("-inf")
        while not self._stopping.is_set():
            now = self._clock.boot()
            if now >= deadline or self._rang:
                self._rang = False
                with self._lock:
                    texts = self._feed.to_send(now)
                    reason = self._feed.must_close(now)
                    deadline = self._feed.next_deadline()
                for text in texts:
                    connection.send(text)
                if reason is not None:
                    return reason
            if connection.has_buffered() or self._wait(deadline - now):
                text_in = connection.receive()
                if text_in is not None and self._take(text_in):
                    deadline = float("-inf")
        return "stopped"

    def _take(self, text: str) -> bool:
        """Take a frame; return whether it may have made something due."""
        now, at = self._clock.boot(), self._clock.now()
        events = wire.parse(text, skip_book=self._skip_book)
        with self._lock:
            self._feed.received(events, now)
            self._frames += 1
        self._on_frame(Frame(text, events, now, at))
        return len(events) == 1 and isinstance(events[0], Notice)

    def _wait(self, wait_s: float) -> bool:
        """Wait for a frame, the bell or the time; return whether a frame is there."""
        there = False
        for key, _ in self._selector.select(min(max(wait_s, 0.0), LONGEST_WAIT_S)):
            if key.fileobj is self._bell_out:
                with suppress(OSError):
                    self._bell_out.recv(4096)
            else:
                there = True
        return there

    def _closed(self, reason: str, *, retry_after_s: float | None = None) -> None:
        with self._lock:
            self._retry_after_s = retry_after_s
            self._feed.closed(
                self._clock.boot(),
                reason,
                jitter=random.random(),  # noqa: S311 - spreads dials, guards nothing
                retry_after_s=retry_after_s,
            )
        self._tell()

    def _tell(self) -> None:
        """Report a change of state, once."""
        with self._lock:
            state, reason = self._feed.state, self._feed.last_reason
        if state is self._told:
            return
        self._told = state
        try:
            self._on_state(state, reason)
        except Exception as error:  # noqa: BLE001 - a user's callback; the thread must outlive it
            self._faults += 1
            log.error("[WS]", event="callback_fault", line=self._name, exc=error)
