"""What users, scripts and other programs rely on, held in one place."""

from __future__ import annotations

import inspect
import io
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

import polyshared
from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.core.entry import EntryMaker
from POLYMARKET_MAKER.core.model import Level, Quote, TokenHealth
from POLYMARKET_MAKER.errors import ChildExit, SupervisorExit
from polyshared import SnapshotWriter
from tests.support.program import ROOT, run_program
from tests.support.trading import T0

TOKEN = "7132107" * 11
QUOTE = Quote(
    TOKEN,
    Decimal("0.49"),
    None,
    (Level(Decimal("0.49"), Decimal(120)),),
    (),
    Decimal("0.50"),
    Decimal("0.01"),
    None,
    T0,
    0,
    "book",
)


def test_the_snapshot_library_exports_what_other_programs_import() -> None:
    promised = {
        *("write_atomic", "SnapshotWriter", "SnapshotReader", "Snapshot", "Entry", "Cursor"),
        *("SnapshotError", "SnapshotMissing", "SnapshotCorrupt", "SnapshotStale"),
        *("SnapshotTooNew", "WriterBusy", "WriterFenced"),
    }
    assert promised <= set(polyshared.__all__)


def test_the_cache_file_has_the_paths_of_the_checklist_and_fits_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "ws_cache.json"
    with SnapshotWriter(path, version="1") as writer:
        writer.put_text(TOKEN, *EntryMaker().to_entry(QUOTE, TokenHealth.LIVE, 0))
        writer.set_feed({"state": "open", "connections": []})
        writer.flush()
        found = json.loads(path.read_bytes())

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["updated_at"])
    assert {"schema", "written_at", "epoch", "flush_seq", "writer", "feed"} <= found.keys()
    assert {"pid", "host", "started_at", "version"} <= found["writer"].keys()
    entry = found["tokens"][TOKEN]
    assert {
        *("price", "best_bid", "best_ask", "bid_size", "ask_size", "last_trade_price"),
        *("tick_size", "ts", "updated_at", "bids", "asks", "seq", "event_type", "health", "conn"),
    } <= entry.keys()
    assert entry["best_ask"] is None, "a missing side is null, never 0"
    schema = json.loads((ROOT / "docs" / "ws_cache.schema.json").read_bytes())
    jsonschema.validate(found, schema)


def test_exit_codes_do_not_move() -> None:
    assert {code.name: code.value for code in SupervisorExit} == {
        "DONE": 0,
        "FAULT": 1,
        "USAGE": 2,
        "CANNOT_START": 3,
        "SETTINGS": 4,
        "ORDERS_OPEN": 5,
        "INTERRUPTED": 130,
    }
    assert {code.name: code.value for code in ChildExit} == {
        "DONE": 0,
        "SETTINGS": 2,
        "REFUSED": 4,
        "ORDERS_OPEN": 5,
        "MARKET_CLOSED": 10,
        "TEMPORARY": 75,
    }


def test_a_log_line_is_stamp_level_tag_and_pairs() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    try:
        log.info("[PX]", token=TOKEN, bid=Decimal("0.490"), last=None, reason="two words")
    finally:
        log.configure()

    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    pairs = r"token=7132…2107 bid=0\.49 last=- reason=two_words"
    assert re.fullmatch(rf"{stamp} INFO    \[PX\] {pairs}\n", stream.getvalue())


def test_the_reports_hand_test_imports_the_watcher_from_any_directory(tmp_path: Path) -> None:
    """With nothing but the POLYMARKET_MAKER folder on the path, as the report says."""
    program = (
        "import sys, inspect; sys.path.insert(0, sys.argv[1]);"
        "from Volatility_arbitrage_main_ws import WSAggregatorClient, ws_watch_by_ids;"
        "print(list(inspect.signature(ws_watch_by_ids).parameters));"
        "print(all(hasattr(WSAggregatorClient, name) for name in"
        " 'start stop subscribe unsubscribe is_connected get_stats'.split()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(ROOT / "POLYMARKET_MAKER")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    names, has_all = done.stdout.splitlines()
    promised = {"asset_ids", "label", "on_event", "on_state", "verbose", "stop_event"}
    assert promised <= set(json.loads(names.replace("'", '"')))
    assert has_all == "True"


def test_write_atomic_keeps_its_signature() -> None:
    parameters = inspect.signature(polyshared.write_atomic).parameters

    assert list(parameters) == ["path", "data", "durable"]
    assert parameters["durable"].default is False


def test_the_old_options_are_still_there() -> None:
    told = run_program("poly_maker_autorun.py", "--help").out

    for option in (
        *("--global-config", "--strategy-config", "--run-config-template", "--no-repl"),
        *("--command", "--demo", "--paper", "--live", "--tokens", "--seconds", "--no-shared-ws"),
        *("--record", "--replay", "--show-config", "--pnl", "--cancel-open", "--clock-scale"),
        *("--flatten", "--token", "--yes", "--csv"),
    ):
        assert option in told


def test_doctors_json_keeps_its_shape(tmp_path: Path) -> None:
    ended = run_program("-m", "polyshared", "doctor", "--json", "--data-dir", str(tmp_path))
    found = json.loads(ended.out)

    assert {
        *("schema", "tool", "version", "generated_at", "healthy", "exit_code", "summary"),
        *("root_cause", "checks"),
    } <= found.keys()
    assert found["summary"].keys() == {"ok", "warn", "fail", "skip"}
    for check in found["checks"]:
        assert {
            *("id", "group", "status", "title", "detail", "evidence", "fix", "blocked_by"),
            "duration_ms",
        } <= check.keys()


@pytest.mark.parametrize("name", ["data", "logs"])
def test_run_time_folders_are_in_the_repository_and_empty(name: str) -> None:
    listed = subprocess.run(
        ["git", "ls-files", name],  # noqa: S607 - whichever git is there
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this copy is not a git checkout")

    assert listed.stdout.split() == [f"{name}/.gitignore"]
