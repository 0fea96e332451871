"""Faults of the report, set up for real: doctor names the cause, and no consequence fails."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support.diagnosis import Diagnosis, broken_websocket, first_red, settled, trading
from tests.support.failover import suspended
from tests.support.program import Supervised, eventually, run_program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Environment = dict[str, str]


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    with trading(tmp_path_factory.mktemp("well")) as (run, _):
        yield run


@contextmanager
def nothing(_: Supervised) -> Iterator[Environment]:
    yield {}


@contextmanager
def child_suspended(run: Supervised) -> Iterator[Environment]:
    with suspended(run.pids()[1]):
        yield {}


@contextmanager
def supervisor_suspended(run: Supervised) -> Iterator[Environment]:
    """Its children, its feed and its file stop with it; none of them is to blame."""
    with suspended(run.process.pid):
        time.sleep(11)  # the fault itself is the time: the file is stale after 10 s
        yield {}


@contextmanager
def websocket_broken(run: Supervised) -> Iterator[Environment]:
    """It runs still, but would not start again."""
    yield broken_websocket(run.data.parent)


@contextmanager
def kill_switch_set(run: Supervised) -> Iterator[Environment]:
    """Somebody wanted that: it is told, and it is no fault."""
    switch = run.data / "KILL"
    switch.touch()

    def reasons() -> list[str]:
        return [child["stages"]["risk"]["reason"] for child in run.children().values()]

    eventually(lambda: reasons() == ["killed"] * 2, within_s=60, what="two children held back")
    try:
        yield {}
    finally:
        switch.unlink()
        eventually(lambda: "killed" not in reasons(), within_s=60, what="no child held back")


@contextmanager
def settings_misspelt(run: Supervised) -> Iterator[Environment]:
    """In the files that this supervisor was started with; those of the project are well."""
    path = run.data.parent / "global_config.json"
    before = path.read_text("utf-8")
    path.write_text(json.dumps({"scheduler": {"max_concurent_tasks": 3}}), "utf-8")
    try:
        yield {}
    finally:
        path.write_text(before, "utf-8")


Fault = Callable[[Supervised], AbstractContextManager[Environment]]


@pytest.mark.parametrize(
    ("fault", "causes", "code", "link"),
    [
        (nothing, [], 0, None),
        (kill_switch_set, [], 0, "risk"),
        (child_suspended, ["child.responding"], 1, "child"),
        (supervisor_suspended, ["agg.running"], 1, "supervisor"),
        (websocket_broken, ["env.websocket"], 1, None),
        (settings_misspelt, ["config.load"], 4, None),
    ],
)
def test_doctor_names_the_cause_and_nothing_else_and_why_the_link(
    well: Supervised, fault: Fault, causes: list[str], code: int, link: str | None
) -> None:
    eventually(lambda: settled(well), within_s=40, what="children as before the last fault")
    with fault(well) as env:
        found = Diagnosis(well.data, env=env)
        stops = first_red(well.data, token_of(well, well.pids()[1])) if link else None

    found.assert_only(*causes, code=code)
    assert stops is None or stops[0] == link, stops
    config = found.checks["config.load"]["detail"]
    assert (str(well.data.parent / "global_config.json") in config) or fault is settings_misspelt
    if fault is settings_misspelt:
        assert "did you mean 'max_concurrent_tasks'?" in config
        assert "the program that runs keeps what it has" in config
    if fault is nothing:  # on a loaded machine a request may be late, and that is logged
        assert [name for name in found.with_status("warn") if name != "logs.errors"] == []
        assert found.healthy


def token_of(run: Supervised, pid: int) -> str:
    tasks: dict[str, dict[str, object]] = run.status()["tasks"]
    return next(name for name, task in tasks.items() if task["pid"] == pid)


@contextmanager
def directory_in_place_of(cache: Path) -> Iterator[None]:
    """Make the file one that can be neither read nor replaced."""
    cache.unlink()
    while True:  # the writer makes it anew between the two steps
        try:
            cache.mkdir()
            break
        except FileExistsError:
            cache.unlink()
    try:
        yield
    finally:
        cache.rmdir()


@contextmanager
def spoiling(cache: Path, content: bytes) -> Iterator[None]:
    """Put *content* in the file's place, again and again: the writer mends it each time."""
    stop = threading.Event()

    def spoil() -> None:
        while not stop.wait(0.01):
            garbage = cache.with_name("garbage.tmp")
            garbage.write_bytes(content)
            os.replace(garbage, cache)

    thread = threading.Thread(target=spoil)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_spoilt_file_an_exchange_that_is_gone_and_a_killed_supervisor_are_named(
    tmp_path: Path,
) -> None:
    """One after the other: each leaves its mark, or ends what runs."""
    with trading(tmp_path) as (run, sim):
        cache = run.data / "ws_cache.json"
        with spoiling(cache, b'{"tokens": {}}'):
            useless = Diagnosis(run.data)
        with spoiling(cache, b"\x00 not json"):
            meanwhile = Diagnosis(run.data)
        eventually(lambda: bool(json.loads(cache.read_bytes())), within_s=60, what="a whole file")
        afterwards = Diagnosis(run.data)
        with directory_in_place_of(cache):
            unwritable = Diagnosis(run.data)

        sim.process.send_signal(signal.SIGKILL)

        def line_down() -> bool:
            return bool(run.status()["aggregator"]["connections"][0]["state"] != "open")

        eventually(line_down, within_s=30, what="a line that is not open")
        without_exchange = Diagnosis(run.data)
        run.process.send_signal(signal.SIGKILL)
        run.process.wait(10)
        eventually(lambda: not living(run), within_s=30, what="children that end by themselves")
        without_supervisor = Diagnosis(run.data)

    useless.assert_only("cache.json")
    meanwhile.assert_only("cache.json")
    afterwards.assert_only("cache.undisturbed")
    unwritable.assert_only("cache.json")
    assert without_exchange.root_cause == "agg.socket"
    # For a minute it is told that somebody wrote to the file.
    assert set(without_exchange.with_status("fail")) <= {"agg.socket", "cache.undisturbed"}
    assert without_exchange.exit_code == 1
    assert without_supervisor.root_cause == "agg.running"
    # Nobody could cancel at an exchange that is gone, so its orders are a fault of their own.
    assert set(without_supervisor.with_status("fail")) <= {"agg.running", "order.unattended"}
    assert without_supervisor.exit_code == 1


def living(run: Supervised) -> list[int]:
    pids = [child["pid"] for child in run.children().values()]
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_package_that_is_missing_is_named_after_the_start_that_failed(tmp_path: Path) -> None:
    """The report's first fault: nobody could write the file, and nobody said so."""
    place = {"POLY_DATA_DIR": str(tmp_path / "data"), "POLY_LOG_DIR": str(tmp_path / "logs")}
    env = place | broken_websocket(tmp_path)
    ended = run_program("poly_maker_autorun.py", "--demo", "--seconds", "20", env=env)
    found = Diagnosis(tmp_path / "data", env=env)

    assert ended.code == 3
    assert list(found.with_status("fail")) == ["env.websocket"]
    assert (found.root_cause, found.exit_code) == ("env.websocket", 1)


def test_an_empty_directory_is_nothing_to_look_at(tmp_path: Path) -> None:
    found = Diagnosis(tmp_path)

    assert found.exit_code == 3
    assert found.with_status("fail", "warn") == {}
