"""Read what watched accounts trade and keep the files of the token source.

One round: every account whose turn it is, then markets that may have closed, then
the files. The cursors are written last. Whatever is interrupted is read again,
and reading a trade twice changes nothing (see ``core.copytrade``).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from POLYMARKET_MAKER import log, token_files
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import copytrade
from POLYMARKET_MAKER.core.copytrade import AccountTrade, Followed, Following, Signal
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.errors import CannotStart, VenueError, VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.data_api import ActivityRow
from POLYMARKET_MAKER.exchange.gamma import GammaMarket
from POLYMARKET_MAKER.json_files import read_own
from POLYMARKET_MAKER.settings import Target
from POLYMARKET_MAKER.token_files import SellSignal, Topic
from polyshared import write_atomic

MARKET_CHECK_EVERY_S = 600.0
MARKET_CHECKS_A_ROUND = 20


class Activity(Protocol):
    """The data API, as far as it is needed here."""

    def activity(
        self, user: str, *, start: float, end: float | None = None
    ) -> list[ActivityRow]: ...


class Markets(Protocol):
    """The catalogue, as far as it is needed here."""

    def condition_id(self, token_id: str) -> str: ...

    def gamma_market(self, condition_id: str) -> GammaMarket: ...


@dataclass(frozen=True, slots=True)
class WatchFiles:
    """Where the token source keeps what it knows; it is their only writer."""

    tokens: Path
    signals: Path
    state: Path


@dataclass(slots=True)
class _Turn:
    """When an account may be asked again, and how often in a row it could not be read."""

    failures: int = 0
    not_before_mono: float = float("-inf")


class AccountWatch:
    """Follows the accounts; one thread.

    Attributes:
        following: What is followed now.
    """

    def __init__(
        self, files: WatchFiles, *, activity: Activity, markets: Markets, clock: Clock
    ) -> None:
        """Go on where the files stand; a missing one is empty.

        Raises:
            CannotStart: One of them cannot be read. Going on would overwrite it.
        """
        self._files = files
        self._activity = activity
        self._markets = markets
        self._clock = clock
        topics, signals = _load(files)
        self.following = Following(
            {each.token_id: _followed(each) for each in topics},
            {each.token_id: _signal(each) for each in signals},
        )
        self._written = self.following if files.tokens.exists() else None
        self._cursors = read_own(files.state, token_files.parse_state, empty=b'{"targets": {}}')
        self._turns: dict[str, _Turn] = {}
        self._checked_mono: dict[str, float] = {}

    def round(
        self,
        targets: Iterable[Target],
        *,
        lookback_s: float,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Read every account whose turn it is and write what is new.

        Args:
            targets: The accounts; those that are not enabled are left out.
            lookback_s: How far back an account is read that was never read before.
            should_stop: Asked between two requests; what was read by then is kept.

        Returns:
            Whether every account was read and everything was written.
        """
        chosen = [each for each in targets if each.enabled]
        self._begin(chosen, lookback_s)
        done = [self._read_account(each, should_stop) for each in chosen if not should_stop()]
        if not should_stop():
            done.append(self._check_markets())
        done.append(self._save())
        return all(done)

    def _begin(self, targets: Iterable[Target], lookback_s: float) -> None:
        """Note from when on a new account counts, before anything can go wrong."""
        for target in targets:
            account = target.account.lower()
            if account not in self._cursors:
                cursor = copytrade.begin(self._clock.now(), lookback_s=lookback_s)
                self._cursors[account] = cursor
                log.info("[COPYTRADE]", event="watch", account=account, since=cursor.since)
                self._save()

    def _read_account(self, target: Target, should_stop: Callable[[], bool]) -> bool:
        account = target.account.lower()
        turn = self._turns.setdefault(account, _Turn())
        if self._clock.mono() < turn.not_before_mono:
            return False
        try:
            self._catch_up(account, target, should_stop)
        except VenueError as error:
            turn.failures += 1
            asked_s = error.retry_after_s if isinstance(error, VenueUnreachable) else None
            jitter = random.random()  # noqa: S311 - spreads requests, guards nothing
            wait_s = copytrade.retry_after_s(turn.failures, asked_s, jitter=jitter)
            turn.not_before_mono = self._clock.mono() + wait_s
            log.warning(
                "[COPYTRADE]",
                event="unreadable",
                account=account,
                failures=turn.failures,
                retry_s=round(wait_s, 1),
                reason=str(error),
            )
            return False
        self._turns[account] = _Turn()
        return True

    def _catch_up(self, account: str, target: Target, should_stop: Callable[[], bool]) -> None:
        """Read all that is new; each slice that was read to its end is kept."""
        while not should_stop():
            cursor = self._cursors[account]
            window = copytrade.window(cursor, self._clock.now())
            rows = self._activity.activity(account, start=window.start, end=window.end)
            trades = [trade for row in rows if (trade := _trade(account, row)) is not None]
            self._cursors[account], new = copytrade.take(cursor, window, trades)
            self._follow([each for each in new if each.size >= target.min_size])
            if window.end is None:
                return

    def _follow(self, trades: list[AccountTrade]) -> None:
        before = self.following
        self.following = copytrade.follow(before, trades)
        for token_id in self.following.tokens.keys() - before.tokens.keys():
            followed = self.following.tokens[token_id]
            log.info("[COPYTRADE]", event="token", token=token_id, account=followed.last_buyer)
        for token_id, signal in self.following.signals.items():
            if token_id not in before.signals:
                log.info("[COPYTRADE]", event="sell", token=token_id, account=signal.account)
        for token_id in before.signals.keys() - self.following.signals.keys():
            log.info("[COPYTRADE]", event="sell_cleared", token=token_id)

    # -- markets that closed ------------------------------------------------------

    def _check_markets(self) -> bool:
        """Ask the catalogue about tokens not asked about for a while; let closed ones go."""
        due_mono = self._clock.mono() - MARKET_CHECK_EVERY_S
        never = float("-inf")
        due = [t for t in self.following.tokens if self._checked_mono.get(t, never) <= due_mono]
        due.sort(key=lambda token_id: self._checked_mono.get(token_id, never))
        for token_id in due[:MARKET_CHECKS_A_ROUND]:
            try:
                self._check_market(token_id)
            except VenueUnreachable as error:
                log.warning("[COPYTRADE]", event="market_unknown", reason=str(error))
                return False
            except VenueRefused as error:  # unknown there: no proof that it is closed
                log.warning("[COPYTRADE]", event="market", token=token_id, reason=str(error))
            self._checked_mono[token_id] = self._clock.mono()
        return True

    def _check_market(self, token_id: str) -> None:
        followed = self.following.tokens.get(token_id)
        if followed is None:  # its sibling was asked about in this round
            return
        if not followed.condition_id:
            found = replace(followed, condition_id=self._markets.condition_id(token_id))
            tokens = {**self.following.tokens, token_id: found}
            self.following = replace(self.following, tokens=tokens)
            followed = found
        if self._markets.gamma_market(followed.condition_id).closed:
            gone = [
                each.token_id
                for each in self.following.tokens.values()
                if each.condition_id == followed.condition_id
            ]
            self.following = copytrade.without(self.following, gone)
            log.info("[COPYTRADE]", event="closed", tokens=gone)

    # -- files --------------------------------------------------------------------

    def _save(self) -> bool:
        """Write the signals, then the tokens, and the cursors only after both.

        The signals come first so that nobody sees a purchase without the sale that
        followed it, takes the signal for cleared, and buys.
        """
        now = self._clock.now()
        try:
            if self.following != self._written:
                topics = [_topic(each) for each in self.following.tokens.values()]
                signals = [_sell_signal(each) for each in self.following.signals.values()]
                _write(self._files.signals, token_files.encode_signals(signals, now))
                _write(self._files.tokens, token_files.encode_tokens(topics, now))
                self._written = self.following
            _write(self._files.state, token_files.encode_state(self._cursors, now))
        except OSError as error:
            log.error("[COPYTRADE]", event="write_failed", reason=str(error))
            return False
        return True


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data, durable=True)


