"""A disk that is full, a reader that meets the writer: what children see of it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from polyshared import SnapshotReader, SnapshotWriter
from tests.support.failover import is_quoting, starting_together
from tests.support.program import Supervised, eventually, supervised
from tests.support.simulator import Simulator, addresses, running_simulator
from tests.torture.stage import small_disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@contextmanager
def house_on_a_small_disk(
    tmp_path: Path, *, with_status: bool
) -> Iterator[tuple[Simulator, Supervised, Path]]:
    """Run two children whose data, with their status files or without, is on a disk of its own."""
    with small_disk("6m") as disk, running_simulator(tokens=2, tempers="steady") as sim:
        if disk is None:
            pytest.skip("mounting a small tmpfs needs root")
        data = disk / "data"
        data.mkdir()
        if not with_status:
            (tmp_path / "children").mkdir()
            (data / "children").symlink_to(tmp_path / "children")
        with supervised(
            *("--paper", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(tmp_path, fallback_return_after_s=5),
            directory=tmp_path,
            env={**addresses(sim), "POLY_DATA_DIR": str(data)},
        ) as run:
            run.data = data
            eventually(lambda: quoting(run, "shared"), within_s=40, what="both on the file")
            run.shown_pids(2)
            yield sim, run, disk / "filler"


def quoting(run: Supervised, source: str) -> bool:
    children = run.children().values()
    return len(children) == 2 and all(is_quoting(each, source) for each in children)


def fill(filler: Path) -> None:
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 14))


def switches(run: Supervised) -> set[int]:
    return {each["switches"] for each in run.children().values()}


def file_age_s(run: Supervised) -> float:
    with SnapshotReader(run.data / "ws_cache.json", max_age_s=1e9, lane=False) as reader:
        return reader.read().age_s


def cache_lines(tmp_path: Path) -> list[str]:
    text = (tmp_path / "out.txt").read_text("utf-8")
    return [line for line in text.splitlines() if "[CACHE]" in line]


def test_on_a_full_disk_children_stay_on_the_lane_and_the_supervisor_says_why_once(
    tmp_path: Path,
) -> None:
    with house_on_a_small_disk(tmp_path, with_status=True) as (_, run, filler):
        pids = run.pids()
        fill(filler)
        full = time.monotonic()
        eventually(lambda: file_age_s(run) > 20, within_s=40, what="a file that is old")

        assert time.monotonic() - full < 40
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        (line,) = cache_lines(tmp_path)
        assert " ERROR " in line
        assert "No_space_left_on_device" in line

        filler.unlink()
        eventually(lambda: file_age_s(run) < 3, within_s=10, what="the file is written again")
        eventually(lambda: len(cache_lines(tmp_path)) == 2, within_s=20, what="and it is said")
        assert "event=written_again" in cache_lines(tmp_path)[1]
        eventually(lambda: quoting(run, "shared"), within_s=20, what="both still on the file")
        assert switches(run) == {0}
        assert {each["pid"] for each in run.children().values()} == set(pids)
        assert run.stop() == 0


def test_without_lane_and_file_children_trade_on_their_own_lines_until_space_returns(
    tmp_path: Path,
) -> None:
    with house_on_a_small_disk(tmp_path, with_status=False) as (_, run, filler):
        pids = run.pids()
        fill(filler)
        # Under another name it keeps its room: the writer has none to make a new one.
        (run.data / "ws_cache.board").rename(filler.with_name("kept"))

        eventually(lambda: quoting(run, "direct"), within_s=25, what="both on their own lines")
        filler.unlink()
        eventually(lambda: quoting(run, "shared"), within_s=60, what="both back on the file")
        assert switches(run) == {2}
        assert run.pids() == pids
        assert run.stop() == 0


RACER = Path(__file__).resolve().parents[1] / "support" / "racing_reader.py"
RACE_S, RACE_S_IN_FULL = 8.0, 60.0


def test_a_reader_that_races_the_writer_never_reads_a_mixture(
    tmp_path: Path, *, is_full: bool
) -> None:
    """An entry begins and ends with the same number, and most of it lies between."""
    race_s = RACE_S_IN_FULL if is_full else RACE_S
    cache = tmp_path / "ws_cache.json"
    command = [sys.executable, str(RACER), str(cache), str(race_s)]
    done = threading.Event()
    with SnapshotWriter(cache, min_interval_s=0.0) as writer:
        writer.put("1", {"a": 0, "filler": "x" * 2000, "b": 0})
        writer.flush()
        readers = [
            subprocess.Popen([*command, kind], stdout=subprocess.PIPE, text=True)
            for kind in ("lane", "file")
        ]
        number = 0
        while any(each.poll() is None for each in readers):
            number += 1
            length = 2000 + number % 7 * 1000
            writer.put("1", {"a": number, "filler": "x" * length, "b": number})
            writer.flush()
            done.wait(0.0005)
    outputs = [each.communicate()[0].split() for each in readers]

    for reads, versions, torn in outputs:
        assert int(reads) > 2_000
        assert int(versions) > 300
        assert int(torn) == 0
