"""What the supervisor is told to trade."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.tokens import FileState, TokenSource

NOW = 50.0
Write = Callable[..., None]


@pytest.fixture
def source(tmp_path: Path) -> TokenSource:
    return TokenSource(tokens_path=tmp_path / "tokens", signals_path=tmp_path / "signals")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a writer of both files: entries are given as they stand in them."""

    def write(*, tokens: list[Any] | None = None, signals: list[Any] | None = None) -> None:
        if tokens is not None:
            put(tmp_path / "tokens", json.dumps({"updated_at": "x", "tokens": tokens}))
        if signals is not None:
            put(tmp_path / "signals", json.dumps({"updated_at": "x", "sell_tokens": signals}))

    return write


def put(path: Path, text: str) -> None:
    """Replace a file as a writer that is not atomic does, under another name first."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def seen(token_id: str, second: int, **more: object) -> dict[str, object]:
    """Return an entry of the ancestor's shape."""
    stamp = f"2026-11-20T15:11:{second:02}Z"
    return {"token_id": token_id, "source_account": "0xa", "last_seen": stamp, **more}


def test_without_files_there_are_no_tokens_yet(source: TokenSource) -> None:
    found = source.read(NOW)

    assert (found.token_ids, found.signals, found.problems) == ((), (), ())
    assert [each.state for each in found.files] == [FileState.MISSING, FileState.MISSING]


def test_the_oldest_token_of_the_file_is_first(source: TokenSource, write: Write) -> None:
    """The file begins with the newest; who waits longest is started first."""
    write(tokens=[seen("3", 30), seen("2", 20), seen("1", 10)])

    assert source.read(NOW).token_ids == ("1", "2", "3")


def test_the_operators_own_list_comes_before_the_file(tmp_path: Path, write: Write) -> None:
    write(tokens=[seen("2", 20), seen("7", 10)])
    source = TokenSource(plain=["9", "7", "9"], tokens_path=tmp_path / "tokens")

    assert source.read(NOW).token_ids == ("9", "7", "2")


@pytest.mark.parametrize("name", ["token_id", "tokenId"])
@pytest.mark.parametrize("slug", ["market_slug", "slug"])
def test_old_names_of_keys_are_read(
    source: TokenSource, write: Write, name: str, slug: str
) -> None:
    write(tokens=[{name: "71", slug: "will-it", "last_seen": "2026-11-20T15:11:03Z"}])

    (topic,) = source.read(NOW).topics

    assert (topic.token_id, topic.slug, topic.last_seen_at) == ("71", "will-it", 1795187463.0)


@pytest.mark.parametrize("mark", [{"introduced_by_buy": False}, {"active": False}])
def test_a_token_that_was_only_sold_or_let_go_is_not_traded(
    source: TokenSource, write: Write, mark: dict[str, bool]
) -> None:
    write(tokens=[seen("1", 10, **mark), seen("2", 20)])

    found = source.read(NOW)

    assert found.token_ids == ("2",)
    assert found.files[0].left_out == 1
    assert found.problems == ()


def test_a_token_with_a_sell_signal_is_not_followed(source: TokenSource, write: Write) -> None:
    write(tokens=[seen("1", 10), seen("2", 20)], signals=[seen("1", 30, id="first")])

    found = source.read(NOW)

    assert found.token_ids == ("2",)
    assert [(each.token_id, each.signal_id) for each in found.signals] == [("1", "first")]


def test_a_purchase_after_the_signal_clears_it(source: TokenSource, write: Write) -> None:
    """Older programs keep signals for ever, which blocked a token for good."""
    write(tokens=[seen("1", 40)], signals=[seen("1", 30)])

    found = source.read(NOW)

    assert (found.token_ids, found.signals) == (("1",), ())


def test_a_signal_keeps_its_name_from_read_to_read_and_a_new_one_has_another(
    tmp_path: Path, write: Write
) -> None:
    """The ledger remembers by this name that it was acted on, also after a restart."""
    names = []
    for second in (30, 30, 31):
        write(signals=[seen("1", second)])
        source = TokenSource(signals_path=tmp_path / "signals")
        names += [each.signal_id for each in source.read(NOW).signals]

    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize("mark", [{"status": "done"}, {"active": False}])
def test_a_signal_that_an_older_program_closed_is_not_in_force(
    source: TokenSource, write: Write, mark: dict[str, object]
) -> None:
    write(signals=[seen("1", 30, **mark)])

    assert source.read(NOW).signals == ()


def test_signals_come_in_the_order_of_their_time(source: TokenSource, write: Write) -> None:
    write(signals=[seen("1", 30), seen("3", 50), seen("2", 40)])

    assert [each.token_id for each in source.read(NOW).signals] == ["1", "2", "3"]


