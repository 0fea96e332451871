"""The account's one connection to the user channel, and the thread that keeps it alive.

It belongs to the supervisor. What arrives is handed on; see ``account_keeper``.
"""

from __future__ import annotations

import random
import selectors
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import user_wire
from POLYMARKET_MAKER.core.connection import Connection, ConnectionLimits, LineState
from POLYMARKET_MAKER.core.events import Event, Notice, Unknown, Unreadable
from POLYMARKET_MAKER.ws_socket import LineBroken, TextSocket

LONGEST_WAIT_S = 5.0
STOP_TIMEOUT_S = 1.0
SUSPICIOUS_FAILURES = 4
"""Wrong credentials are answered by nothing but a close (clob-client #127)."""


class UserFeed:
    """Reads the user channel until stopped; after a break the same thread dials again.

    Both callbacks run in that thread. An exception in one is logged, and the feed goes on
    with a new connection, after which the account is read whole: nothing is lost.
    """

    def __init__(
        self,
        url: str,
        hello: str,
        *,
        on_events: Callable[[Sequence[Event]], None],
        on_open: Callable[[], None],
        clock: Clock,
        limits: ConnectionLimits | None = None,
    ) -> None:
        """Make the thread; it dials once started.

        Args:
            url: Of the user channel.
            hello: The first frame of each connection. It is a secret and never logged.
            on_events: Told what a frame says.
            on_open: Told that a connection stands: what happened before was not told.
            clock: Whose boot time is the monotonic clock.
            limits: Durations of the connection.
        """
        self._url = url
        self._hello = hello
        self._on_events = on_events
        self._on_open = on_open
        self._clock = clock
        self._line = Connection(limits)
        self._stopping = threading.Event()
        self._bell_in, self._bell_out = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._bell_out, selectors.EVENT_READ)
        self._socket: TextSocket | None = None
        self._thread = threading.Thread(target=self._run, name="user-feed", daemon=True)

    @property
    def state(self) -> LineState:
        """Whether the connection stands; from any thread."""
        return self._line.state

    @property
    def connects(self) -> int:
        """How often it opened."""
        return self._line.connects

    def start(self) -> None:
        """Dial, and go on for as long as it is not stopped."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and end the thread; a dial that hangs ends by itself."""
        self._stopping.set()
        with suppress(OSError):
            self._bell_in.send(b"!")
        current = self._socket
        if current is not None:
            current.abort()
        if self._thread.ident is None:
            self._hang_up()
        else:
            self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        self._selector.close()
        self._bell_in.close()
        self._bell_out.close()

    def _turn(self) -> None:
        """Dial and serve one connection, or wait until it is time to dial."""
        now = self._clock.boot()
        if not self._line.should_dial(now):
            self._wait(self._line.next_deadline() - now)
            return
        self._line.dialling()
        connection = TextSocket(self._url)
        self._socket = connection
        try:
            self._closed(self._connected(connection))
        except LineBroken as broken:
            self._closed(str(broken), retry_after_s=broken.retry_after_s)
        except Exception as error:  # noqa: BLE001 - around callbacks; the thread must go on
            log.error("[WS]", event="user_feed_fault", exc=error)
            self._closed(f"fault: {type(error).__name__}")
        finally:
            self._socket = None
            connection.close()

    def _connected(self, connection: TextSocket) -> str:
        """Open the connection and serve it; return why it has to be closed."""
        connection.connect()
        connection.send(self._hello)
        self._line.opened(self._clock.boot())
        log.info("[WS]", event="user_channel_open", connects=self._line.connects)
        self._on_open()
        fd = connection.fileno()  # by number: a lost connection has none any more
        self._selector.register(fd, selectors.EVENT_READ)
        try:
            return self._serve(connection)
        finally:
            self._selector.unregister(fd)

    def _serve(self, connection: TextSocket) -> str:
        while not self._stopping.is_set():
            now = self._clock.boot()
            reason = self._line.must_close(now)
            if reason is not None:
                return reason
            for text in self._line.to_send(now):
                connection.send(text)
            if connection.has_buffered() or self._wait(self._line.next_deadline() - now):
                frame = connection.receive()
                if frame is not None:
                    self._take(frame)
        return "stopped"

    def _take(self, text: str) -> None:
        self._line.heard(self._clock.boot())
        events = user_wire.parse(text)
        for event in events:
            if isinstance(event, Unreadable | Unknown | Notice) and log.every(60, "user_frame"):
                log.warning("[WS]", event="user_channel", kind=event.kind, frame=str(event))
        self._on_events(events)

    def _wait(self, wait_s: float) -> bool:
        """Wait for a frame, the bell or the time; return whether a frame is there."""
        there = False
        for key, _ in self._selector.select(min(max(wait_s, 0.0), LONGEST_WAIT_S)):
            if key.fileobj is self._bell_out:
                self._bell_out.recv(64)
            else:
                there = True
        return there

    def _closed(self, reason: str, *, retry_after_s: float | None = None) -> None:
        self._line.closed(
            self._clock.boot(),
            reason,
            jitter=random.random(),  # noqa: S311 - spreads dials, guards nothing
            retry_after_s=retry_after_s,
        )
        if self._stopping.is_set():
            return
        if self._line.failures >= SUSPICIOUS_FAILURES and log.every(60, "user_channel_lost"):
            log.error(
                "[WS]",
                "the user channel does not stay open; fills are read by REST",
                event="user_channel_lost",
                failures=self._line.failures,
                reason=reason,
            )
        else:
            log.warning("[WS]", event="user_channel_closed", reason=reason)
