"""One line an event: exact, short, and without a secret."""

from __future__ import annotations

import errno
import io
import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.log._sinks import Pace
from POLYMARKET_MAKER.log._text import Formatter, Secrets

TOKEN = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
ORDER = "0x9f2b1c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG  |INFO   |WARNING|ERROR  ) \[[A-Z]+\]"
)


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(stream=stream, level="DEBUG")
    yield stream
    log.configure()


class Color(StrEnum):
    RED = "red"


def line_of(*, text: str = "", **fields: object) -> str:
    line = Formatter(Secrets()).line("INFO", "[PX]", text, fields, 1_795_187_463.1234)
    return line.removeprefix("2026-11-20T15:11:03.123Z INFO    [PX]").strip()


def test_a_line_is_stamp_padded_level_tag_text_and_fields(out: io.StringIO) -> None:
    log.info("[MAKER][BUY]", "挂单", token=TOKEN, price=Decimal("0.490"), age_s=0.4)

    line = out.getvalue()
    assert LINE.match(line)
    assert line.endswith(" INFO    [MAKER][BUY] 挂单 token=7132…2563 price=0.49 age_s=0.4\n")


def test_the_stamp_is_utc_with_milliseconds() -> None:
    assert log.stamp(1_795_187_463.0) == "2026-11-20T15:11:03.000Z"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "true"),
        (Decimal("0.500"), "0.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), "NaN"),
        (0.1 + 0.2, "0.3"),
        (1_795_187_463.512, "1795187463.512"),
        (-0.0, "0"),
        (float("inf"), "Infinity"),
        (1e-9, "1.00e-9"),
        (12, "12"),
        (Color.RED, "red"),
        (Path("data/x y"), "data/x_y"),
        ("connection refused\nby  peer", "connection_refused_by_peer"),
        ("", '""'),
        ("\x1b[31mred", "\\x1b[31mred"),
        ([1, 2.50], "1,2.5"),
        ((), "-"),
        ({"a": None}, "a:-"),
    ],
)
def test_a_value_is_written_compact_and_without_spaces(value: object, shown: str) -> None:
    assert line_of(x=value) == f"x={shown}"


def test_long_ids_are_shortened_wherever_they_stand() -> None:
    assert line_of(order_id=ORDER, ids=[TOKEN, "12"]) == "order_id=0x9f…e8f9 ids=7132…2563,12"
    assert line_of(text=f"lost {TOKEN}") == "lost 7132…2563"
    assert log.short("1234567890123456789") == "1234567890123456789"


def test_a_path_keeps_its_token_so_that_it_can_be_opened() -> None:
    assert line_of(path=f"data/run_params_{TOKEN}.json") == f"path=data/run_params_{TOKEN}.json"


def test_long_fractions_are_numbers_not_ids() -> None:
    assert line_of(text="0.12345678901234567890123") == "0.12345678901234567890123"


def test_text_cannot_fake_a_second_line() -> None:
    assert "\n" not in line_of(text="a\nb\u2028c\r")


@hypothesis(deadline=None)  # two busy cores
@given(text=st.text(), value=st.text(), number=st.floats(), amount=st.decimals())
def test_any_input_is_one_line_of_words(
    text: str, value: str, number: float, amount: Decimal
) -> None:
    line = line_of(text=text, value=value, number=number, amount=amount)

    assert len(line.splitlines()) <= 1
    assert " " not in line[line.rindex("value=") :].replace(" number=", "").replace(" amount=", "")


def test_below_the_level_nothing_is_written(out: io.StringIO) -> None:
    log.configure(stream=out, level=log.Level.WARNING)

    log.debug("[PX]")
    log.info("[PX]")
    log.warning("[WARN]", "yes")

    assert out.getvalue().count("\n") == 1


# --- secrets ----------------------------------------------------------------------------------

KEY = "0xDeadBeef00000000000000000000000000000000000000000000000000c0ffee"


