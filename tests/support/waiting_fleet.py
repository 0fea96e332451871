"""Real strategy processes that wait for an exchange which never answers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.demo import without_start_spacing
from POLYMARKET_MAKER.desk import PaperDesk
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.remembered import Remembered
from POLYMARKET_MAKER.settings import Settings, load_settings, parse_options
from tests.support.program import eventually

NOWHERE = "http://127.0.0.1:9"
NO_EXCHANGE = {
    "POLY_HOST": NOWHERE,
    "POLY_GAMMA_ROOT": NOWHERE,
    "POLY_DATA_API_ROOT": NOWHERE,
    "POLY_WS_URL": "ws://127.0.0.1:9/ws/market",
    "POLY_WS_USER_URL": "ws://127.0.0.1:9/ws/user",
}
"""Addresses of an exchange that never answers."""
SCALE = 20


def waiting_settings(folder: Path, **config: object) -> tuple[Settings, dict[str, str]]:
    """Return settings of a paper run in *folder*, and its environment; directories are made."""
    own = folder / "global.json"
    own.write_text(json.dumps(config), encoding="utf-8")
    env = {
        **NO_EXCHANGE,
        "POLY_DATA_DIR": str(folder / "data"),
        "POLY_LOG_DIR": str(folder / "logs"),
    }
    options = ["--paper", "--clock-scale", str(SCALE), "--global-config", str(own)]
    settings = without_start_spacing(load_settings(env=env, options=parse_options(options)))
    for directory in (settings.data_dir / "children", settings.log_dir):
        os.makedirs(directory, exist_ok=True)
    return settings, {**os.environ, **env}


@contextmanager
def waiting_fleet(folder: Path, **config: object) -> Iterator[Fleet]:
    """Make a fleet whose children are gone when the block ends."""
    settings, env = waiting_settings(folder, **config)
    memory = Remembered(
        handled_path=settings.handled_topics_path, exits_path=folder / "exit_tokens.json"
    )
    desk = PaperDesk(settings, env)
    made = Fleet(settings, desk, memory, Clock(SCALE))
    try:
        yield made
    finally:
        for child in made.children():
            child.kill()
            child.process.wait()
            child.pulse.close()
        desk.close()


def listens(fleet: Fleet, token_id: str) -> bool:
    """Whether the child of a token has come as far as its status file."""
    return (fleet._settings.data_dir / "children" / f"{token_id}.json").exists()


def start(fleet: Fleet, token_id: str) -> int:
    """Start the child of a token, and return its pid once it hears signals."""
    fleet.offer([token_id])
    fleet.start_next(None)
    child = fleet.tasks[token_id].child
    assert child is not None
    eventually(lambda: listens(fleet, token_id), within_s=20, what="a status file")
    return child.pid
