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
from typing import Any

import pytest

from tests.support.failover import always_quoting, live_on, starting_together, suspended
from tests.support.program import Supervised, eventually, run_program, supervised
from tests.support.simulator import Simulator, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Environment = dict[str, str]


class Diagnosis:
    """What ``polyshared doctor --json`` said."""

    def __init__(self, data: Path, env: Environment) -> None:
        command = ("-m", "polyshared", "doctor", "--json", "--data-dir", str(data))
        ended = run_program(*command, env=env)
        self.exit_code = ended.code
        self.said: dict[str, Any] = json.loads(ended.out)
        self.checks = {check["id"]: check for check in self.said["checks"]}

    def with_status(self, *statuses: str) -> dict[str, str]:
        """Return the checks of a status, with what they say."""
        found = self.checks.values()
        return {each["id"]: each["detail"] for each in found if each["status"] in statuses}

    @property
    def root_cause(self) -> str | None:
        cause = self.said["root_cause"]
        assert cause is None or isinstance(cause, str)
        return cause


@contextmanager
def trading(directory: Path) -> Iterator[tuple[Supervised, Simulator]]:
    """Run three children with orders on a simulator of their own."""
    with (
        running_simulator(tokens=3, tempers="quiet") as sim,
        supervised(
            *("--live", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *(*starting_together(directory), *always_quoting(directory)),
            directory=directory,
            env=live_on(sim),
        ) as run,
    ):

        def all_trade() -> bool:
            children = run.children().values()
            return len(children) == 3 and all(each["open_orders"] for each in children)

        eventually(all_trade, within_s=60, what="three children with orders")
        yield run, sim


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


def broken_websocket(directory: Path) -> Environment:
    """Return an environment in which the package is there and cannot be imported."""
    package = directory / "broken" / "websocket"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('broken on purpose')", "utf-8")
    return {"PYTHONPATH": f"{package.parent}:{os.environ['PYTHONPATH']}"}


@contextmanager
def kill_switch_set(run: Supervised) -> Iterator[Environment]:
    """Somebody wanted that: it is told, and it is no fault."""
    switch = run.data / "KILL"
    switch.touch()

    def reasons() -> list[str]:
        return [child["stages"]["risk"]["reason"] for child in run.children().values()]

    eventually(lambda: reasons() == ["killed"] * 3, within_s=20, what="three children held back")
    try:
        yield {}
    finally:
        switch.unlink()
        eventually(lambda: "killed" not in reasons(), within_s=20, what="no child held back")


Fault = Callable[[Supervised], AbstractContextManager[Environment]]


@pytest.mark.parametrize(
    ("fault", "exit_code", "causes"),
    [
        (nothing, 0, []),
        (kill_switch_set, 0, []),
        (child_suspended, 1, ["child.responding"]),
        (supervisor_suspended, 1, ["agg.running"]),
        (websocket_broken, 1, ["env.websocket"]),
    ],
)
def test_doctor_names_the_cause_and_nothing_else(
    well: Supervised, fault: Fault, exit_code: int, causes: list[str]
) -> None:
    eventually(lambda: settled(well), within_s=40, what="children as before the last fault")
    with fault(well) as env:
        found = Diagnosis(well.data, env)

    assert list(found.with_status("fail")) == causes, found.with_status("fail")
    if fault is nothing:  # on a loaded machine a request may be late, and that is logged
        assert [name for name in found.with_status("warn") if name != "logs.errors"] == []
    assert found.root_cause == (causes[0] if causes else None)
    assert found.exit_code == exit_code


def settled(run: Supervised) -> bool:
    """Whether all children read the shared file again, after a fault that moved them."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    return all(
        child["source"] == "shared" and now - child["boottime_s"] < 3
        for child in run.children().values()
    )


def test_a_file_that_others_write_is_named_while_it_happens_and_after(tmp_path: Path) -> None:
    with trading(tmp_path) as (run, _):
        cache = run.data / "ws_cache.json"
        with spoiling(cache):
            meanwhile = Diagnosis(run.data, {})
        eventually(lambda: bool(json.loads(cache.read_bytes())), within_s=10, what="a whole file")
        afterwards = Diagnosis(run.data, {})

        with directory_in_place_of(cache):
            unwritable = Diagnosis(run.data, {})

    assert list(meanwhile.with_status("fail")) == ["cache.json"]
    assert list(afterwards.with_status("fail")) == ["cache.undisturbed"]
    assert unwritable.root_cause == "cache.json"
    assert [each.exit_code for each in (meanwhile, afterwards, unwritable)] == [1, 1, 1]


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
def spoiling(cache: Path) -> Iterator[None]:
    """Put garbage in the file's place, again and again: the writer mends it each time."""
    stop = threading.Event()

    def spoil() -> None:
        while not stop.wait(0.01):
            garbage = cache.with_name("garbage.tmp")
            garbage.write_bytes(b"\x00 not json")
            os.replace(garbage, cache)

    thread = threading.Thread(target=spoil)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_an_exchange_that_is_gone_and_a_supervisor_that_was_killed_are_named(
    tmp_path: Path,
) -> None:
    with trading(tmp_path) as (run, sim):
        sim.process.send_signal(signal.SIGKILL)

        def line_down() -> bool:
            return bool(run.status()["aggregator"]["connections"][0]["state"] != "open")

        eventually(line_down, within_s=30, what="a line that is not open")
        without_exchange = Diagnosis(run.data, {})
        run.process.send_signal(signal.SIGKILL)
        run.process.wait(10)
        eventually(lambda: not living(run), within_s=30, what="children that end by themselves")
        without_supervisor = Diagnosis(run.data, {})

    assert without_exchange.root_cause == "agg.socket"
    assert list(without_exchange.with_status("fail")) == ["agg.socket"]
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
    found = Diagnosis(tmp_path / "data", env)

    assert ended.code == 3
    assert list(found.with_status("fail")) == ["env.websocket"]
    assert (found.root_cause, found.exit_code) == ("env.websocket", 1)


def test_an_empty_directory_is_nothing_to_look_at(tmp_path: Path) -> None:
    found = Diagnosis(tmp_path, {})

    assert found.exit_code == 3
    assert found.with_status("fail", "warn") == {}
