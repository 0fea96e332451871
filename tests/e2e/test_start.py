"""What is wrong at the start ends the program with its exit code and one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.program import AUTORUN, ROOT, run_program

CONFIG = ROOT / "POLYMARKET_MAKER" / "config"
WITH_READ_ONLY_CONFIG = (
    *("unshare", "--map-root-user", "--mount", "sh", "-c"),
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
    str(CONFIG),
)
"""Runs a command in a name space of its own, where the shipped settings cannot be written:
permissions would not keep root from it, which tests often run as."""
ASCII_ONLY = {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}

pytestmark = pytest.mark.timeout(60)


def test_without_mode_and_credentials_it_names_the_four_ways(tmp_path: Path) -> None:
    ended = run_program("poly_maker_autorun.py", env={"POLY_DATA_DIR": str(tmp_path)})

    assert ended.code == 4
    assert len(ended.err.strip().splitlines()) == 1
    for way in ("--demo", "POLY_RUN_MODE", "global_config.json", "POLY_KEY"):
        assert way in ended.err


def test_an_unreadable_config_is_one_sentence(tmp_path: Path) -> None:
    config = tmp_path / "global_config.json"
    config.write_text('{"scheduler": {', encoding="utf-8")

    ended = run_program("poly_maker_autorun.py", "--paper", "--global-config", str(config))

    assert ended.code == 4
    assert "global_config.json" in ended.err
    assert "Traceback" not in ended.err


def test_a_misspelt_key_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    config = tmp_path / "global_config.json"
    config.write_text(json.dumps({"scheduler": {"max_concurent_tasks": 3}}), encoding="utf-8")

    ended = run_program("poly_maker_autorun.py", "--paper", "--global-config", str(config))

    assert ended.code == 4
    assert "max_concurrent_tasks" in ended.err


def test_contradictory_options_are_a_usage_error() -> None:
    ended = run_program("poly_maker_autorun.py", "--demo", "--live")

    assert ended.code == 2
    assert "Traceback" not in ended.err


def test_a_missing_package_names_the_line_that_mends_it(tmp_path: Path) -> None:
    """An interpreter without any package stands for a forgotten `. .venv/bin/activate`."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)

    done = subprocess.run(
        [str(tmp_path / "bare" / "bin" / "python"), str(AUTORUN), "--demo"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3
    assert ". .venv/bin/activate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_directory_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("", encoding="utf-8")

    ended = run_program(
        "poly_maker_autorun.py",
        *("--paper", "--tokens", "1"),
        env={"POLY_DATA_DIR": str(tmp_path / "data")},
    )

    assert ended.code == 3
    assert str(tmp_path / "data") in ended.err
    assert "Traceback" not in ended.err


def test_demo_refuses_an_address_beyond_this_machine(tmp_path: Path) -> None:
    ended = run_program(
        "poly_maker_autorun.py",
        "--demo",
        env={"POLY_DATA_DIR": str(tmp_path), "POLY_HOST": "https://clob.polymarket.com"},
    )

    assert ended.code == 4
    assert "POLY_HOST" in ended.err


def test_a_simulator_on_a_port_in_use_is_one_sentence() -> None:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_program("-m", "POLYMARKET_MAKER.sim", "--port", str(port))

    assert ended.code == 3
    assert str(port) in ended.err
    assert "Traceback" not in ended.err


def test_help_works_from_any_directory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "poly_maker_autorun.py"), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "--demo" in done.stdout


@pytest.mark.slow
def test_without_input_without_letters_and_without_a_writable_config_it_runs(
    tmp_path: Path,
) -> None:
    """From another directory, as some services and remote shells start a program.

    Standard input is closed, not empty. The locale knows ASCII only, and Python's own rescue
    is turned off: the log has Chinese words that others grep for.
    """
    probe = subprocess.run(
        [*WITH_READ_ONLY_CONFIG, "true"], capture_output=True, text=True, check=False
    )
    read_only = () if probe.returncode else WITH_READ_ONLY_CONFIG
    if read_only:
        touch = [*read_only, "touch", str(CONFIG / "probe")]
        assert subprocess.run(touch, capture_output=True, check=False).returncode, "it is writable"

    done = subprocess.run(
        [
            *read_only,
            *("sh", "-c", 'exec "$0" "$@" <&-'),
            *(sys.executable, str(AUTORUN), "--demo", "--seconds", "2"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            **ASCII_ONLY,
            "POLY_DATA_DIR": str(tmp_path / "data"),
            "POLY_LOG_DIR": str(tmp_path / "logs"),
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=90,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "demo summary" in done.stdout
    assert "[DONE] reason=time_limit open_orders=0" in done.stdout
    logs = [path.read_text(encoding="utf-8") for path in (tmp_path / "logs").glob("*main*.log")]
    assert "聚合订阅启动" in "".join(logs)
    if not read_only:
        pytest.skip(f"all else held; no name space for a read-only config: {probe.stderr.strip()}")
