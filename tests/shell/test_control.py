"""Requests by file: taken once, answered beside, the library's asking end included."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.control import KEPT_S, Asked, Control
from polyshared.doctor import control as asking

TOKEN = "7132107" * 11


@dataclass(frozen=True, slots=True)
class SetClock(Clock):
    """A clock that stands where it is told to."""

    at: float = 0.0
    booted: float = 1000.0

    def now(self) -> float:
        return self.at

    def boot(self) -> float:
        return self.booted


def place(data_dir: Path, name: str, **content: object) -> None:
    folder = data_dir / "control"
    said = {"schema": 1, "id": name, "boottime_s": 1001.0, "by": "test", **content}
    (folder / f"{name}.json").write_text(json.dumps(said))


def answer(data_dir: Path, name: str) -> dict[str, object]:
    found = json.loads((data_dir / "control" / f"{name}.answer.json").read_bytes())
    assert isinstance(found, dict)
    return found


def test_a_request_is_taken_once_and_answered_beside(tmp_path: Path) -> None:
    control = Control(tmp_path, SetClock())
    place(tmp_path, "1-a", request="pause", token=TOKEN)

    [request] = control.requests()
    assert (request.verb, request.token_id, request.by) == (Asked.PAUSE, TOKEN, "test")
    control.answer(request, ok=True, message="paused")
    assert answer(tmp_path, "1-a") == {"schema": 1, "id": "1-a", "ok": True, "message": "paused"}
    assert list(control.requests()) == []


def test_requests_are_taken_in_the_order_of_their_names(tmp_path: Path) -> None:
    control = Control(tmp_path, SetClock())
    for name in ("3", "1", "2"):
        place(tmp_path, name, request="pause", token=name)

    assert [request.token_id for request in control.requests()] == ["1", "2", "3"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"request": "sell_all"}', b'{"request": 1}'])
def test_what_cannot_be_understood_is_refused_and_does_not_come_again(
    tmp_path: Path, content: bytes
) -> None:
    control = Control(tmp_path, SetClock())
    (tmp_path / "control" / "bad.json").write_bytes(content)

    assert list(control.requests()) == []
    assert answer(tmp_path, "bad")["ok"] is False
    assert not (tmp_path / "control" / "bad.json").exists()


def test_what_was_asked_of_an_earlier_supervisor_is_not_acted_on(tmp_path: Path) -> None:
    """Its asker died before it could withdraw it; nobody expects it any more."""
    control = Control(tmp_path, SetClock(booted=2000.0))
    place(tmp_path, "old", request="resume", boottime_s=1999.0)

    assert list(control.requests()) == []
    assert "ask again" in str(answer(tmp_path, "old")["message"])


def test_answers_that_nobody_fetches_are_removed_in_the_end(tmp_path: Path) -> None:
    control = Control(tmp_path, SetClock())
    path = tmp_path / "control" / "1.answer.json"
    path.write_bytes(b"{}")
    written_at = path.stat().st_mtime

    Control(tmp_path, SetClock(at=written_at + KEPT_S - 1)).clean()
    assert path.exists()
    Control(tmp_path, SetClock(at=written_at + KEPT_S + 1)).clean()
    assert not path.exists()
    control.clean()


def test_only_its_owner_may_ask(tmp_path: Path) -> None:
    Control(tmp_path, SetClock())

    assert (tmp_path / "control").stat().st_mode & 0o077 == 0


def test_the_asking_end_and_this_one_understand_each_other(tmp_path: Path) -> None:
    control = Control(tmp_path, Clock())
    ended = threading.Event()

    def supervisor() -> None:
        while not ended.is_set():
            for request in control.requests():
                said = f"{request.verb} {request.token_id} for {request.by}"
                control.answer(request, ok=True, message=said)

    thread = threading.Thread(target=supervisor)
    thread.start()
    try:
        got = asking.ask(tmp_path, "restart", token=TOKEN, by="me", timeout_s=10)
    finally:
        ended.set()
        thread.join()

    assert (got.ok, got.message) == (True, f"restart {TOKEN} for me")
    assert list((tmp_path / "control").glob("*.json")) == []