def _load(files: WatchFiles) -> tuple[list[Topic], list[SellSignal]]:
    """Read what is followed; entries that are left out on purpose are gone from then on."""
    topics, unread = read_own(files.tokens, token_files.parse_tokens, empty=b'{"tokens": []}')
    signals, bad = read_own(files.signals, token_files.parse_signals, empty=b'{"sell_tokens": []}')
    for path, skipped in ((files.tokens, unread), (files.signals, bad)):
        for each in skipped:
            if each.problem:
                raise CannotStart(f"{path}: {each.problem}; repair the file or remove it")
    return topics, signals


def _trade(account: str, row: ActivityRow) -> AccountTrade | None:
    """Turn a row into a trade; None for what is no trade of one token."""
    if row.type != "TRADE" or not row.token_id or row.size is None or row.price is None:
        return None
    if row.side is None or row.side.upper() not in Side.__members__:
        return None
    return AccountTrade(
        account=account,
        at=row.timestamp,
        transaction=row.transaction_hash,
        token_id=row.token_id,
        side=Side(row.side.upper()),
        size=row.size,
        price=row.price,
        condition_id=row.condition_id,
        slug=row.slug,
    )


def _followed(topic: Topic) -> Followed:
    buyers: Mapping[str, float] = {key.lower(): at for key, at in topic.buyers.items()}
    return Followed(topic.token_id, buyers, topic.condition_id, topic.slug)


def _topic(followed: Followed) -> Topic:
    return Topic(
        token_id=followed.token_id,
        slug=followed.slug,
        source_account=followed.last_buyer,
        last_seen_at=followed.last_bought_at,
        condition_id=followed.condition_id,
        buyers=followed.buyers,
    )


def _signal(signal: SellSignal) -> Signal:
    at = signal.at or 0.0
    return Signal(signal.token_id, signal.signal_id, at, signal.source_account.lower())


def _sell_signal(signal: Signal) -> SellSignal:
    return SellSignal(signal.token_id, signal.signal_id, signal.at, signal.account)
