"""Where the microseconds of one market frame go, from its text to the children's slot.

    python benchmarks/path_profile.py [--frames 200] [--rounds 101] [--wanted 1|2]

Each step is timed over the same two-token ``price_change`` frames, one after the other
in every round, and is shown as a multiple of ``json.loads`` of those frames in that round:
the machine's speed drops out. Processor time of this thread is counted, so that a loaded
machine does not blur it. Printed are the medians of the rounds, and the tenth and the
ninetieth of a hundred. ``parse + apply + put`` is the real path, as the line's thread runs it.

The board is a real one in a temporary directory; nobody waits at it, so a put wakes nobody.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.moving_market import CENT, TOKENS, MovingMarket  # noqa: E402
from POLYMARKET_MAKER.core import wire  # noqa: E402
from POLYMARKET_MAKER.core.book import Book  # noqa: E402
from POLYMARKET_MAKER.core.connection import LineState  # noqa: E402
from POLYMARKET_MAKER.core.entry import EntryMaker, EntryText  # noqa: E402
from POLYMARKET_MAKER.core.events import BookSnapshot, Event  # noqa: E402
from POLYMARKET_MAKER.core.health import LineFacts  # noqa: E402
from POLYMARKET_MAKER.core.model import Quote, TokenHealth  # noqa: E402
from POLYMARKET_MAKER.line import Frame, LineStats  # noqa: E402
from POLYMARKET_MAKER.market_books import MarketBooks  # noqa: E402
from POLYMARKET_MAKER.seats import Seat  # noqa: E402
from POLYMARKET_MAKER.switchboard import Switchboard  # noqa: E402
from polyshared import SnapshotWriter  # noqa: E402

PROOFS = 5
BEGAN_AT = 1_790_766_966.0
WHOLE = "parse + apply + put"
AIM = 4.0
"""The issue's bound on parse, apply and put, in costs of ``json.loads``."""


class StillLine:
    """A line that nothing comes from."""

    def start(self) -> None:
        """Do nothing."""

    def want(self, token_ids: Iterable[str]) -> None:
        """Do nothing."""

    def renew(self, reason: str) -> None:
        """Do nothing."""

    def stop(self, timeout_s: float = 1.0) -> None:
        """Do nothing."""

    def stats(self) -> LineStats:
        nothing: frozenset[str] = frozenset()
        return LineStats(
            LineState.OPEN, None, None, LineFacts(0.0, 0.0), 1, (), nothing, nothing, 0, 0, 0, ""
        )


class Way:
    """The aggregator's way of a frame, without its threads."""

    def __init__(self, writer: SnapshotWriter, tokens: Sequence[str]) -> None:
        self._writer = writer
        board = Switchboard(lambda _conn: StillLine(), Seat)
        board.set_tokens(tokens, 0.0)
        self._books = MarketBooks(board, self._publish)

    def take(self, events: Sequence[Event]) -> None:
        now = time.monotonic()
        self._books.take(0, Frame("", events, now, time.time()))

    def receive(self, text: str) -> None:
        self.take(wire.parse(text))

    def _publish(self, seat: Seat) -> None:
        entry = seat.entry()
        assert entry is not None
        self._writer.put_text(seat.token_id, *entry)


def timed(work: Callable[[], object]) -> float:
    """Return the processor time that *work* takes in this thread, in seconds.

    What earlier steps left behind is no work of its garbage collections.
    """
    gc.collect()
    gc.freeze()
    began = time.thread_time()
    work()
    return time.thread_time() - began


@dataclass(frozen=True)
class Load:
    """The frames of one round, and the books before the first of them."""

    snapshots: list[BookSnapshot]
    texts: list[str]
    tokens: Sequence[str]


def load_of(frames: int, tokens: Sequence[str]) -> Load:
    market = MovingMarket()
    snapshots = market.books()
    return Load(snapshots, [market.change() for _ in range(frames)], tokens)


