"""Which tokens to trade: the operator's list and the files of the token source.

The files are only read here. A second writer would lose updates.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

from POLYMARKET_MAKER import token_files
from POLYMARKET_MAKER.token_files import SellSignal, Skipped, Topic

T = TypeVar("T")


class FileState(StrEnum):
    """How one of the files was found."""

    MISSING = "missing"  # nobody wrote it yet: no tokens, and no error
    GOOD = "good"
    PARTIAL = "partial"  # entries that cannot be read were left out
    CORRUPT = "corrupt"  # not such a file, or unreadable: the last good content stands


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found at a path.

    Attributes:
        path: The file.
        state: How it was found.
        problem: One sentence when it is PARTIAL or CORRUPT, else empty.
        age_s: How long the content in use has not been confirmed by the file: 0
            unless it is CORRUPT; None when there was never a good one.
        left_out: Entries left out on purpose, such as tokens that were only sold.
    """

    path: Path
    state: FileState
    problem: str = ""
    age_s: float | None = 0.0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Tokens:
    """All that is known of what to trade at one moment.

    Attributes:
        topics: Tokens to follow, the first one first: the operator's own list, then
            the file's from its end, where the oldest stand. No token twice, and none
            that has a sell signal in force.
        signals: Sell signals in force, oldest first. None of a token of the
            operator's own list: that one is traded because he said so.
        are_signals_known: False while their file is there and was never readable.
            Then nothing of the token file is to be begun: it may be sold already.
        files: How each file was found.
    """

    topics: tuple[Topic, ...] = ()
    signals: tuple[SellSignal, ...] = ()
    are_signals_known: bool = True
    files: tuple[FileReport, ...] = ()

    @property
    def token_ids(self) -> tuple[str, ...]:
        """Ids of the tokens to follow, in the same order."""
        return tuple(topic.token_id for topic in self.topics)

    @property
    def wanted(self) -> frozenset[str]:
        """Ids of all tokens that somebody wants something of: followed, or sold."""
        return frozenset((*self.token_ids, *(signal.token_id for signal in self.signals)))

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each file that is not as it should be."""
        return tuple(f"{each.path}: {each.problem}" for each in self.files if each.problem)


class TokenSource:
    """Reads what to trade; cheap to ask often, a file is parsed only when it changed."""

    def __init__(
        self,
        *,
        plain: Iterable[str] = (),
        tokens_path: Path | None = None,
        signals_path: Path | None = None,
    ) -> None:
        """Name the sources.

        Args:
            plain: Tokens of ``--tokens`` or of the settings.
            tokens_path: ``tokens_from_copytrade.json``; None when it does not count.
            signals_path: ``copytrade_sell_signals.json``; None when it does not count.
        """
        self.take_plain(plain)
        self._tokens = _Watched(tokens_path, token_files.parse_tokens)
        self._signals = _Watched(signals_path, token_files.parse_signals)

    def take_plain(self, plain: Iterable[str]) -> None:
        """Go on with another list of the operator's; what was read of the files stands."""
        self._plain = tuple(Topic(token_id) for token_id in dict.fromkeys(plain))

    def read(self, now_mono: float) -> Tokens:
        """Return what to trade now; never raises for what a file is like.

        Args:
            now_mono: Monotonic seconds, for the age of what is kept.
        """
        told = self._signals.read(now_mono)
        listed = self._tokens.read(now_mono) if self._signals.is_known else ()
        signals = _in_force(told, listed, self._plain)
        leaving = {signal.token_id for signal in signals}
        topics = {topic.token_id: topic for topic in self._plain}
        for topic in reversed(listed):  # the file begins with the newest
            if topic.token_id not in leaving:
                topics.setdefault(topic.token_id, topic)
        reports = (self._tokens.report(now_mono), self._signals.report(now_mono))
        return Tokens(
            topics=tuple(topics.values()),
            signals=signals,
            are_signals_known=self._signals.is_known,
            files=tuple(each for each in reports if each is not None),
        )


def _in_force(
    signals: Sequence[SellSignal], listed: Sequence[Topic], plain: Sequence[Topic]
) -> tuple[SellSignal, ...]:
    """Return the signals that no later purchase has cleared, oldest first.

    The token source removes a cleared signal by itself. Files of older programs
    keep it for ever, and two files are never replaced in the same instant.
    """
    bought_at = {topic.token_id: topic.last_seen_at or 0.0 for topic in listed}
    own = {topic.token_id for topic in plain}
    standing = {
        signal.token_id: signal
        for signal in reversed(signals)
        if signal.token_id not in own
        and (signal.at is None or signal.at >= bought_at.get(signal.token_id, 0.0))
    }
    return tuple(sorted(standing.values(), key=lambda each: each.at or 0.0))


class _Watched(Generic[T]):
    """One file, with its last good content."""

    def __init__(
        self, path: Path | None, parse: Callable[[bytes], tuple[list[T], list[Skipped]]]
    ) -> None:
        self._path = path
        self._parse = parse
        self._identity: tuple[int, ...] | None = None
        self._content: tuple[T, ...] = ()
        self._good_mono: float | None = None
        self._report: FileReport | None = None

    @property
    def is_known(self) -> bool:
        """Whether the last :meth:`read` returned what the file says, or said when it was good."""
        is_corrupt = self._report is not None and self._report.state is FileState.CORRUPT
        return not is_corrupt or self._good_mono is not None

    def read(self, now_mono: float) -> tuple[T, ...]:
        """Return the newest content that could be read; empty while there is no file."""
        if self._path is None:
            return ()
        try:
            stat = os.stat(self._path)
            identity = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            if identity != self._identity:
                self._take(self._path, self._path.read_bytes())
                self._identity = identity
            self._good_mono = now_mono
        except FileNotFoundError:
            self._identity, self._content, self._good_mono = None, (), None
            self._report = FileReport(self._path, FileState.MISSING)
        except (OSError, ValueError) as error:
            self._identity = None  # ask again, the writer may be in the middle of it
            self._report = FileReport(self._path, FileState.CORRUPT, str(error), None)
        return self._content

    def report(self, now_mono: float) -> FileReport | None:
        """Return how the last :meth:`read` found it; None when it does not count."""
        report = self._report
        if report is None or report.state is not FileState.CORRUPT or self._good_mono is None:
            return report
        return replace(report, age_s=now_mono - self._good_mono)

    def _take(self, path: Path, data: bytes) -> None:
        good, skipped = self._parse(data)
        bad = [each.problem for each in skipped if each.problem]
        self._content = tuple(good)
        self._report = FileReport(
            path,
            state=FileState.PARTIAL if bad else FileState.GOOD,
            problem=f"{len(bad)} of {len(good) + len(skipped)} left out, first {bad[0]}"
            if bad
            else "",
            left_out=len(skipped) - len(bad),
        )
