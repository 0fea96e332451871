"""The questions that go to the trading program and to the exchange."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from polyshared.doctor import netlook
from polyshared.doctor.locate import program_of
from polyshared.doctor.probe import Answer, Ask, ask
from polyshared.doctor.statusfiles import Supervisor

Source = Callable[[float], Any]  # given its deadline in seconds

_WITHOUT_ACCOUNT = ("demo", "paper")
_SECRETS = ("POLY_", "PK", "FUNDER", "POLYMARKET_")
_FRAME_MARGIN_S = 3.0  # for the interpreter to start and the line to close


def questions(data_dir: Path, status: Supervisor | None, token: str | None) -> dict[str, Source]:
    """Return how to learn each fact that somebody else must tell.

    Args:
        data_dir: The data directory.
        status: What the supervisor says; None when it says nothing.
        token: The token that a live frame is wanted for; else any that is traded.
    """
    program = program_of(status)
    mode = status.mode if status is not None else None

    def put(question: Ask) -> Source:
        return lambda deadline_s: ask(program, question, deadline_s=deadline_s)

    def settings_answer(deadline_s: float) -> Answer:
        return ask(program, settings, deadline_s=deadline_s)

    def urls(deadline_s: float) -> netlook.Urls:
        return netlook.find_urls(data_dir, lambda: settings_answer(deadline_s))

    def frame(deadline_s: float) -> Answer:
        wanted = token or next(iter(status.tasks if status is not None else ()), None)
        if wanted is None:
            return Answer("frame", available=False, ok=False, reason="no token is traded here")
        seconds = max(1.0, deadline_s - _FRAME_MARGIN_S)
        options = (f"--token={wanted}", f"--seconds={seconds:.1f}")
        place = {"POLY_WS_URL": urls(deadline_s).ws_market}
        return ask(program, Ask("frame", options, place), deadline_s=deadline_s)

    def account(deadline_s: float) -> Answer:
        if mode in _WITHOUT_ACCOUNT or mode is None:
            reason = f"mode {mode} has no account at the exchange"
            return Answer("account", available=False, ok=False, reason=reason)
        return ask(program, Ask("account", (), _secrets(os.environ)), deadline_s=deadline_s)

    settings = Ask("settings", (f"--mode={mode}",) if mode in _WITHOUT_ACCOUNT else ())
    return {
        "imports": put(Ask("import")),
        "settings": put(settings),
        "ledger": put(Ask("ledger", (f"--data-dir={data_dir.absolute()}",))),
        "net": lambda deadline_s: netlook.look(urls(deadline_s)),
        "frame": frame,
        "account": account,
    }


def _secrets(source: Mapping[str, str]) -> dict[str, str]:
    """Return what names the account; POLY_ENV_FILE too, since a key may stand in that file."""
    kept = {name: value for name, value in source.items() if name.startswith(_SECRETS)}
    return kept if "POLY_ENV_FILE" in kept else {**kept, "POLY_ENV_FILE": ""}
