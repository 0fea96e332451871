"""The trading program's own answers, and how doctor asks for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from POLYMARKET_MAKER.ledger import Identity, Ledger
from polyshared.doctor import running
from polyshared.doctor.asking import Questions
from polyshared.doctor.graph import NotLearnt
from polyshared.doctor.probe import Ask, Program, ask, clean_environment
from polyshared.doctor.statusfiles import Supervisor
from tests.doctor.house import ROOT
from tests.support.program import eventually


@pytest.fixture(autouse=True)
def may_ask() -> None:
    """Let programs be started: an earlier look of this process has ended, and with it that."""
    running.begin()


HERE = Program(sys.executable, ROOT, "here")


def probe(*arguments: str, path: Path | None = None) -> tuple[int, dict[str, Any]]:
    entries = [os.environ["PYTHONPATH"]] if path is None else [str(path), os.environ["PYTHONPATH"]]
    done = subprocess.run(
        [sys.executable, "-m", "POLYMARKET_MAKER.probe", *arguments, "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entries)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    return done.returncode, said


@pytest.mark.timeout(120)
def test_everything_the_program_needs_can_be_imported() -> None:
    code, said = probe("import")

    assert (code, said["reason"]) == (0, None)
    versions = {item["distribution"]: item["version"] for item in said["data"]["items"]}
    assert versions["websocket-client"]


def test_a_namesake_of_websocket_client_is_found_out(tmp_path: Path) -> None:
    """The module imports well, and has nothing of what is needed."""
    (tmp_path / "websocket.py").write_text("print('hello')\n", encoding="utf-8")

    code, said = probe("import", path=tmp_path)

    item = next(item for item in said["data"]["items"] if item["name"] == "websocket")
    assert code == 1
    assert "WebSocketApp" in item["error"]
    assert str(tmp_path) in item["error"]


def test_settings_that_load_say_where_the_data_is() -> None:
    code, said = probe("settings", "--mode", "demo")

    assert code == 0
    assert said["data"]["data_dir"].endswith("demo")


def test_settings_are_read_from_the_files_that_are_named(tmp_path: Path) -> None:
    """What the running supervisor was started with, and not what lies in the project."""
    config = tmp_path / "other.json"
    config.write_text(json.dumps({"scheduler": {"max_concurent_tasks": 3}}), encoding="utf-8")

    code, said = probe("settings", f"--global-config={config}")
    shipped, _ = probe("settings")

    assert (code, shipped) == (1, 0)
    assert "other.json" in said["reason"]
    assert "did you mean 'max_concurrent_tasks'?" in said["reason"]


def asked_for(folder: Path, *, alive: bool, **files: str) -> list[str]:
    """Return the options with which the settings are asked for."""
    program = make_program(
        folder,
        "import json, sys\n"
        "data = {'options': sys.argv[3:]}\n"
        "print(json.dumps({'subject': sys.argv[1], 'available': True, 'ok': True, 'data': data}))",
    )
    status = msgspec.convert(
        {"pid": 1, "pid_started_s": 1.0, "boottime_s": 1.0, "mode": "live", "settings": files,
         "root": str(program.root), "interpreter": program.interpreter},
        Supervisor,
    )  # fmt: skip
    found: list[str] = Questions(folder, status, None, alive).settings(10.0).data["options"]
    return found


def test_a_running_supervisors_files_are_asked_about(tmp_path: Path) -> None:
    found = asked_for(tmp_path, alive=True, global_config="/x/g.json", strategy_config="/x/s.json")

    assert found == ["--global-config=/x/g.json", "--strategy-config=/x/s.json"]


def test_files_of_a_supervisor_that_has_ended_are_asked_about_while_they_are_there(
    tmp_path: Path,
) -> None:
    there = tmp_path / "g.json"
    there.touch()

    found = asked_for(tmp_path, alive=False, global_config=str(there), strategy_config="/x/s.json")

    assert found == [f"--global-config={there}"]


def test_what_the_program_leaves_out_of_a_signing_library_is_not_imported_here_either() -> None:
    """It is a third of the time that all imports take."""
    script = (
        "import sys; from POLYMARKET_MAKER.probe.imports import probe_import; "
        "found = probe_import(None); print(found.ok, 'py_ecc' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["True", "False"]


def test_a_ledger_tells_counts_and_ids_and_no_body(tmp_path: Path) -> None:
    identity = Identity("demo", "http://127.0.0.1:1", 137, "0xfunder")
    with Ledger.open(tmp_path / "ledger.db", identity) as ledger:
        ledger.account_read(1795187463.0, boot_s=77.0)

    code, said = probe("ledger", "--data-dir", str(tmp_path))

    assert code == 0
    assert said["data"]["open_orders"] == {}
    assert said["data"]["account_read_at"] == 1795187463.0
    assert said["data"]["account_read_boot_s"] == 77.0
    assert "body" not in json.dumps(said)


def test_what_is_no_ledger_is_not_well(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database, but long enough to be one" * 40)

    code, said = probe("ledger", "--data-dir", str(tmp_path))

    assert code == 1
    assert "no ledger" in said["reason"]


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    code, said = probe("ledger", "--data-dir", str(tmp_path))

    assert (code, said["available"]) == (3, False)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_subject_is_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "POLYMARKET_MAKER.probe", "weather"],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2


def test_the_environment_of_a_question_holds_no_secret() -> None:
    given = {
        "PATH": "/bin",
        "POLY_KEY": "0xsecret",
        "PK": "0xsecret",
        "POLY_API_SECRET": "secret",
        "HTTPS_PROXY": "http://user:secret@proxy",
        "POLY_DATA_DIR": "data",
    }

    kept = clean_environment(given)

    assert kept == {"PATH": "/bin", "POLY_DATA_DIR": "data", "POLY_ENV_FILE": os.devnull}


def make_program(folder: Path, text: str) -> Program:
    package = folder / "POLYMARKET_MAKER"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "probe.py").write_text(text, encoding="utf-8")
    return Program(sys.executable, folder, "here")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nonsense", "No module named 'nonsense'"),
        ("print('hello')", "ended with 0"),
        ("print('[]')", "ended with 0"),
        ("import os; os.abort()", "ended with -6"),
    ],
)
def test_a_program_that_cannot_answer_is_not_learnt(tmp_path: Path, text: str, reason: str) -> None:
    program = make_program(tmp_path, text)

    with pytest.raises(NotLearnt, match=reason):
        ask(program, Ask("import"), deadline_s=10.0)


def test_a_program_that_does_not_answer_in_time_is_ended(tmp_path: Path) -> None:
    program = make_program(tmp_path, "import time; time.sleep(3600)")

    with pytest.raises(NotLearnt) as caught:
        ask(program, Ask("import"), deadline_s=0.5)

    assert caught.value.timed_out


def test_an_interpreter_that_is_gone_is_not_learnt(tmp_path: Path) -> None:
    program = Program(str(tmp_path / "python"), tmp_path, "supervisor")

    with pytest.raises(NotLearnt, match="cannot be run"):
        ask(program, Ask("import"), deadline_s=5.0)


def test_only_the_account_is_asked_with_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reaches the program is told by the program itself."""
    program = make_program(
        tmp_path,
        "import json, os, sys\n"
        "data = {'names': sorted(os.environ)}\n"
        "print(json.dumps({'subject': sys.argv[1], 'available': True, 'ok': True, 'data': data}))",
    )
    for name in ("POLY_KEY", "POLY_API_SECRET", "PK"):
        monkeypatch.setenv(name, "not a real one")
    status = msgspec.convert(
        {"pid": 1, "pid_started_s": 1.0, "boottime_s": 1.0, "mode": "live",
         "root": str(program.root), "interpreter": program.interpreter},
        Supervisor,
    )  # fmt: skip
    questions = Questions(tmp_path, status, None)

    plain = set(questions.settings(10.0).data["names"])
    trusted = set(questions.account(10.0).data["names"])

    assert plain & {"POLY_KEY", "POLY_API_SECRET", "PK"} == set()
    assert {"POLY_KEY", "POLY_API_SECRET", "PK"} <= trusted


@pytest.mark.timeout(120)
def test_a_probe_ends_with_the_one_who_asked_even_if_that_was_killed() -> None:
    """SIGKILL leaves nobody time to end it."""
    parent = (
        "import subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'POLYMARKET_MAKER.probe', 'frame', '--token', '1']\n"
        "kid = subprocess.Popen([*command, '--seconds', '600'], start_new_session=True)\n"
        "print(kid.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    asking = subprocess.Popen(
        [sys.executable, "-c", parent],
        cwd=ROOT,
        env={**os.environ, "POLY_WS_URL": "ws://127.0.0.1:1/ws/market"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with asking:
        assert asking.stdout is not None
        probe = psutil.Process(int(asking.stdout.readline()))
        eventually(lambda: probe.num_threads() > 1, within_s=60, what="a probe that waits")
        asking.kill()

    eventually(lambda: not is_running(probe), within_s=60, what="no probe")


def is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
