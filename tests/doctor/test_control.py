"""A request through files: answered, or withdrawn."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from polyshared import write_atomic
from polyshared.doctor.control import FOLDER, NoAnswer, ask


def requests(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.json") if not path.name.endswith(".answer.json")]


class Supervisor(threading.Thread):
    """Answers the first request that it finds, and keeps what it read."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__()
        self._folder = data_dir / FOLDER
        self.read: dict[str, object] = {}

    def run(self) -> None:
        while not (found := requests(self._folder)):
            time.sleep(0.005)
        self.read = json.loads(found[0].read_text(encoding="utf-8"))
        answer = {"schema": 1, "id": self.read["id"], "ok": True, "message": "paused"}
        target = found[0].with_name(f"{self.read['id']}.answer.json")
        write_atomic(target, json.dumps(answer).encode())


def test_an_answer_is_handed_back_and_nothing_is_left(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.start()

    answer = ask(tmp_path, "pause", token="71", by="operator", timeout_s=10.0)

    supervisor.join()
    assert (answer.ok, answer.message) == (True, "paused")
    assert supervisor.read["request"] == "pause"
    assert supervisor.read["token"] == "71"
    assert supervisor.read["by"] == "operator"
    assert list((tmp_path / FOLDER).glob("*.json")) == []


def test_a_request_without_an_answer_is_withdrawn(tmp_path: Path) -> None:
    """A supervisor that starts an hour later must not find it."""
    with pytest.raises(NoAnswer, match=r"did not answer 'pause' in 0\.2 s"):
        ask(tmp_path, "pause", token=None, by="operator", timeout_s=0.2)

    assert list((tmp_path / FOLDER).glob("*.json")) == []
