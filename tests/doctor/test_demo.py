"""Doctor looks at the real program: the demo, well and with a fault."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doctor.house import ROOT, Done, doctor, freeze, polyshared

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
START_S = 60.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run a demo and give its data directory once every child has a quote."""
    base = tmp_path_factory.mktemp("demo")
    data_dir = base / "data"
    place = {"POLY_DATA_DIR": str(data_dir), "POLY_LOG_DIR": str(base / "logs")}
    with (base / "out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "poly_maker_autorun.py", "--demo", "--seconds", "600"],
            cwd=ROOT,
            env={**os.environ, **place},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        wait_until_well(data_dir)
        yield data_dir
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(60)


def wait_until_well(data_dir: Path) -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        children = list((data_dir / "children").glob("*.json"))
        said = [json.loads(path.read_text(encoding="utf-8")) for path in children]
        if len(said) == 4 and all(each.get("quote") for each in said):
            return
        time.sleep(0.1)
    pytest.fail("the demo did not start")


def examine(data_dir: Path, *more: str) -> tuple[Done, dict[str, Any]]:
    done = doctor("--json", *more, "--data-dir", str(data_dir))
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    assert said["exit_code"] == done.returncode
    return done, said


def failures(said: dict[str, Any]) -> list[tuple[str, str]]:
    bad = ("warn", "fail")
    return [(each["id"], each["detail"]) for each in said["checks"] if each["status"] in bad]


def status_of(data_dir: Path) -> dict[str, Any]:
    found = json.loads((data_dir / "autorun_status.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_a_demo_that_runs_well_is_well(demo: Path) -> None:
    done, said = examine(demo, "--live")

    # On a loaded machine a request may have taken too long, and that is logged.
    assert [each for each in failures(said) if each[0] != "logs.errors"] == []
    assert done.returncode == 0
    assert said["root_cause"] is None


def test_a_child_stopped_by_a_signal_is_the_root_cause(demo: Path) -> None:
    pid = next(task["pid"] for task in status_of(demo)["tasks"].values())
    freeze(pid)
    try:
        done, said = examine(demo)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert done.returncode == 1
    assert [name for name, _ in failures(said)] == ["child.responding"]
    assert said["root_cause"] == "child.responding"


def test_why_follows_a_token_to_its_order(demo: Path) -> None:
    token = next(iter(status_of(demo)["tasks"]))

    done = polyshared("why", token, "--json", "--data-dir", str(demo))

    links = {link["name"]: link["state"] for link in json.loads(done.stdout)["links"]}
    assert [links[name] for name in ("supervisor", "line", "writer", "entry", "child")] == [
        "ok"
    ] * 5


def test_a_bundle_holds_the_last_raw_frames_as_they_came(demo: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle.tar.gz"

    done = polyshared("bundle", "--out", str(out), "--data-dir", str(demo))

    assert done.returncode == 0, done.stderr
    with tarfile.open(out) as tar:
        file = tar.extractfile("frames.jsonl")
        assert file is not None
        frames = [json.loads(line) for line in file]
    assert 1 <= len(frames) <= 50
    assert frames == sorted(frames, key=lambda each: each["at"])
    whole = [each["text"] for each in frames if each["length"] <= 2000]  # not cut off
    spoken = json.dumps([json.loads(text) for text in whole if text != "PONG"])
    assert '"asset_id"' in spoken
    assert '"event_type"' in spoken
    assert list((demo / "control").glob("*.json")) == []


def test_kill_is_proven_and_resume_goes_on(demo: Path) -> None:
    killed = polyshared("kill", "--json", "--data-dir", str(demo))
    resumed = polyshared("resume", "--yes", "--data-dir", str(demo))

    assert killed.returncode == 0, killed.stderr
    assert json.loads(killed.stdout)["proven"] is True
    assert resumed.returncode == 0
    assert not (demo / "KILL").exists()
