"""What the writer writes is what docs/ws_cache.schema.json says, and little else is."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from polyshared import SnapshotWriter
from polyshared._schema import find_deviation, json_schema
from tests.polyshared.kit import QUOTE, ROOT, TOKEN

FILE = ROOT / "docs/ws_cache.schema.json"
SCHEMA = json.loads(FILE.read_text(encoding="utf-8"))
# Without type hints of its own.
VALIDATOR = importlib.import_module("jsonschema").Draft202012Validator(SCHEMA)
CONNECTION = {"id": 0, "state": "open", "opened_at": 1.5, "last_frame_at": None, "connects": 1}
FEED = {"state": "open", "wanted": 1, "confirmed": 1, "connections": [CONNECTION]}
FULL = QUOTE | {
    "bid_size": 120.0,
    "ask_size": None,
    "last_trade_price": None,
    "tick_size": 0.01,
    "ts": 1795187463.2,
    "event_type": "price_change",
}


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    with SnapshotWriter(tmp_path / "ws_cache.json", version="1.0.0") as writer:
        writer.put(TOKEN, FULL)
        writer.set_feed(FEED)
        writer.flush()
    raw: dict[str, Any] = json.loads(writer.path.read_bytes())
    return raw


def is_valid(document: dict[str, Any]) -> bool:
    """Ask both: the schema in docs and the types that ``polyshared validate`` uses."""
    verdict = bool(VALIDATOR.is_valid(document))
    assert (find_deviation(json.dumps(document).encode()) is None) is verdict
    return verdict


def test_the_schema_in_docs_is_the_one_that_validate_uses() -> None:
    VALIDATOR.check_schema(SCHEMA)

    assert FILE.read_text(encoding="utf-8") == json_schema()


def test_what_is_written_is_valid(document: dict[str, Any]) -> None:
    assert list(VALIDATOR.iter_errors(document)) == []
    assert is_valid(document)


def test_every_field_that_is_written_is_described(document: dict[str, Any]) -> None:
    defs = SCHEMA["$defs"]

    assert set(document) == set(defs["SchemaDocument"]["properties"])
    assert set(document["tokens"][TOKEN]) == set(defs["SchemaEntry"]["properties"])


def test_an_empty_snapshot_is_valid(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "ws_cache.json") as writer:
        writer.flush()

    assert is_valid(json.loads(writer.path.read_bytes()))


@pytest.mark.parametrize(
    "change",
    [
        {"best_bid": 0},  # a missing side is null, never 0
        {"best_bid": 1.0},
        {"best_ask": "0.51"},
        {"bids": [[0.49, 1.0]] * 6},
        {"bids": [[0.49]]},
        {"health": "stale"},  # that is the reader's own verdict
        {"seq": "1"},
        {"seq": -1},
    ],
)
def test_a_wrong_entry_is_invalid(document: dict[str, Any], change: dict[str, Any]) -> None:
    document["tokens"][TOKEN] |= change

    assert not is_valid(document)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"epoch": "1"},
        {"updated_at": "yesterday"},
        {"tokens": []},
        {"feed": {"state": "up"}},
        {"feed": {"connections": [{"state": "open"}]}},
    ],
)
def test_a_wrong_header_is_invalid(document: dict[str, Any], change: dict[str, Any]) -> None:
    assert not is_valid(document | change)


def test_unknown_keys_are_valid(document: dict[str, Any]) -> None:
    document["tokens"][TOKEN]["new"] = 1

    assert is_valid(document | {"new": 1})
