"""The doctor on a running demo: well, one child suspended, the cache spoilt, and nothing at all."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.program import Supervised, eventually, run_program, supervised

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def diagnose(data: Path) -> tuple[int, dict[str, Any]]:
    ended = run_program("-m", "polyshared", "doctor", "--json", "--data-dir", str(data))
    found = json.loads(ended.out)  # exactly one object, nothing else
    assert isinstance(found, dict)
    return ended.code, found


def failed(found: dict[str, Any]) -> list[str]:
    return [check["id"] for check in found["checks"] if check["status"] == "fail"]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Supervised]:
    with supervised("--demo", directory=tmp_path) as run:

        def all_quote() -> bool:
            children = run.children().values()
            return len(children) == 4 and all(
                child["stages"]["quote"]["state"] == "ok" for child in children
            )

        eventually(all_quote, within_s=20, what="four children with quotes")
        yield run


def test_a_demo_that_runs_well_has_no_fail(demo: Supervised) -> None:
    code, found = diagnose(demo.data)

    assert failed(found) == []
    assert code == 0
    assert found["healthy"] is True
    assert found["root_cause"] is None


def test_a_suspended_child_is_named(demo: Supervised) -> None:
    pid = demo.pids()[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        code, found = diagnose(demo.data)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert code == 1
    assert found["root_cause"] == "child.responding"
    assert "child.responding" in failed(found)


def test_garbage_in_place_of_the_cache_is_named(demo: Supervised) -> None:
    """The writer mends the file within a second, so it is spoilt all the time."""
    cache, stop = demo.data / "ws_cache.json", threading.Event()

    def spoil() -> None:
        while not stop.wait(0.01):
            garbage = cache.with_name("garbage.tmp")
            garbage.write_bytes(b"\x00 not json")
            os.replace(garbage, cache)

    thread = threading.Thread(target=spoil)
    thread.start()
    try:
        code, found = diagnose(demo.data)
    finally:
        stop.set()
        thread.join()

    assert code == 1
    assert found["root_cause"] == "cache.json"


def test_garbage_written_once_is_named_although_it_is_mended_at_once(demo: Supervised) -> None:
    (demo.data / "ws_cache.json").write_bytes(b"garbage")

    code, found = diagnose(demo.data)

    assert code == 1
    assert found["root_cause"] in ("cache.json", "cache.undisturbed")


def test_an_empty_directory_is_nothing_to_look_at(tmp_path: Path) -> None:
    code, found = diagnose(tmp_path)

    assert code == 3
    assert found["exit_code"] == 3
    assert failed(found) == []
