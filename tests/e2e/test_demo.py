"""The demo: real sockets, real signatures, real processes, real files."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.program import Supervised, eventually, run_program, supervised

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def summary_of(text: str) -> dict[str, str]:
    """Read the table that a demo prints at its end."""
    rows = re.findall(r"│ ([a-z ]+?) +│ (.*?) *│", text)
    return dict(rows)


def first_number(text: str) -> int:
    match = re.match(r"\d+", text)
    assert match is not None, text
    return int(match[0])


def is_trading(run: Supervised) -> bool:
    """Whether every child has a quote that it may trade on."""
    tasks, children = run.status()["tasks"], run.children()
    return len(children) == len(tasks) == 4 and all(
        child["stages"]["quote"]["state"] == "ok" for child in children.values()
    )


def jq_reads(cache: Path) -> None:
    """Hold that jq, where it is installed, reads what the report's checklist asks for."""
    jq = shutil.which("jq")
    if jq is None:
        return
    for expression in (
        ".updated_at",
        ".tokens | keys",
        ".tokens[] | {price,best_bid,best_ask,ts,seq}",
    ):
        done = subprocess.run([jq, "-e", expression, str(cache)], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_demo_trades_round_trips_and_leaves_nothing_open(tmp_path: Path) -> None:
    with supervised("--demo", "--seconds", "30", directory=tmp_path) as run:
        eventually(lambda: is_trading(run), within_s=60, what="four children with quotes")
        for _ in range(200):  # the file is whole and valid at every moment
            cache = json.loads((run.data / "ws_cache.json").read_bytes())
            entries = [
                {name: entry[name] for name in ("price", "best_bid", "best_ask", "ts", "seq")}
                for entry in cache["tokens"].values()
            ]
            assert len(entries) == 4
        jq_reads(run.data / "ws_cache.json")
        code = run.process.wait(60)

    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    summary = summary_of(text)
    assert code == 0, text
    assert first_number(summary["partial fills"]) >= 1, text
    assert first_number(summary["cancels"]) >= 1, text
    assert first_number(summary["round trips"]) >= 1, text
    assert len(summary["child pids"].split()) >= 2, text
    assert summary["open orders"] == "0", text
    verified, _, posted, _ = summary["signatures verified"].split()
    assert verified == posted != "0", text


def ends_with_proof_and_without_orphans(
    run: Supervised, directory: Path, number: signal.Signals
) -> None:
    pids = run.pids()
    code = run.stop(number)
    text = (directory / "out.txt").read_text(encoding="utf-8")
    assert code == 0, text
    assert summary_of(text)["open orders"] == "0"
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_a_second_supervisor_is_refused_and_ctrl_c_ends_the_first(tmp_path: Path) -> None:
    with supervised("--demo", directory=tmp_path) as run:
        eventually(lambda: is_trading(run), within_s=60, what="four children with quotes")
        before = run.status()["pid"]
        second = run_program(
            "poly_maker_autorun.py",
            "--demo",
            env={"POLY_DATA_DIR": str(run.data), "POLY_LOG_DIR": str(run.logs)},
        )

        assert second.code == 3
        (sentence,) = second.err.strip().splitlines()
        assert "another supervisor runs here" in sentence
        assert "Traceback" not in second.out
        assert run.status()["pid"] == before
        assert run.process.poll() is None
        ends_with_proof_and_without_orphans(run, tmp_path, signal.SIGINT)


def test_a_killed_child_is_started_again_and_sigterm_ends_them_all(tmp_path: Path) -> None:
    with supervised("--demo", directory=tmp_path) as run:
        eventually(lambda: is_trading(run), within_s=60, what="four children with quotes")
        token_id, task = next(iter(run.status()["tasks"].items()))
        os.kill(task["pid"], signal.SIGKILL)

        def is_back() -> bool:
            now = run.status()["tasks"][token_id]
            return now["status"] == "running" and now["pid"] not in (None, task["pid"])

        eventually(is_back, within_s=60, what="a new child for the killed one")
        ends_with_proof_and_without_orphans(run, tmp_path, signal.SIGTERM)
