"""The one feed of all children: lines → books → the snapshot that children read.

It fails loudly at the start, with :class:`CannotStart`, when this machine cannot run it. A
network that does not answer is no such failure: it is logged once as an ERROR, and dialled again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Self

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.feed import FeedLimits
from POLYMARKET_MAKER.core.health import HealthLimits
from POLYMARKET_MAKER.core.model import MarketInfo
from POLYMARKET_MAKER.core.witness import EndWatch, Step
from POLYMARKET_MAKER.errors import CannotStart, VenueError
from POLYMARKET_MAKER.exchange.public import RestBook
from POLYMARKET_MAKER.feed_stats import board_status, feed_block
from POLYMARKET_MAKER.line import Frame, Line, LineStats, OpenLine
from POLYMARKET_MAKER.market_books import MarketBooks
from POLYMARKET_MAKER.publisher import Publisher
from POLYMARKET_MAKER.recording import Recorder
from POLYMARKET_MAKER.rest_reader import MarketReads, RestReader
from POLYMARKET_MAKER.seats import Outcome, Seat
from POLYMARKET_MAKER.switchboard import PLANNED_S, TOKENS_PER_LINE, Switchboard

TICK_S = 0.05
FRAMES_KEPT = 50
SWEEP_EVERY_S = 1.0


class Aggregator:
    """Keep the snapshot of all wanted tokens fresh.

    Callbacks of the lines, of the REST reader and the aggregator's own thread meet under
    one lock, which is never held while something waits.

    Args:
        path: The snapshot file.
        open_line: How to make a line, see :func:`.lines.market_lines`.
        clock: Wall clock and durations; the ages of LIVE and SUSPECT and the watch for
            a market's end are scaled by it.
        mono: Monotonic clock of the lines' frames; a replay has its own.
        flush_interval_s: Least time between two writes of the file.
        tokens_per_line: Tokens that one line may carry.
        recorder: Gets every raw frame.
        reads: Where a second opinion and a market's end are read; None: nobody is asked.
        planned_s: Age at which a connection is replaced while it works; None never.
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
        reads: MarketReads | None = None,
        planned_s: float | None = PLANNED_S,
        version: str = "",
    ) -> None:
        self._make_publisher = partial(
            Publisher, path, flush_interval_s=flush_interval_s, version=version
        )
        self._open_line = open_line
        self._clock = clock = clock or Clock()
        self._mono = mono or clock.boot
        self._recorder = recorder
        self._limits = HealthLimits(
            live_s=clock.real_s(HealthLimits().live_s),
            suspect_s=clock.real_s(HealthLimits().suspect_s),
        )
        self._sweep_every_s = max(TICK_S, clock.real_s(SWEEP_EVERY_S))
        self._lock = threading.RLock()
        self._board = Switchboard(
            self._line_of,
            self._seat_of,
            tokens_per_line=tokens_per_line,
            planned_s=None if mono else planned_s,
        )
        self._books = MarketBooks(self._board, self._publish)
        self._outcomes = dict.fromkeys(Outcome, 0)
        self._reader = (
            RestReader(reads, self._on_rest_book, self._on_market, clock=clock) if reads else None
        )
        self._publisher: Publisher | None = None
        self._cannot_start = ""
        self._stopping = threading.Event()
        self._last_frames: deque[Frame] = deque(maxlen=FRAMES_KEPT)
        self._sweep_now = False
        self._faults = 0
        self._thread = threading.Thread(target=self._run, name="aggregator", daemon=True)

    def start(self, token_ids: Iterable[str] = ()) -> None:
        """Take the snapshot's lock, open the lines and go on in threads.

        Raises:
            CannotStart: Another process is the writer, or the directory cannot be used.
        """
        try:
            self._publisher = self._make_publisher()
        except CannotStart as error:
            self._cannot_start = str(error)
            raise
        if self._reader is not None:
            self._reader.start()
        self.set_tokens(token_ids)
        self._thread.start()

    def set_tokens(self, token_ids: Iterable[str]) -> None:
        """Replace the set of wanted tokens; one that leaves keeps its entry for a while."""
        with self._lock:
            self._board.set_tokens(token_ids, self._mono())
            self._sweep_now = True

    @property
    def serves(self) -> bool:
        """Whether a line is open and the snapshot is being written."""
        return self._publisher is not None and self._publisher.serves

    @property
    def failure(self) -> str:
        """Why it could not start or ended by itself, such as a lost lock; "" while it runs."""
        return self._cannot_start if self._publisher is None else self._publisher.failure

    def stop(self) -> None:
        """End the lines and write the last snapshot."""
        self._stopping.set()
        lines = self._board.lines
        with ThreadPoolExecutor(max_workers=max(1, len(lines))) as pool:
            list(pool.map(lambda line: line.stop(), lines))  # each may take a second
        if self._reader is not None:
            self._reader.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)
        if self._publisher is not None:
            self._publisher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def status(self) -> dict[str, object]:
        """Describe the feed for the supervisor's status file."""
        with self._lock:
            board, publisher, reader = self._board, self._publisher, self._reader
            stats = [line.stats() for line in board.lines]
            return {
                "serves": self.serves,
                "failure": self.failure,
                "faults": self._faults + sum(each.faults for each in stats),
                **board_status(board, stats),
                "witness": {outcome.value: count for outcome, count in self._outcomes.items()},
                "rest_reads": asdict(reader.counters) if reader else None,
                "flush_failures": publisher.flush_failures if publisher else 0,
                "flush_failing_since": publisher.flush_failing_since if publisher else None,
                **self._books.counters.as_status(),
            }

    def last_frames(self) -> list[Frame]:
        """Return the newest frames, oldest first: what a person wants to see who is to help."""
        with self._lock:
            return list(self._last_frames)

    def _seat_of(self, token_id: str, conn: int) -> Seat:
        watch = EndWatch(every_s=self._clock.real_s(EndWatch().every_s))
        return Seat(token_id, conn, limits=self._limits, end_watch=watch)

    def _line_of(self, conn: int) -> Line:
        return self._open_line(
            conn,
            lambda frame: self._on_frame(conn, frame),
            lambda state, reason: self._on_state(conn, state, reason),
            skip_book=self._books.is_nobodys,
        )

    def _on_frame(self, conn: int, frame: Frame) -> None:
        """Take a frame, in the line's thread."""
        if self._recorder is not None:
            self._recorder.write(frame.text, frame.at)
        with self._lock:
            self._last_frames.append(frame)
            self._books.take(conn, frame)

    def _on_state(self, conn: int, state: LineState, reason: str) -> None:
        """Take a line's change of state, in its thread."""
        with self._lock:
            if state in (LineState.DOWN, LineState.IDLE):
                self._books.lose_line(conn, self._mono())
            self._sweep_now = True
            publisher = self._publisher
        if state is LineState.DOWN and reason and not self._stopping.is_set():
            if publisher is not None and not publisher.has_served:
                publisher.report_down(reason)
            else:
                log.warning("[WS]", line=conn, state=state, reason=reason)
        elif state is not LineState.CONNECTING:
            log.info("[WS]", line=conn, state=state, reason=reason)

    def _on_rest_book(self, token_id: str, answer: RestBook | VenueError) -> None:
        """Take what REST says of a book, in the reader's thread."""
        now, at = self._mono(), self._clock.now()
        with self._lock:
            seat = self._board.seats.get(token_id)
            if seat is None:
                return
            if isinstance(answer, VenueError):
                seat.no_answer(now)
                return
            outcome = seat.take_rest(answer, now=now, at=at)
            self._outcomes[outcome] += 1
            if outcome is Outcome.CONVICTED:
                self._board.convict(seat, now)
            if seat.judge(now, line_alive=True) or outcome is Outcome.MENDED:
                self._publish(seat)

    def _on_market(self, token_id: str, answer: MarketInfo | VenueError) -> None:
        """Take what REST says of a market, in the reader's thread."""
        with self._lock:
            seat = self._board.seats.get(token_id)
            if seat is None or isinstance(answer, VenueError):
                return
            seat.end_watch.answered(self._mono(), self._clock.now(), end_at=answer.end_at)
            if answer.closed and not seat.book.closed:
                seat.book.closed = True
                seat.judge(self._mono(), line_alive=True)
                self._publish(seat)

    def _publish(self, seat: Seat) -> None:
        entry = seat.entry()
        if entry is not None and self._publisher is not None:
            self._publisher.put(seat.token_id, entry)

    def _run(self) -> None:
        swept_mono = float("-inf")
        while not self._stopping.wait(TICK_S):
            try:
                with self._lock:
                    self._books.settle(self._mono())
                    self._books.sample_hashes(self._clock.mono())
                if self._sweep_now or self._clock.mono() - swept_mono >= self._sweep_every_s:
                    self._sweep_now = False
                    swept_mono = self._clock.mono()
                    self._sweep()
            except Exception as error:  # noqa: BLE001 - the last line of a thread
                self._faults += 1
                log.error("[WS]", event="aggregator_fault", exc=error)

    def _sweep(self) -> None:
        """Judge every token anew, ask about those in doubt, say how the lines are."""
        now = self._mono()
        with self._lock:
            stats = [line.stats() for line in self._board.lines]
            for token in self._board.drop_left(now):
                self._forget(token)
            self._board.plan(stats, now)
            self._look_at_seats(stats, now)
            tokens, publisher = len(self._board.wanted), self._publisher
        if publisher is not None:
            is_open = any(each.state is LineState.OPEN for each in stats)
            publisher.set_feed(feed_block(stats), is_open=is_open, tokens=tokens)

    def _look_at_seats(self, stats: list[LineStats], now: float) -> None:
        alive = [each.facts.is_alive(now, grace_s=FeedLimits().dead_s) for each in stats]
        for seat in list(self._board.seats.values()):
            if seat.conn >= len(stats):
                continue  # its line was opened since
            opened = stats[seat.conn].facts.opened_mono if alive[seat.conn] else None
            self._act(seat, seat.look(now, line_opened_mono=opened), now)
            if seat.judge(now, line_alive=alive[seat.conn]):
                self._publish(seat)

    def _act(self, seat: Seat, step: Step, now: float) -> None:
        if step is Step.MOVE:
            self._board.move(seat, now, "no book came")
        if self._reader is not None:
            if step is Step.ASK_REST:
                self._reader.ask_book(seat.token_id)
            if not seat.book.closed and seat.leaves_mono is None and seat.end_watch.look(now):
                self._reader.ask_market(seat.token_id)

    def _forget(self, token: str) -> None:
        self._books.forget(token)
        if self._publisher is not None:
            self._publisher.delete(token)
