"""The token source beside the supervisor: started, watched, ended, and told no secret."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.settings import Settings, load_settings, parse_options
from POLYMARKET_MAKER.source_process import SourceProcess
from tests.support.program import eventually
from tests.support.waiting_fleet import NO_EXCHANGE

ACCOUNT = "0x" + "ab" * 20
SECRET = "11" * 32

pytestmark = pytest.mark.timeout(60)


def settings_of(
    tmp_path: Path, targets: list[dict[str, object]], **source: object
) -> tuple[Settings, dict[str, str]]:
    config = tmp_path / "copytrade_config.json"
    config.write_text(json.dumps({"poll_interval_sec": 1, "targets": targets, **source}))
    own = tmp_path / "global_config.json"
    own.write_text(json.dumps({"copytrade": {"autostart": True, "config": str(config)}}))
    env = {
        **NO_EXCHANGE,
        "POLY_DATA_DIR": str(tmp_path / "data"),
        "POLY_LOG_DIR": str(tmp_path / "logs"),
        "POLY_KEY": SECRET,
    }
    for name in ("data", "logs"):
        (tmp_path / name).mkdir()
    options = parse_options(["--paper", "--global-config", str(own)])
    return load_settings(env=env, options=options), {**os.environ, **env}


@pytest.fixture
def source(tmp_path: Path) -> Iterator[SourceProcess]:
    settings, env = settings_of(tmp_path, [{"account": ACCOUNT, "min_size": 1, "enabled": True}])
    made = SourceProcess(settings, env, Clock())
    yield made
    made.close(5)


def pid_of(source: SourceProcess) -> int:
    pid = source.as_dict()["pid"]
    assert isinstance(pid, int)
    return pid


def has_started(tmp_path: Path) -> bool:
    return "event=started" in (tmp_path / "logs" / "copytrade.log").read_text()


def test_it_runs_in_the_supervisors_directories_without_a_secret(
    tmp_path: Path, source: SourceProcess
) -> None:
    source.turn()
    eventually(lambda: has_started(tmp_path), within_s=60, what="its first line")
    environment = Path(f"/proc/{pid_of(source)}/environ").read_bytes()

    assert SECRET.encode() not in environment
    assert f"POLY_SUPERVISOR_PID={os.getpid()}".encode() in environment
    assert source.as_dict() == {"state": "running", "pid": pid_of(source), "exit_code": None}


def test_it_writes_where_the_supervisor_reads_whatever_its_own_settings_say(tmp_path: Path) -> None:
    """One command is enough: two files that differ would be a program that never trades."""
    elsewhere = {
        f"{name}_file": str(tmp_path / f"{name}.json") for name in ("tokens", "sell_signals")
    }
    targets: list[dict[str, object]] = [{"account": ACCOUNT, "min_size": 1, "enabled": True}]
    settings, env = settings_of(tmp_path, targets, **elsewhere)
    source = SourceProcess(settings, env, Clock())
    try:
        source.turn()
        for path in (settings.copytrade_tokens_path, settings.sell_signals_path):
            eventually(path.exists, within_s=60, what=path.name)
    finally:
        source.close(5)

    assert not any(Path(path).exists() for path in elsewhere.values())


def test_a_killed_one_comes_back(tmp_path: Path, source: SourceProcess) -> None:
    """Also where somebody tidied up meanwhile."""
    source.turn()
    first = pid_of(source)
    os.kill(first, signal.SIGKILL)
    shutil.rmtree(tmp_path / "logs")

    def is_back() -> bool:
        source.turn()
        return source.as_dict()["pid"] not in (None, first)

    eventually(is_back, within_s=60, what="the next one")
    assert source.as_dict()["exit_code"] == -signal.SIGKILL
    eventually(lambda: has_started(tmp_path), within_s=60, what="its first line")


def test_it_ends_when_it_is_asked_to_and_is_not_started_again(
    tmp_path: Path, source: SourceProcess
) -> None:
    source.turn()
    eventually(lambda: has_started(tmp_path), within_s=60, what="its first line")
    source.terminate()

    def has_ended() -> bool:
        source.turn()
        return source.as_dict()["pid"] is None

    eventually(has_ended, within_s=60, what="its end")
    assert source.as_dict() == {"state": "ended", "pid": None, "exit_code": 0}


def test_wrong_accounts_are_not_tried_again_before_the_next_reload(tmp_path: Path) -> None:
    settings, env = settings_of(tmp_path, [])
    source = SourceProcess(settings, env, Clock())
    source.turn()
    first = pid_of(source)

    def has_ended() -> bool:
        source.turn()
        return source.as_dict()["pid"] is None

    eventually(has_ended, within_s=60, what="the refusal")
    source.turn()
    assert source.as_dict() == {"state": "ended", "pid": None, "exit_code": 4}
    assert "no enabled account" in (tmp_path / "logs" / "copytrade.log").read_text()
    source.reload()
    source.turn()
    assert pid_of(source) != first
    source.close(5)