def test_a_token_of_the_operators_own_list_is_not_sold_by_somebody_elses_sale(
    tmp_path: Path, write: Write
) -> None:
    write(signals=[seen("7", 30)])
    source = TokenSource(plain=["7"], signals_path=tmp_path / "signals")

    found = source.read(NOW)

    assert (found.token_ids, found.signals) == (("7",), ())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"tokens": {}}', "\ufffd\x00", "[" * 100_000, '{"tokens": [}']
)
def test_a_damaged_file_keeps_what_was_known_and_says_since_when(
    source: TokenSource, write: Write, tmp_path: Path, text: str
) -> None:
    write(tokens=[seen("1", 10)])
    source.read(NOW)
    put(tmp_path / "tokens", text)

    found = source.read(NOW + 7)

    assert found.token_ids == ("1",)
    assert found.files[0].state is FileState.CORRUPT
    assert found.files[0].age_s == 7.0
    assert len(found.problems) == 1
    assert "tokens: " in found.problems[0]


def test_a_file_that_was_never_good_has_no_age(source: TokenSource, tmp_path: Path) -> None:
    put(tmp_path / "tokens", "{")

    report = source.read(NOW).files[0]

    assert (report.state, report.age_s) == (FileState.CORRUPT, None)


def test_while_the_signals_were_never_readable_no_token_of_the_file_is_offered(
    tmp_path: Path, write: Write
) -> None:
    """What was sold on a signal would be bought again."""
    source = TokenSource(
        plain=["9"], tokens_path=tmp_path / "tokens", signals_path=tmp_path / "signals"
    )
    write(tokens=[seen("1", 10), seen("2", 20)])
    put(tmp_path / "signals", "{")
    found = source.read(NOW)
    assert (found.token_ids, found.are_signals_known) == (("9",), False)

    write(signals=[seen("1", 30)])
    found = source.read(NOW)
    assert (found.token_ids, found.are_signals_known) == (("9", "2"), True)

    put(tmp_path / "signals", "{")
    found = source.read(NOW)
    assert (found.token_ids, found.are_signals_known) == (("9", "2"), True)
    assert [each.token_id for each in found.signals] == ["1"], "what was known stands"


def test_another_list_of_the_operator_s_forgets_nothing_of_the_files(
    source: TokenSource, tmp_path: Path, write: Write
) -> None:
    write(tokens=[seen("1", 10)], signals=[seen("1", 30)])
    source.read(NOW)
    put(tmp_path / "signals", "{")
    source.take_plain(["9"])

    found = source.read(NOW)

    assert found.token_ids == ("9",)
    assert [each.token_id for each in found.signals] == ["1"]


def test_a_directory_in_the_place_of_the_file_is_a_problem_not_a_crash(
    source: TokenSource, tmp_path: Path
) -> None:
    (tmp_path / "tokens").mkdir()

    assert source.read(NOW).files[0].state is FileState.CORRUPT


def test_a_repaired_file_is_good_again(source: TokenSource, write: Write, tmp_path: Path) -> None:
    put(tmp_path / "tokens", "{")
    source.read(NOW)
    write(tokens=[seen("1", 10)])

    found = source.read(NOW + 1)

    assert (found.token_ids, found.problems) == (("1",), ())


def test_a_file_repaired_in_place_within_one_tick_of_the_clock_is_read(
    source: TokenSource, tmp_path: Path
) -> None:
    """Same inode, same size, same time: only the fact that it was damaged makes us look again."""
    path = tmp_path / "tokens"
    good = json.dumps({"tokens": [seen("1", 10)]})
    path.write_text("{" * len(good), encoding="utf-8")
    stat = path.stat()
    source.read(NOW)
    path.write_text(good, encoding="utf-8")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert source.read(NOW).token_ids == ("1",)


def test_the_same_file_is_good_again_after_it_was_out_of_reach(tmp_path: Path) -> None:
    """Nothing about it has changed since it was last good."""
    (tmp_path / "tokens.1").write_text(json.dumps({"tokens": [seen("1", 10)]}))
    (tmp_path / "folder").mkdir()
    link = tmp_path / "tokens"
    source = TokenSource(tokens_path=link)
    states = []
    for target in ("tokens.1", "folder", "tokens.1"):
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / target)
        states.append(source.read(NOW).files[0].state)

    assert states == [FileState.GOOD, FileState.CORRUPT, FileState.GOOD]


def test_an_entry_that_cannot_be_read_does_not_cost_the_others(
    source: TokenSource, write: Write
) -> None:
    write(tokens=[seen("1", 10), {"token_id": 71}, seen("", 1), seen("2", 20), 5])

    found = source.read(NOW)

    assert found.token_ids == ("2", "1")
    assert found.files[0].state is FileState.PARTIAL
    assert "3 of 5 left out, first entry 1: token_id was 71" in found.problems[0]


def test_a_file_that_was_removed_is_missing_again(
    source: TokenSource, write: Write, tmp_path: Path
) -> None:
    write(tokens=[seen("1", 10)])
    source.read(NOW)
    (tmp_path / "tokens").unlink()

    found = source.read(NOW)

    assert found.token_ids == ()
    assert found.files[0].state is FileState.MISSING


def test_the_files_are_never_written(source: TokenSource, write: Write, tmp_path: Path) -> None:
    write(tokens=[seen("1", 10)], signals=[seen("1", 30)])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    source.read(NOW)

    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
