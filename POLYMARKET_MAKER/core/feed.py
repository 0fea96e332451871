"""One market connection as a state machine: what is asked for, what the exchange confirmed.

When it is dead and when to dial again is every connection's matter
(:mod:`POLYMARKET_MAKER.core.connection`). The rules of this file:

* A connection is opened only when a token is wanted, and closed when none is.
* The first frame opens the subscription, once a connection; the rest are ``subscribe``
  frames. No frame is empty and none carries more than 100 ids.
* A token is wanted, then sent, then confirmed. Confirmed means a ``book`` or
  ``best_bid_ask`` of that very token: a sent frame proves nothing, and a
  ``price_change`` names the sibling too.
* A first frame that is refused leaves a connection on which nothing can be subscribed: it
  is closed, and the next first frame is a tenth of this one and begins with another token.
* A connection that breaks before anything was confirmed may have been asked for too much
  at once (an oversized frame is answered with a close): the next one's frames are a tenth
  as large. After a connection that stood for a minute they may grow again.
* A token that is not confirmed is asked for again after 20 s, in ever smaller frames,
  so that one bad id cannot hold up its neighbours.
* A token that is no longer wanted stays subscribed for 120 s: tokens flicker.

Nothing here waits or looks at a clock: *now* is a monotonic reading in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from POLYMARKET_MAKER.core import subscription
from POLYMARKET_MAKER.core.connection import NEVER, Connection, ConnectionLimits, LineState
from POLYMARKET_MAKER.core.events import BestBidAsk, BookSnapshot, Event, Notice


@dataclass(frozen=True, slots=True)
class FeedLimits(ConnectionLimits):
    """Durations in seconds and sizes of one market connection."""

    unsubscribe_grace_s: float = 120.0
    ask_again_s: float = 20.0
    refused_s: float = 2.0
    ids_per_frame: int = subscription.MAX_IDS_PER_FRAME


@dataclass(slots=True)
class _Asked:
    """A token that this connection has been asked for."""

    first_mono: float
    last_mono: float
    times: int = 1


class Feed(Connection):
    """What one market connection has been told and has shown. Not thread-safe.

    The shell drives it as any :class:`Connection`, and hands each frame to :meth:`received`.

    Args:
        custom_features: Also ask for ``best_bid_ask``, ``new_market``, ``market_resolved``.
        limits: The durations.
        dial_mono: Earliest time of the first dial.

    Attributes:
        refusals: ``INVALID OPERATION`` frames.
    """

    def __init__(
        self,
        *,
        custom_features: bool = False,
        limits: FeedLimits | None = None,
        dial_mono: float = -math.inf,
    ) -> None:
        self._limits = limits or FeedLimits()
        super().__init__(self._limits, dial_mono=dial_mono)
        self.state = LineState.IDLE
        self.refusals = 0
        self._custom_features = custom_features
        self._wanted: dict[str, None] = {}
        self._asked: dict[str, _Asked] = {}
        self._confirmed: set[str] = set()
        self._leaving: dict[str, float] = {}
        self._introduced = False  # the first frame of this connection was sent
        self._refused_mono: float | None = None  # since when it looks refused
        self._refused_firsts = 0  # such connections in a row
        self._ids_per_frame = self._limits.ids_per_frame
        self._work_mono = NEVER  # when subscriptions next need a look
        self._close_reason = ""

    @property
    def wanted(self) -> tuple[str, ...]:
        return tuple(self._wanted)

    @property
    def sent(self) -> frozenset[str]:
        """Wanted tokens that this connection was asked for."""
        return frozenset(token for token in self._asked if token in self._wanted)

    @property
    def confirmed(self) -> frozenset[str]:
        """Wanted tokens that the exchange has answered for on this connection."""
        return frozenset(token for token in self._confirmed if token in self._wanted)

    def unconfirmed(self, now: float, *, older_than_s: float) -> list[str]:
        """List tokens asked for at least *older_than_s* ago and never answered for."""
        return [
            token
            for token, asked in self._asked.items()
            if token in self._wanted
            and token not in self._confirmed
            and now - asked.first_mono >= older_than_s
        ]

    def want(self, token_ids: Iterable[str], now: float) -> None:
        """Replace the set of wanted tokens."""
        wanted = dict.fromkeys(token_ids)
        for token in self._wanted:
            if token not in wanted and token in self._asked:
                self._leaving.setdefault(token, now + self._limits.unsubscribe_grace_s)
        for token in wanted:
            self._leaving.pop(token, None)
        self._wanted = wanted
        self._work_mono = now
        if self.state is LineState.IDLE and wanted:
            self.state = LineState.DOWN
        elif self.state is LineState.DOWN and not wanted:
            self.state = LineState.IDLE

    def opened(self, now: float) -> None:
        """Start a connection: everything wanted has to be asked for anew."""
        super().opened(now)
        self._forget_asked()
        self._introduced = False
        self._refused_mono = None
        self._work_mono = now
        self._close_reason = ""

    def closed(
        self, now: float, reason: str, *, jitter: float, retry_after_s: float | None = None
    ) -> None:
        """Note that the connection is gone or was never made; see :meth:`Connection.closed`."""
        self._learn_from_break(now, reason)
        super().closed(now, reason, jitter=jitter, retry_after_s=retry_after_s)
        if not self._wanted:
            self.state = LineState.IDLE
        self._forget_asked()

    def received(self, events: Sequence[Event], now: float) -> None:
        """Take one frame: any frame proves life, some confirm a subscription."""
        self.heard(now)
        for event in events:
            if isinstance(event, BookSnapshot | BestBidAsk):
                if event.token_id in self._asked:
                    self._confirmed.add(event.token_id)
                    self._refused_firsts = 0
            elif isinstance(event, Notice) and event.text == subscription.REFUSAL:
                self.refusals += 1
                if not self._confirmed and self._refused_mono is None:
                    self._refused_mono = now

    def to_send(self, now: float) -> list[str]:
        """Return the texts that are due; the caller sends all of them, in order."""
        if self.state is not LineState.OPEN:
            return []
        texts: list[str] = []
        if now >= self._work_mono:
            texts += self._ask(now)
            texts += self._ask_again(now)
            texts += self._leave(now)
            self._work_mono = self._next_work()
        return texts + super().to_send(now)

    def renew(self, reason: str) -> None:
        """Have the connection closed and opened again at once: only a new one gives snapshots."""
        if self.state is LineState.OPEN:
            self._close_reason = reason

    def must_close(self, now: float) -> str | None:
        """Say why the shell has to close now; None when it has not."""
        silent = super().must_close(now)
        if silent is not None or self.state is not LineState.OPEN:
            return silent
        if not self._wanted and not self._asked:
            return "no token is wanted"
        if self._is_refused(now):
            return f"the first frame was answered {subscription.REFUSAL}"
        return self._close_reason or None

    def next_deadline(self) -> float:
        """Return when to call again if nothing arrives before; infinite when never."""
        deadline = super().next_deadline()
        if self.state is not LineState.OPEN:
            return deadline
        refused = NEVER
        if self._refused_mono is not None and not self._confirmed:
            refused = self._refused_mono + self._limits.refused_s
        return min(deadline, self._work_mono, refused)

    def _is_failure(self, reason: str) -> bool:
        """What we ask for ourselves is no failure."""
        return reason != self._close_reason

    def _forget_asked(self) -> None:
        self._asked.clear()
        self._confirmed.clear()
        self._leaving.clear()

    def _is_refused(self, now: float) -> bool:
        """Whether nothing was confirmed since a refusal: the books of a good frame come at once."""
        if self._refused_mono is None or self._confirmed:
            return False
        return now - self._refused_mono >= self._limits.refused_s

    def _learn_from_break(self, now: float, reason: str) -> None:
        """Note what the end of a connection says of the frames that it was sent."""
        if self._is_refused(now):
            self._refused_firsts += 1
        elif self.opened_mono is None or not self._is_failure(reason):
            return  # it never opened, or we closed it
        elif self._asked and not self._confirmed:
            self._ids_per_frame = max(1, self._ids_per_frame // 10)
        elif now - self.opened_mono >= self._limits.stable_s:
            self._ids_per_frame = min(self._limits.ids_per_frame, self._ids_per_frame * 10)

    def _ask(self, now: float) -> list[str]:
        new = [token for token in self._wanted if token not in self._asked]
        texts = []
        if new and not self._introduced:
            self._introduced = True
            size = max(1, self._ids_per_frame // 10**self._refused_firsts)
            turn = self._refused_firsts % len(new)
            new = new[turn:] + new[:turn]
            first, new = new[:size], new[size:]
            texts.append(subscription.first_frame(first, custom_features=self._custom_features))
            self._note_asked(first, now)
        for chunk in subscription.chunks(new, self._ids_per_frame):
            texts.append(subscription.subscribe(chunk, custom_features=self._custom_features))
            self._note_asked(chunk, now)
        return texts

    def _note_asked(self, token_ids: list[str], now: float) -> None:
        self._asked.update((token, _Asked(now, now)) for token in token_ids)

    def _ask_again(self, now: float) -> list[str]:
        """Repeat what was not confirmed: in tenths of a frame, later one by one."""
        late = [
            token
            for token, asked in self._asked.items()
            if token not in self._confirmed
            and token not in self._leaving
            and now - asked.last_mono >= self._limits.ask_again_s
        ]
        texts = []
        for times in sorted({self._asked[token].times for token in late}):
            same = [token for token in late if self._asked[token].times == times]
            size = max(1, self._ids_per_frame // 10**times)
            texts += [
                subscription.subscribe(chunk, custom_features=self._custom_features)
                for chunk in subscription.chunks(same, size)
            ]
        for token in late:
            self._asked[token].last_mono = now
            self._asked[token].times += 1
        return texts

    def _leave(self, now: float) -> list[str]:
        gone = [token for token, deadline in self._leaving.items() if now >= deadline]
        for token in gone:
            del self._leaving[token]
            del self._asked[token]
            self._confirmed.discard(token)
        return [
            subscription.unsubscribe(chunk)
            for chunk in subscription.chunks(gone, self._ids_per_frame)
        ]

    def _next_work(self) -> float:
        again = (
            asked.last_mono + self._limits.ask_again_s
            for token, asked in self._asked.items()
            if token not in self._confirmed and token not in self._leaving
        )
        return min(*self._leaving.values(), *again, NEVER, NEVER)
