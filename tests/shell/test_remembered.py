"""What outlives the supervisor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from POLYMARKET_MAKER.errors import CannotStart
from POLYMARKET_MAKER.remembered import EXITS_KEPT, ExitRecord, Remembered, with_exit

NOW = 1_795_187_463.0


def remembered(folder: Path) -> Remembered:
    return Remembered(
        handled_path=folder / "handled_topics.json", exits_path=folder / "exit_tokens.json"
    )


def ended(token_id: str, reason: str = "ROTATED", *, refillable: bool = True) -> ExitRecord:
    return ExitRecord(token_id, NOW, reason, refillable, {"has_position": False})


def test_nothing_is_remembered_before_anything_happened(tmp_path: Path) -> None:
    memory = remembered(tmp_path)

    assert (memory.handled, memory.exits, memory.finished) == (frozenset(), (), {})
    assert list(tmp_path.iterdir()) == []


def test_started_tokens_and_ends_survive_a_restart(tmp_path: Path) -> None:
    first = remembered(tmp_path)
    first.note_started("71", NOW)
    first.note_started("72", NOW)
    first.forget_started("71", NOW)
    first.note_exit(ended("72", "MARKET_CLOSED", refillable=False))

    second = remembered(tmp_path)

    assert second.handled == {"72"}
    assert second.exits == first.exits
    assert second.finished == {"72": "MARKET_CLOSED"}


def test_the_last_word_on_a_token_counts(tmp_path: Path) -> None:
    memory = remembered(tmp_path)
    memory.note_exit(ended("71", "USER_STOPPED", refillable=False))
    memory.note_exit(ended("71"))

    assert memory.finished == {}


def test_the_files_have_the_keys_of_old(tmp_path: Path) -> None:
    memory = remembered(tmp_path)
    memory.note_started("71", NOW)
    memory.note_exit(ended("71"))

    assert json.loads((tmp_path / "handled_topics.json").read_text()) == {
        "updated_at": "2026-11-20T15:11:03Z",
        "total": 1,
        "topics": ["71"],
    }
    assert json.loads((tmp_path / "exit_tokens.json").read_text()) == [
        {
            "timestamp": "2026-11-20T15:11:03Z",
            "exit_ts": NOW,
            "token_id": "71",
            "exit_reason": "ROTATED",
            "exit_data": {"has_position": False},
            "refillable": True,
        }
    ]


def test_files_of_the_older_program_are_read(tmp_path: Path) -> None:
    (tmp_path / "handled_topics.json").write_text('{"handled_topics": ["71"]}')
    (tmp_path / "exit_tokens.json").write_text(
        '[{"timestamp": "2026-02-02T10:00:00Z", "token_id": "71", '
        '"exit_reason": "SIGNAL_TIMEOUT", "exit_data": null, "refillable": true}]'
    )

    memory = remembered(tmp_path)

    assert memory.handled == {"71"}
    assert memory.exits[0].reason == "SIGNAL_TIMEOUT"


@pytest.mark.parametrize("name", ["handled_topics.json", "exit_tokens.json"])
@pytest.mark.parametrize("text", ["", "{}", "[7]", "nonsense", '{"topics": [7]}'])
def test_a_damaged_memory_stops_the_start_with_a_sentence(
    tmp_path: Path, name: str, text: str
) -> None:
    """To go on as if nothing were remembered would trade what somebody stopped."""
    (tmp_path / name).write_text(text)

    with pytest.raises(CannotStart, match=f"{name}: .*; repair the file or remove it"):
        remembered(tmp_path)


def test_what_could_not_be_written_is_written_with_the_next_note(tmp_path: Path) -> None:
    home = tmp_path / "data"
    home.mkdir()
    memory = remembered(home)
    home.rename(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="data"):
        memory.note_started("71", NOW)

    home.mkdir()
    memory.note_started("72", NOW)

    assert remembered(home).handled == {"71", "72"}


def test_the_list_of_ends_is_bounded_but_no_final_word_is_forgotten() -> None:
    records: tuple[ExitRecord, ...] = (ended("1", "MARKET_CLOSED", refillable=False),)
    for number in range(2, EXITS_KEPT + 50):
        records = with_exit(records, ended(str(number)))

    assert len(records) == EXITS_KEPT
    assert records[0].reason == "MARKET_CLOSED"
    assert records[1].token_id == "51"