class Steps:
    """Each step of the way on its own, over the frames of one round."""

    def __init__(self, load: Load, writer: SnapshotWriter) -> None:
        self._load = load
        self._writer = writer
        self._way = Way(writer, load.tokens)
        self._way.take(load.snapshots)
        self._events = [wire.parse(text)[0] for text in load.texts]
        self._books = [Book(token) for token in load.tokens]
        for book in self._books:
            for snapshot in load.snapshots:
                book.apply(snapshot, now=0.0, at=BEGAN_AT)
        self._quotes: list[Quote] = []
        self._entries: list[tuple[str, EntryText]] = []

    def decode(self) -> None:
        for text in self._load.texts:
            json.loads(text)

    def parse(self) -> None:
        for text in self._load.texts:
            wire.parse(text)

    def apply(self) -> None:
        for number, event in enumerate(self._events):
            for book in self._books:
                quote = book.apply(event, now=number * 1e-3, at=BEGAN_AT + number * 1e-3)
                assert quote is not None
                self._quotes.append(quote)

    def write(self) -> None:
        makers = {token: EntryMaker() for token in self._load.tokens}
        for quote in self._quotes:
            entry = makers[quote.token_id].to_entry(quote, TokenHealth.LIVE, 0)
            self._entries.append((quote.token_id, entry))

    def put(self) -> None:
        for token, entry in self._entries:
            self._writer.put_text(token, *entry)

    def receive(self) -> None:
        for text in self._load.texts:
            self._way.take(wire.parse(text))

    def prove(self) -> None:
        for book in self._books:
            for _ in range(PROOFS):
                book.proof.check(book.hash_prefix("1790766966313"), CENT, "0" * 40, search=False)


def profile(load: Load, writer: SnapshotWriter) -> dict[str, float]:
    """Time each step once over all frames, in microseconds a frame."""
    steps = Steps(load, writer)
    each = 1e6 / len(load.texts)
    return {
        "json.loads": each * timed(steps.decode),
        "wire.parse": each * timed(steps.parse),
        "Book.apply": each * timed(steps.apply),
        "EntryMaker.to_entry": each * timed(steps.write),
        "SnapshotWriter.put_text": each * timed(steps.put),
        WHOLE: each * timed(steps.receive),
        "(one hash proof)": 1e6 / (PROOFS * len(load.tokens)) * timed(steps.prove),
    }


def print_table(rounds: list[dict[str, float]]) -> float:
    """Print the medians; return the whole path's ratio."""
    sys.stdout.write(f"{'step':24}{'us a frame':>12}{'x json.loads':>14}{'p10':>8}{'p90':>8}\n")
    ratio = 0.0
    for step in rounds[0]:
        ratios = sorted(each[step] / each["json.loads"] for each in rounds)
        micros = statistics.median(each[step] for each in rounds)
        ratio = statistics.median(ratios) if step == WHOLE else ratio
        sys.stdout.write(
            f"{step:24}{micros:12.2f}{statistics.median(ratios):14.2f}"
            f"{ratios[len(ratios) // 10]:8.2f}{ratios[len(ratios) * 9 // 10]:8.2f}\n"
        )
    return ratio


def main() -> int:
    parser = argparse.ArgumentParser(description="Profile the way of one frame.")
    parser.add_argument("--frames", type=int, default=200, help="in a round")
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--wanted", type=int, choices=(1, 2), default=2, help="tokens we follow")
    options = parser.parse_args()
    rounds = []
    for _ in range(options.rounds):
        load = load_of(options.frames, TOKENS[: options.wanted])
        with (
            tempfile.TemporaryDirectory() as folder,
            SnapshotWriter(Path(folder) / "ws_cache.json") as writer,
        ):
            writer.flush()
            rounds.append(profile(load, writer))
    ratio = print_table(rounds)
    wanted = "both tokens" if options.wanted == len(TOKENS) else "one token"
    sys.stdout.write(f"{WHOLE} of {wanted}: {ratio:.1f} x json.loads, aim {AIM:g}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
