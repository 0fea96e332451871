"""The questions that go to the trading program and to the exchange."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyshared.doctor import netlook
from polyshared.doctor.locate import program_of
from polyshared.doctor.probe import Answer, Ask, ask
from polyshared.doctor.statusfiles import Supervisor

LEDGER_FILE = "ledger.db"

_WITHOUT_ACCOUNT = ("demo", "paper")
_SECRETS = ("POLY_", "PK", "FUNDER", "POLYMARKET_")
_FRAME_MARGIN_S = 2.0  # for the line to close and the answer to come


@dataclass(frozen=True, slots=True)
class Questions:
    """What somebody else must tell. Each method takes its deadline in seconds.

    Attributes:
        data_dir: The data directory.
        status: What the supervisor says; None when it says nothing.
        token: The token that a live frame is wanted for; None means any that is traded.
        is_alive: Whether that supervisor runs now.
    """

    data_dir: Path
    status: Supervisor | None
    token: str | None
    is_alive: bool = True

    def by_fact(self) -> Mapping[str, Callable[[float], Any]]:
        """Return the question that each fact is the answer to."""
        return {
            "imports": lambda deadline_s: self._put(Ask("import"), deadline_s),
            "settings": self.settings,
            "ledger": self.ledger,
            "net": lambda deadline_s: netlook.look(self._urls(deadline_s)),
            "frame": self.frame,
            "account": self.account,
        }

    @property
    def mode(self) -> str | None:
        return None if self.status is None else self.status.mode

    def settings(self, deadline_s: float) -> Answer:
        """Ask whether the files load that the supervisor was started with, else the shipped."""
        options = (f"--mode={self.mode}",) if self.mode in _WITHOUT_ACCOUNT else ()
        return self._put(Ask("settings", (*options, *self._files())), deadline_s)

    def _files(self) -> Iterator[str]:
        if self.status is None:
            return
        said = self.status.settings
        for option, path in (
            ("--global-config", said.global_config),
            ("--strategy-config", said.strategy_config),
            ("--run-config-template", said.run_config_template),
        ):
            # The next start need not be told of a file that is gone; one that runs reads it again.
            if path is not None and (self.is_alive or Path(path).exists()):
                yield f"{option}={path}"

    def ledger(self, deadline_s: float) -> Answer:
        path = self.data_dir / LEDGER_FILE
        if not path.exists():  # no need to start a process for that
            return _unavailable("ledger", f"{path} does not exist")
        return self._put(Ask("ledger", (f"--data-dir={self.data_dir.absolute()}",)), deadline_s)

    def frame(self, deadline_s: float) -> Answer:
        traded = () if self.status is None else self.status.tasks
        token = self.token or next(iter(traded), None)
        if token is None:
            return _unavailable("frame", "no token is traded here")
        seconds = max(1.0, deadline_s - _FRAME_MARGIN_S)
        place = {"POLY_WS_URL": self._urls(deadline_s).ws_market}
        options = (f"--token={token}", f"--seconds={seconds:.1f}")
        return self._put(Ask("frame", options, place), deadline_s)

    def account(self, deadline_s: float) -> Answer:
        """Ask with the key of our own environment, the only question that is given one."""
        if self.mode in _WITHOUT_ACCOUNT or self.mode is None:
            return _unavailable("account", f"mode {self.mode} has no account at the exchange")
        return self._put(Ask("account", (), _secrets(os.environ)), deadline_s)

    def _urls(self, deadline_s: float) -> netlook.Urls:
        known = {} if self.status is None else self.status.settings.urls
        return netlook.find_urls(self.data_dir, known, lambda: self.settings(deadline_s))

    def _put(self, question: Ask, deadline_s: float) -> Answer:
        program = program_of(self.status, self.data_dir)
        if program is None:
            return _unavailable(question.subject, "the trading program is not here")
        return ask(program, question, deadline_s=deadline_s)


def _unavailable(subject: str, reason: str) -> Answer:
    return Answer(subject, available=False, ok=False, reason=reason)


def _secrets(source: Mapping[str, str]) -> dict[str, str]:
    """Return what names the account; POLY_ENV_FILE too, since a key may stand in that file."""
    kept = {name: value for name, value in source.items() if name.startswith(_SECRETS)}
    return kept if "POLY_ENV_FILE" in kept else {**kept, "POLY_ENV_FILE": ""}
