"""A feed that cannot run on this machine ends the program at once, with a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from polyshared import SnapshotWriter
from tests.support.failover import (
    always_quoting,
    is_quoting,
    live_on,
    starting_together,
)
from tests.support.program import eventually, run_program, supervised
from tests.support.simulator import addresses, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

GREPPED = "无法启动 WS 聚合器"
NOBODY = "http://127.0.0.1:1"


def processes_of(data: Path) -> list[int]:
    """Return every process that was told to use this data directory."""
    told = f"POLY_DATA_DIR={data}".encode()
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if told in (each / "environ").read_bytes().split(b"\0"):
                found.append(int(each.name))
        except OSError:
            continue
    return found


def broken_websocket(directory: Path) -> dict[str, str]:
    """Return an environment in which the package is there and cannot be imported."""
    package = directory / "broken" / "websocket"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('broken on purpose')", "utf-8")
    return {"PYTHONPATH": f"{package.parent}:{os.environ['PYTHONPATH']}"}


@pytest.mark.parametrize("more", [(), ("--no-shared-ws",)], ids=["shared", "no-shared-ws"])
@pytest.mark.parametrize("mode", ["--paper", "--demo"])
def test_without_websocket_client_it_ends_with_a_sentence_and_leaves_nobody(
    tmp_path: Path, mode: str, more: tuple[str, ...]
) -> None:
    """The report: children waited 24 hours for a file that nobody could write."""
    data = tmp_path / "data"
    told = {"POLY_DATA_DIR": str(data), "POLY_LOG_DIR": str(tmp_path / "logs")}
    urls = {} if mode == "--demo" else {"POLY_HOST": NOBODY, "POLY_GAMMA_ROOT": NOBODY}

    ended = run_program(
        "poly_maker_autorun.py",
        *(mode, "--seconds", "20", *(() if mode == "--demo" else ("--tokens", "1")), *more),
        env={**told, **urls, **broken_websocket(tmp_path)},
    )

    assert ended.code == 3
    assert len(ended.err.strip().splitlines()) == 1, ended.err
    assert "pip install -r requirements.txt" in ended.err
    (log,) = (tmp_path / "logs").glob("autorun_main_*.log")
    lines = [each for each in log.read_text("utf-8").splitlines() if GREPPED in each]
    assert [" ERROR " in each for each in lines] == [True]
    assert list((data / "children").iterdir()) == []
    assert processes_of(data) == []


def test_another_writer_of_the_snapshot_ends_it_with_a_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    told = {"POLY_DATA_DIR": str(data), "POLY_LOG_DIR": str(tmp_path / "logs")}
    with SnapshotWriter(data / "ws_cache.json"):
        ended = run_program("poly_maker_autorun.py", "--demo", env=told)

    assert ended.code == 3
    assert f"pid {os.getpid()}" in ended.err
    assert "Traceback" not in ended.err
    (log,) = (tmp_path / "logs").glob("autorun_main_*.log")
    assert GREPPED in log.read_text("utf-8")
    assert processes_of(data) == []


def test_a_second_supervisor_says_so_in_the_words_that_are_grepped_for(tmp_path: Path) -> None:
    told = {"POLY_DATA_DIR": str(tmp_path / "data"), "POLY_LOG_DIR": str(tmp_path / "logs")}
    (tmp_path / "data").mkdir()
    with FileLock(tmp_path / "data" / "autorun.lock"):
        ended = run_program("poly_maker_autorun.py", "--demo", env=told)

    assert ended.code == 3
    assert "another supervisor runs here; stop it first" in ended.err
    assert GREPPED in ended.out
    assert processes_of(tmp_path / "data") == []


def test_a_network_that_does_not_answer_is_an_error_and_no_reason_to_end(tmp_path: Path) -> None:
    """The first child waits 15 s for the feed; then children start on lines of their own."""
    with running_simulator(tokens=2, tempers="quiet") as sim:
        silent = {**addresses(sim), "POLY_WS_URL": "ws://127.0.0.1:1/ws/market"}
        with supervised(
            *("--paper", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(tmp_path),
            directory=tmp_path,
            env=silent,
        ) as run:

            def both_wait() -> bool:
                reasons = [each["stages"]["source"]["reason"] for each in run.children().values()]
                return reasons == ["line_opening"] * 2

            eventually(both_wait, within_s=40, what="two children that open their own lines")
            lines = (tmp_path / "out.txt").read_text("utf-8").splitlines()
            told = [each for each in lines if GREPPED in each]
            started = [each for each in lines if "[START]" in each]

            assert len(told) == 1
            assert " ERROR " in told[0]
            assert len(started) == 2
            assert all("src=direct" in each for each in started)
            assert run.stop() == 0


def test_no_shared_ws_means_no_file_no_variable_and_a_line_for_each_child(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=3, tempers="quiet") as sim,
        supervised(
            *("--live", "--no-repl", "--no-shared-ws", "--tokens", ",".join(sim.tokens)),
            *(*starting_together(tmp_path), *always_quoting(tmp_path)),
            directory=tmp_path,
            env=live_on(sim),
        ) as run,
    ):

        def all_trade() -> bool:
            children = run.children().values()
            return len(children) == 3 and all(
                is_quoting(each, "direct") and each["open_orders"] for each in children
            )

        eventually(all_trade, within_s=60, what="three children with orders on their own lines")
        environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in run.pids()]
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in run.pids()]

        assert sim.stats()["connections"]["market"] == 3
        assert not [each for each in environments if b"POLY_WS_SHARED_CACHE" in each]
        assert not [each for each in commands if b"--shared-ws-cache" in each]
        assert sorted(run.data.glob("ws_cache*")) == []
        assert {each["shared_ws_cache_path"] for each in run.children().values()} == {None}
        assert run.status()["aggregator"]["state"] == "off"
        assert run.stop() == 0
