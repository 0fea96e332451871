"""The one feed of all children: lines → books → the snapshot that children read.

It fails loudly at the start, with :class:`CannotStart`, when this machine cannot run
it. A network that does not answer is no such failure: that is logged once as an
ERROR, and the lines go on dialling.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol, Self

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.events import BookSnapshot, Event, PriceChange
from POLYMARKET_MAKER.core.feed import FeedLimits, LineState
from POLYMARKET_MAKER.core.model import TokenHealth
from POLYMARKET_MAKER.errors import CannotStart
from POLYMARKET_MAKER.feed_stats import FeedCounters, feed_block, line_row
from POLYMARKET_MAKER.line import Frame, Line, OnFrame, OnState
from POLYMARKET_MAKER.recording import Recorder
from POLYMARKET_MAKER.seats import Seat
from polyshared import SnapshotWriter, WriterBusy, WriterFenced

TOKENS_PER_LINE = 200
"""Above about 500 tokens a connection the exchange sends nothing (nautilus_trader #2915)."""
TICK_S = 0.05
SWEEP_EVERY_S = 1.0


class OpenLine(Protocol):
    """How a line is made; it is started by the aggregator."""

    def __call__(
        self,
        conn: int,
        on_frame: OnFrame,
        on_state: OnState,
        /,
        *,
        skip_book: Callable[[str], bool],
    ) -> Line: ...


def market_lines(url: str, clock: Clock) -> OpenLine:
    """Return how to open connections to *url*.

    Raises:
        CannotStart: websocket-client is not installed.
    """
    try:
        from POLYMARKET_MAKER.market_line import MarketLine  # noqa: PLC0415 - see Raises
    except ImportError as error:
        raise CannotStart(
            f"cannot import websocket-client ({error}); run: pip install -r requirements.txt"
        ) from error

    def open_line(
        conn: int, on_frame: OnFrame, on_state: OnState, *, skip_book: Callable[[str], bool]
    ) -> Line:
        return MarketLine(
            url,
            on_frame,
            on_state=on_state,
            name=f"market-{conn}",
            custom_features=True,
            skip_book=skip_book,
            clock=clock,
        )

    return open_line


class Aggregator:
    """Keep the snapshot of all wanted tokens fresh.

    Callbacks of the lines and the aggregator's own thread meet under one lock, which is
    never held while something waits.

    Args:
        path: The snapshot file.
        open_line: How to make a line, see :func:`market_lines`.
        clock: Wall clock and durations.
        mono: Monotonic clock of the lines' frames; a replay has its own.
        flush_interval_s: Least time between two writes of the file.
        tokens_per_line: Tokens that one line may carry.
        recorder: Gets every raw frame.
        version: Shown in the file as the writer's version.
    """

    def __init__(
        self,
        path: Path,
        open_line: OpenLine,
        *,
        clock: Clock | None = None,
        mono: Callable[[], float] | None = None,
        flush_interval_s: float = 0.5,
        tokens_per_line: int = TOKENS_PER_LINE,
        recorder: Recorder | None = None,
        version: str = "",
    ) -> None:
        self._path = path
        self._open_line = open_line
        self._clock = clock or Clock()
        self._mono = mono or self._clock.boot
        self._flush_interval_s = flush_interval_s
        self._tokens_per_line = tokens_per_line
        self._recorder = recorder
        self._version = version
        self._grace_s = FeedLimits().unsubscribe_grace_s
        self._lock = threading.RLock()
        self._lines: list[Line] = []
        self._seats: dict[str, Seat] = {}
        self._siblings: dict[str, str] = {}  # a token nobody asked for -> ours of that market
        self._unsettled: set[str] = set()
        self._counters = FeedCounters()
        self._stopping = threading.Event()
        self._writer: SnapshotWriter | None = None
        self._sweep_now = False
        self._has_served = False
        self._serves = False
        self._told_down = False
        self._failure = ""
        self._faults = 0
        self._thread = threading.Thread(target=self._run, name="aggregator", daemon=True)

    def start(self, token_ids: Iterable[str] = ()) -> None:
        """Take the snapshot's lock, open the lines and go on in threads.

        Raises:
            CannotStart: Another process is the writer, or the directory cannot be used.
        """
        try:
            self._writer = SnapshotWriter(
                self._path, min_interval_s=self._flush_interval_s, version=self._version
            ).start()
        except (WriterBusy, OSError) as error:
            log.error("[WS]", "无法启动 WS 聚合器", event="aggregator_start", reason=str(error))
            raise CannotStart(f"cannot start the market feed: {error}") from error
        self.set_tokens(token_ids)
        self._thread.start()

    def set_tokens(self, token_ids: Iterable[str]) -> None:
        """Replace the set of wanted tokens; one that leaves keeps its entry for a while."""
        wanted = dict.fromkeys(token_ids)
        now = self._mono()
        with self._lock:
            for token, seat in self._seats.items():
                if token in wanted:
                    seat.leaves_mono = None
                elif seat.leaves_mono is None:
                    seat.leaves_mono = now + self._grace_s
            for token in wanted:
                if token not in self._seats:
                    self._seats[token] = Seat(token, self._line_with_room())
            self._tell_lines()
            self._sweep_now = True

    @property
    def serves(self) -> bool:
        """Whether a line is open and the snapshot is being written."""
        return self._serves

    @property
    def failure(self) -> str:
        """Why it ended by itself, such as a lost lock; "" while it runs."""
        return self._failure

    def stop(self) -> None:
        """End the lines and write the last snapshot."""
        self._stopping.set()
        for line in self._lines:
            line.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)
        if self._writer is not None:
            self._writer.close()
        self._serves = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def status(self) -> dict[str, object]:
        """Describe the feed for the supervisor's status file."""
        with self._lock:
            stats = [line.stats() for line in self._lines]
            writer = self._writer
            return {
                "serves": self._serves,
                "failure": self._failure,
                "faults": self._faults + sum(each.faults for each in stats),
                "tokens": len(self._wanted()),
                "unconfirmed": sorted(
                    token for each in stats for token in each.wanted if token not in each.confirmed
                ),
                "health": self._count_health(),
                "checks": self._sum_checks(),
                "lines": [line_row(conn, each) for conn, each in enumerate(stats)],
                "flush_failures": 0 if writer is None else writer.failures,
                "flush_failing_since": None if writer is None else writer.failing_since,
                **self._counters.as_status(),
            }

    def _wanted(self) -> list[str]:
        return [token for token, seat in self._seats.items() if seat.leaves_mono is None]

    def _count_health(self) -> dict[str, int]:
        counts = dict.fromkeys((health.value for health in TokenHealth), 0)
        for seat in self._seats.values():
            counts[seat.health.value] += 1
        return counts

    def _sum_checks(self) -> dict[str, int]:
        sums: dict[str, int] = {}
        for seat in self._seats.values():
            for name, count in seat.check_counts().items():
                sums[name] = sums.get(name, 0) + count
        return sums

    def _line_with_room(self) -> int:
        seated = [0] * len(self._lines)
        for seat in self._seats.values():
            seated[seat.conn] += 1
        for conn, count in enumerate(seated):
            if count < self._tokens_per_line:
                return conn
        conn = len(self._lines)
        line = self._open_line(
            conn,
            lambda frame: self._on_frame(conn, frame),
            lambda state, reason: self._on_state(conn, state, reason),
            skip_book=self._is_nobodys,
        )
        self._lines.append(line)
        line.start()
        return conn

    def _tell_lines(self) -> None:
        for conn, line in enumerate(self._lines):
            line.want(
                [
                    token
                    for token, seat in self._seats.items()
                    if seat.conn == conn and seat.leaves_mono is None
                ]
            )

    def _is_nobodys(self, token_id: str) -> bool:
        """Whether a book of this token can be dropped unread."""
        if token_id in self._seats:
            return False
        ours = self._seats.get(self._siblings.get(token_id, ""))
        return ours is None or not ours.needs_snapshot

    def _on_frame(self, conn: int, frame: Frame) -> None:
        """Take a frame, in the line's thread."""
        if self._recorder is not None:
            self._recorder.write(frame.text, frame.at)
        with self._lock:
            for event in frame.events:
                used = self._apply(conn, event, frame)
                self._counters.count(event, used=used)

    def _apply(self, conn: int, event: Event, frame: Frame) -> bool:
        """Apply an event to the books it concerns; return whether there were any."""
        used = False
        for token in event.token_ids:
            seat = self._seats.get(token)
            if seat is None or seat.conn != conn:
                used |= self._apply_sibling(token, event, frame)
                continue
            used = True
            if seat.apply(event, frame):
                self._publish(seat)
            if seat.book.in_batch:
                self._unsettled.add(token)
        return used

    def _apply_sibling(self, token: str, event: Event, frame: Frame) -> bool:
        """Learn siblings from changes; use a sibling's book while our own is missing."""
        if isinstance(event, PriceChange):
            for other in event.token_ids:
                if other != token and other in self._seats:
                    self._siblings[token] = other
        elif isinstance(event, BookSnapshot):
            seat = self._seats.get(self._siblings.get(token, ""))
            if seat is not None and seat.needs_snapshot and seat.apply_mirror(event, frame):
                self._publish(seat)
                return True
        self._counters.dropped_siblings += 1
        return False

    def _on_state(self, conn: int, state: LineState, reason: str) -> None:
        """Take a line's change of state, in its thread."""
        with self._lock:
            if state in (LineState.DOWN, LineState.IDLE):
                self._settle()
                for seat in self._seats.values():
                    if seat.conn == conn and seat.lose_line():
                        self._publish(seat)
            if state is LineState.DOWN and reason and not self._has_served:
                self._report_not_served(reason)
            elif state is not LineState.CONNECTING:
                level = log.warning if state is LineState.DOWN else log.info
                level("[WS]", line=conn, state=state, reason=reason)
            self._sweep_now = True

    def _report_not_served(self, reason: str) -> None:
        if not self._told_down:
            self._told_down = True
            log.error("[WS]", "无法启动 WS 聚合器", event="feed_not_open", reason=reason)

    def _publish(self, seat: Seat) -> None:
        entry = seat.entry()
        if entry is None or self._writer is None or self._failure:
            return
        try:
            self._writer.put(seat.token_id, entry)
        except WriterFenced as error:
            self._fail(str(error))

    def _fail(self, reason: str) -> None:
        self._failure = reason
        self._serves = False
        log.error("[WS]", "无法启动 WS 聚合器", event="aggregator_failed", reason=reason)

    def _run(self) -> None:
        swept_mono = float("-inf")
        while not self._stopping.wait(TICK_S):
            try:
                self._settle()
                if self._sweep_now or self._clock.mono() - swept_mono >= SWEEP_EVERY_S:
                    self._sweep_now = False
                    swept_mono = self._clock.mono()
                    self._sweep()
            except Exception as error:  # noqa: BLE001 - the last line of a thread
                self._faults += 1
                log.error("[WS]", event="aggregator_fault", exc=error)

    def _settle(self) -> None:
        """End the batches that have gone quiet."""
        now = self._mono()
        with self._lock:
            for token in list(self._unsettled):
                seat = self._seats.get(token)
                if seat is None or not seat.settle(now):
                    self._unsettled.discard(token)

    def _sweep(self) -> None:
        """Judge every token anew, drop those that have left, say how the lines are."""
        now = self._mono()
        with self._lock:
            stats = [line.stats() for line in self._lines]
            alive = [each.facts.is_alive(now, grace_s=FeedLimits().dead_s) for each in stats]
            for token, seat in list(self._seats.items()):
                if seat.leaves_mono is not None and now >= seat.leaves_mono:
                    self._drop(token)
                elif seat.judge(now, line_alive=alive[seat.conn]):
                    self._publish(seat)
            writer = self._writer
        if writer is None or self._failure:
            return
        try:
            writer.set_feed(feed_block(stats))
            self._update_serves(writer, any(each.state is LineState.OPEN for each in stats))
        except WriterFenced as error:
            self._fail(str(error))

    def _drop(self, token: str) -> None:
        del self._seats[token]
        self._siblings = {k: ours for k, ours in self._siblings.items() if ours != token}
        if self._writer is not None and not self._failure:
            self._writer.delete(token)

    def _update_serves(self, writer: SnapshotWriter, is_open: bool) -> None:  # noqa: FBT001 - a fact
        if is_open and not self._has_served:
            writer.heartbeat()
            if writer.failing_since is not None:
                return
            self._has_served = True
            # Checklists grep for this text, as it always was.
            log.info("[WS]", f"聚合订阅启动，tokens={len(self._wanted())}", path=str(self._path))
        self._serves = is_open
