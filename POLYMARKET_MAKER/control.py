"""The supervisor's end of ``data/control/``: what somebody asks for through a file.

A request is ``<id>.json``, written atomically by whoever asks; the answer goes beside
it as ``<id>.answer.json``, and whoever asked removes it. ``polyshared`` is one who asks.

A request is removed before it is acted on, so that none is carried out twice. If the
supervisor dies between the two, there is no answer, and the asker says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from polyshared import write_atomic

FOLDER = "control"
ANSWER = ".answer.json"
KEPT_S = 300.0
"""An answer that nobody fetched for so long will not be fetched."""


class Asked(StrEnum):
    """What can be asked for; ``frames`` are the newest raw ones, and change nothing."""

    PAUSE = "pause"
    RESUME = "resume"
    RESTART = "restart"
    KILL = "kill"
    FRAMES = "frames"


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        verb: What is asked for.
        token_id: The token meant; None for all, and with ``restart`` for the aggregator.
        by: Who asks, for the log and for the brake's file.
    """

    id: str
    verb: Asked
    token_id: str | None
    by: str


class _Said(msgspec.Struct):
    request: str
    token: str | None = None
    boottime_s: float | None = None
    by: str = "?"


class Control:
    """The folder of requests.

    Args:
        data_dir: Where the folder is; it is made for its owner alone, because who may
            write into it may stop the trading.
        clock: The clock.
    """

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        """Make the folder. What already lies in it was meant for an earlier supervisor.

        Raises:
            OSError: The folder cannot be made.
        """
        self._folder = data_dir / FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._clock = clock
        self._began_boot = clock.boot()

    def requests(self) -> Iterator[Request]:
        """Take every request that waits, oldest first; a bad one is answered from here."""
        for path in self._waiting():
            try:
                yield self._take(path)
            except FileNotFoundError:
                continue  # withdrawn
            except (ValueError, msgspec.MsgspecError) as error:
                self._answer(path.stem, ok=False, message=str(error))
            except OSError as error:
                if log.every(60, "control"):
                    log.error("[CMD]", event="request_not_read", reason=str(error))

    def answer(self, request: Request, *, ok: bool, message: str) -> None:
        """Tell who asked what became of it."""
        self._answer(request.id, ok=ok, message=message)

    def clean(self) -> None:
        """Remove answers that nobody fetched."""
        for path in self._folder.glob(f"*{ANSWER}"):
            try:
                if self._clock.now() - path.stat().st_mtime > KEPT_S:
                    path.unlink()
            except FileNotFoundError:
                continue

    def _waiting(self) -> list[Path]:
        try:
            names = sorted(os.listdir(self._folder))
        except OSError:
            return []  # removed by hand: it comes back with the next question
        return [
            self._folder / name
            for name in names
            if name.endswith(".json") and not name.endswith(ANSWER) and not name.startswith(".")
        ]

    def _take(self, path: Path) -> Request:
        data = path.read_bytes()
        path.unlink()
        said = msgspec.json.decode(data, type=_Said)
        if said.boottime_s is not None and said.boottime_s < self._began_boot:
            raise ValueError("asked before this supervisor began; ask again")
        if said.request not in list(Asked):
            raise ValueError(f"request was {said.request!r}, allowed are {', '.join(Asked)}")
        return Request(path.stem, Asked(said.request), said.token, said.by)

    def _answer(self, name: str, *, ok: bool, message: str) -> None:
        body = {"schema": 1, "id": name, "ok": ok, "message": message}
        try:
            write_atomic(self._folder / f"{name}{ANSWER}", msgspec.json.encode(body) + b"\n")
        except OSError as error:
            log.error("[CMD]", event="answer_not_written", reason=str(error))
