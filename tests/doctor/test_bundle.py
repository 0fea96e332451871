"""One archive: what helps is in it, what must stay is not."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest

from polyshared.doctor.bundle import Part, write
from polyshared.doctor.redact import Redactor
from tests.doctor.house import TOKENS, House, polyshared

SECRET = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        return {
            member.name: file.read().decode()
            for member in tar
            if (file := tar.extractfile(member)) is not None
        }


def test_the_archive_holds_what_the_report_asks_for_and_no_secret(tmp_path: Path) -> None:
    out = tmp_path / "bundle.tar.gz"
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "autorun_main_20261120.log").write_text(f"POLY_KEY=0x{SECRET}\n聚合订阅启动\n")
    (logs / f"autorun_{TOKENS[0]}.log").write_text("[PX] bid=0.49\n")
    with House(tmp_path) as house:
        (house.data_dir / "ledger.db").write_text("never packed")
        done = polyshared(
            "bundle",
            "--out",
            str(out),
            "--data-dir",
            str(house.data_dir),
            env={"POLY_API_PASSPHRASE": "hunter2-of-mine"},
        )

    assert done.returncode == 0, done.stderr
    found = contents(out)
    assert json.loads(found["doctor.json"])["tool"] == "polyshared"
    assert json.loads(found["imports.json"])["ok"] is True
    assert {
        "environment_names.txt", "settings.json", "ledger.json", "data/autorun_status.json",
        "data/ws_cache.json", f"data/children/{TOKENS[0]}.json", f"logs/autorun_{TOKENS[0]}.log",
        "logs/autorun_main_20261120.log",
    } <= found.keys()  # fmt: skip
    assert "did not answer" in json.loads(found["frames.jsonl"])["reason"]
    assert "POLY_API_PASSPHRASE" in found["environment_names.txt"]
    everything = "\n".join(found.values())
    assert SECRET not in everything
    assert "hunter2-of-mine" not in everything
    assert "never packed" not in everything
    assert "聚合订阅启动" in everything


def test_the_archive_is_for_its_owner_alone_and_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    write(path, [Part("a.txt", "x")], Redactor(salt=b"s"))

    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write(path, [Part("a.txt", "y")], Redactor(salt=b"s"))
    assert contents(path) == {"a.txt": "x"}


def test_a_failure_leaves_no_half_archive(tmp_path: Path) -> None:
    def parts() -> object:
        yield Part("a.txt", "x")
        raise OSError(5, "Input/output error")

    path = tmp_path / "b.tar.gz"
    with pytest.raises(OSError, match="Input/output"):
        write(path, parts(), Redactor(salt=b"s"))  # type: ignore[arg-type]

    assert not path.exists()


def test_where_nothing_runs_there_is_still_a_bundle(tmp_path: Path) -> None:
    out = tmp_path / "b.tar.gz"

    done = polyshared("bundle", "--out", str(out), "--data-dir", str(tmp_path / "none"))

    assert done.returncode == 0, done.stderr
    assert "doctor.json" in contents(out)
    assert "nothing runs" in json.loads(contents(out)["frames.jsonl"])["reason"]
    assert os.environ.keys() <= set(contents(out)["environment_names.txt"].split())
