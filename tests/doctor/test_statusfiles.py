"""Status files: unknown keys are a newer version's, wrong types are named."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from polyshared.doctor.statusfiles import (
    Absent,
    ChildStatus,
    Supervisor,
    Unreadable,
    read_children,
    read_supervisor,
)

MUST = {"pid": 7, "pid_started_s": 1.5, "boottime_s": 2.5}


def write(folder: Path, said: object) -> Path:
    path = folder / "autorun_status.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    return folder


def test_a_newer_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    task = {"status": "running", "pid": 8, "mood": "good"}

    found = read_supervisor(write(tmp_path, {**MUST, "colour": "red", "tasks": {"71": task}}))

    assert isinstance(found, Supervisor)
    assert found.tasks["71"].pid == 8
    assert found.aggregator.state == "off"


def test_a_key_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    found = read_supervisor(write(tmp_path, {**MUST, "tasks": {"71": {"status": 1}}}))

    assert isinstance(found, Unreadable)
    assert "tasks" in found.reason


def test_an_absent_file_is_told_from_an_unreadable_one(tmp_path: Path) -> None:
    assert isinstance(read_supervisor(tmp_path), Absent)
    (tmp_path / "autorun_status.json").mkdir()
    assert isinstance(read_supervisor(tmp_path), Unreadable)


@given(raw=st.binary(max_size=100))
def test_no_content_is_too_broken_to_be_told(tmp_path_factory: object, raw: bytes) -> None:
    folder = tmp_path_factory.mktemp("s")  # type: ignore[attr-defined]
    (folder / "autorun_status.json").write_bytes(raw)

    assert isinstance(read_supervisor(folder), Unreadable)


def test_children_are_found_by_their_files_and_one_broken_hides_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "children"
    folder.mkdir()
    (folder / "71.json").write_text(json.dumps({**MUST, "token_id": "71"}), encoding="utf-8")
    (folder / "72.json").write_text("{", encoding="utf-8")
    (folder / "71.lock").touch()

    found = read_children(tmp_path)

    assert isinstance(found["71"], ChildStatus)
    assert isinstance(found["72"], Unreadable)
    assert set(found) == {"71", "72"}


def test_no_folder_is_no_child(tmp_path: Path) -> None:
    assert read_children(tmp_path) == {}
