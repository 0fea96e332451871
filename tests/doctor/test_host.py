"""The machine under the data directory, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from polyshared import _clock
from polyshared.doctor import checks_env, host
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Known, NotApplicable, Status
from polyshared.doctor.locate import Located


def test_a_directory_that_is_not_there_is_judged_by_its_parent(tmp_path: Path) -> None:
    found = host.look(tmp_path / "none" / "at" / "all")

    assert not found.exists
    assert found.total_bytes == host.look(tmp_path).total_bytes
    assert found.file_system


def facts(found: host.Host) -> Facts:
    return Facts(Located(found.data_dir, "option"), None, _clock.now(), host=Known(found))


@pytest.fixture
def here(tmp_path: Path) -> host.Host:
    return replace(host.look(tmp_path), free_bytes=10**12, free_inodes=10**6)


@pytest.mark.parametrize(
    ("change", "judge", "status"),
    [
        ({}, checks_env.disk, Status.OK),
        ({"free_bytes": 400_000_000}, checks_env.disk, Status.WARN),
        ({"free_bytes": 40_000_000}, checks_env.disk, Status.FAIL),
        ({}, checks_env.inodes, Status.OK),
        ({"free_inodes": 4_000}, checks_env.inodes, Status.WARN),
        ({"free_inodes": 40}, checks_env.inodes, Status.FAIL),
        ({"writable": False}, checks_env.datadir, Status.FAIL),
        ({"file_system": "nfs4"}, checks_env.file_system, Status.FAIL),
        ({"file_system": "ext4"}, checks_env.file_system, Status.OK),
        ({"available_memory": 50_000_000}, checks_env.memory, Status.WARN),
        ({"descriptors": 64}, checks_env.descriptors, Status.WARN),
        ({"descriptors": -1}, checks_env.descriptors, Status.OK),
        ({"temporaries": 21}, checks_env.temporaries, Status.WARN),
    ],
)
def test_each_number_has_its_limits(
    here: host.Host, change: dict[str, Any], judge: Any, status: Status
) -> None:
    assert judge(facts(replace(here, **change))).status is status


def test_a_file_system_without_a_number_of_files_is_not_judged_by_it(here: host.Host) -> None:
    with pytest.raises(NotApplicable):
        checks_env.inodes(facts(replace(here, free_inodes=None, total_inodes=None)))