def test_a_secret_is_hidden_in_text_fields_and_traceback(out: io.StringIO) -> None:
    log.add_secret(KEY, "pass phrase+/=")

    try:
        int(f"bad key {KEY.lower()}")
    except ValueError as error:
        log.error("[ORDER]", f"key {KEY}", exc=error, key=KEY[2:], words="pass phrase+/=")

    written = out.getvalue().lower()
    assert "beef" not in written
    assert "phrase" not in written
    assert written.count("***") == 4
    assert "traceback" in written


def test_an_encoded_secret_is_hidden_too() -> None:
    log.add_secret('q"uote+slash/')

    assert log.redact("?p=q%22uote%2Bslash%2F") == "?p=***"
    assert log.redact(json.dumps({"p": 'q"uote+slash/'})) == '{"p": "***"}'


def test_a_secret_within_a_secret_hides_the_longer_one() -> None:
    secrets = Secrets()
    secrets.add(["abcdef", "abcdef-and-more"])

    assert secrets.hide("x abcdef-and-more y") == "x *** y"


def test_short_and_missing_secrets_blank_out_nothing() -> None:
    log.add_secret(None, "", "a")

    assert log.redact("a banana") == "a banana"


# --- sinks ------------------------------------------------------------------------------------


def test_lines_go_to_stderr_before_anybody_configured(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()

    log.info("[INIT]", "hello")

    assert capsys.readouterr().err.endswith("[INIT] hello\n")


def test_a_stream_that_cannot_write_chinese_gets_escapes() -> None:
    """LANG=C on a server is no reason to crash."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="strict", write_through=True)
    log.configure(stream=stream)

    log.info("[WAIT]", "尚未收到行情", token=TOKEN)
    log.configure()

    assert raw.getvalue().endswith(b"token=7132\\u20262563\n")


def test_a_closed_stream_is_counted_and_never_raised() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    stream.close()
    before = log.dropped()

    log.info("[PX]")
    log.configure()

    assert log.dropped() == before + 1


def test_the_file_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "autorun_main.log"
    log.configure(path=path, stream=None, max_bytes=200, backups=2)

    for number in range(20):
        log.info("[PX]", "尚未收到行情", number=number)
    log.configure()

    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "autorun_main.log", "autorun_main.log.1", "autorun_main.log.2",
    ]  # fmt: skip
    assert "number=19" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("lost", ["file", "directory", "renamed"])
def test_a_log_that_was_taken_away_is_begun_anew(tmp_path: Path, lost: str) -> None:
    path = tmp_path / "logs" / "autorun_main.log"
    path.parent.mkdir()
    log.configure(path=path, stream=None)
    log.info("[PX]", "before")
    if lost == "renamed":  # as logrotate does
        path.rename(path.with_name("old.log"))
    else:
        path.unlink()
    if lost == "directory":
        path.parent.rmdir()

    log.info("[PX]", "after")
    log.configure()

    text = path.read_text(encoding="utf-8")
    assert ("after" in text, "before" in text) == (True, False)


def test_a_log_whose_directory_cannot_be_made_again_costs_lines_not_the_process(
    tmp_path: Path,
) -> None:
    path = tmp_path / "logs" / "autorun_main.log"
    path.parent.mkdir()
    log.configure(path=path, stream=None)
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("a file where the directory was", encoding="utf-8")
    before = log.dropped()

    log.info("[PX]", "lost")
    path.parent.unlink()
    log.info("[PX]", "after")
    log.configure()

    assert log.dropped() > before
    assert "after" in path.read_text(encoding="utf-8")


def test_a_directory_that_could_not_be_made_once_is_made_with_a_later_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is full for a moment."""
    path = tmp_path / "logs" / "autorun_main.log"
    path.parent.mkdir()
    log.configure(path=path, stream=None)
    path.unlink()
    path.parent.rmdir()

    def is_full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", is_full)
        log.info("[PX]", "lost")
    log.info("[PX]", "after")
    log.configure()

    assert "after" in path.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_opened_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        log.configure(path=tmp_path / "absent" / "x.log", stream=None)


def test_an_error_is_an_entry_with_whole_ids(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    log.configure(stream=None, errors_path=path)

    log.warning("[WARN]", "not this")
    log.error("[ORDER]", "no answer", event="unknown", token=TOKEN, price=Decimal("0.50"), ok=False)
    log.error("[ERROR]", "bad surrogate \udc80")
    log.configure()

    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first["event"] == "unknown"
    assert first["message"] == "no answer"
    assert first["fields"] == {"event": "unknown", "token": TOKEN, "price": "0.5", "ok": False}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z", first["timestamp"])
    assert second["event"] == "error"
    assert second["message"] == "bad surrogate \udc80"


WRITER = """
import sys
from pathlib import Path
from POLYMARKET_MAKER import log
log.configure(stream=None, errors_path=Path(sys.argv[1]), max_bytes=20_000)
for number in range(100):
    log.error("[ERROR]", "x" * 50, number=number)
sys.exit(log.dropped())
"""


def test_processes_share_the_errors_file_and_no_line_is_torn(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "errors.jsonl"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen(command, cwd=root) for _ in range(3)]

    assert [each.wait() for each in writers] == [0, 0, 0]

    files = sorted(tmp_path.iterdir())
    lines = [line for each in files for line in each.read_text().splitlines()]
    assert [each.name for each in files] == ["errors.jsonl", "errors.jsonl.1"]
    assert all(json.loads(line)["message"] == "x" * 50 for line in lines)
    assert len(lines) > 100


# --- pace -------------------------------------------------------------------------------------


class Ticks:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_steady_state_is_due_once_an_interval() -> None:
    clock = Ticks()
    pace = Pace(clock)

    assert pace.is_due(60, "px")
    clock.now += 59.9
    assert not pace.is_due(60, "px")
    clock.now += 0.1
    assert pace.is_due(60, "px")


def test_a_change_of_state_is_due_at_once() -> None:
    pace = Pace(Ticks())
    assert pace.is_due(60, "px", "live")

    assert pace.is_due(60, "px", "suspect")
    assert not pace.is_due(60, "px", "suspect")
    assert pace.is_due(60, "other", "suspect")


def test_keys_of_tokens_long_gone_are_forgotten() -> None:
    pace = Pace(Ticks())
    pace.MAX_KEYS = 2

    assert [pace.is_due(60, key) for key in "abc"] == [True] * 3
    assert not pace.is_due(60, "c")
    assert pace.is_due(60, "a")


def test_every_uses_one_memory_for_the_process() -> None:
    key = object()

    assert log.every(60, key)
    assert not log.every(60, key)


# --- what nobody caught -----------------------------------------------------------------------


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers = root.handlers[:]
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    log.catch_uncaught()
    yield
    root.handlers[:] = handlers


@pytest.mark.usefixtures("hooks")
def test_a_thread_that_ends_by_an_exception_is_an_error_without_secrets(out: io.StringIO) -> None:
    log.add_secret("sesame-open")

    def fail() -> None:
        raise RuntimeError("sesame-open")

    thread = threading.Thread(target=fail, name="feed")
    thread.start()
    thread.join()

    assert "[ERROR] thread ended by RuntimeError: ***" in out.getvalue()
    assert "thread=feed" in out.getvalue()
    assert "sesame" not in out.getvalue()


@pytest.mark.usefixtures("hooks")
def test_what_ends_the_process_is_an_error(out: io.StringIO) -> None:
    sys.excepthook(ValueError, ValueError("x"), None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert out.getvalue().count("uncaught ValueError: x") == 1
    assert "KeyboardInterrupt" not in out.getvalue()


@pytest.mark.usefixtures("hooks")
def test_warnings_of_libraries_are_lines_of_ours(out: io.StringIO) -> None:
    logging.getLogger("websocket").warning("odd frame %s", TOKEN)

    assert out.getvalue().endswith("WARNING [WARN] odd frame 7132…2563 logger=websocket\n")
