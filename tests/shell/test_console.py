"""What is typed becomes a command, or a sentence to the one who typed it."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from rich.console import Console as RichConsole

from POLYMARKET_MAKER.console import (
    MEANING,
    Command,
    Console,
    LiveView,
    Verb,
    parse_command,
    plain_lines,
    resolve_token,
    row,
    table,
)
from POLYMARKET_MAKER.console.prompt import completions
from POLYMARKET_MAKER.errors import UsageError

A = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
B = "52114319501245915516055106046884209969926127482827954674443846427813813222426"


# --- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("list", Command(Verb.LIST)),
        ("  STATUS ", Command(Verb.STATUS)),
        ("stop 2", Command(Verb.STOP, "2")),
        (f"stop {A}", Command(Verb.STOP, A)),
        ("refresh", Command(Verb.REFRESH)),
        ("exit", Command(Verb.EXIT)),
        ("quit", Command(Verb.EXIT)),
        ("pause", Command(Verb.PAUSE)),
        (f"resume {A}", Command(Verb.RESUME, A)),
        ("kill", Command(Verb.KILL)),
        ("", None),
        ("   ", None),
    ],
)
def test_a_line_is_a_command(text: str, command: Command | None) -> None:
    assert parse_command(text) == command


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stpo 1", "unknown command 'stpo'; did you mean 'stop'?"),
        ("xyzzy", "unknown command 'xyzzy'; help lists the commands"),
        ("stop", "stop needs a token or an index of list"),
        ("stop 1 2", "stop takes one token more"),
        ("kill 1", "kill takes nothing more"),
    ],
)
def test_a_line_that_is_none_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_command(text)

    assert str(caught.value) == sentence


@hypothesis(deadline=None)  # two busy cores
@given(st.text())
def test_any_line_is_a_command_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        parse_command(text)


def test_every_verb_has_a_line_of_help() -> None:
    assert set(MEANING) == set(Verb)


@pytest.mark.parametrize("said", [A, "1", "7132…2563", "713210"])
def test_a_token_is_meant_by_id_index_short_form_or_beginning(said: str) -> None:
    assert resolve_token(said, [A, B]) == A


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("0", "index was 0, list has 2"),
        ("3", "index was 3, list has 2"),
        ("999999", "'999999' is no token of ours"),
        ("", "'' is more than one token"),
    ],
)
def test_a_token_that_is_not_there_is_a_sentence(said: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_token(said, [A, B])

    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("st", ["status", "stop"]),
        ("stop 7", [A]),
        ("pause ", [A, B]),
        ("list ", []),
        ("stop 7 ", []),
    ],
)
def test_completion_offers_verbs_then_tokens(text: str, offered: list[str]) -> None:
    assert completions(text, [A, B]) == offered


# --- the prompt, on a real terminal -----------------------------------------------------------

PROGRAM = """
import signal, sys, threading
from queue import SimpleQueue
from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.console import Command, Console, Verb

commands = SimpleQueue()
interrupted = threading.Event()
signal.signal(signal.SIGINT, lambda *_: commands.put(Command(Verb.EXIT, "sigint")))

def question(command):
    return "remove the kill switch?" if command.verb is Verb.RESUME else None

console = Console(commands, label="demo", tokens=lambda: ["7132"], question=question)
print("opened", console.open(), flush=True)
while True:
    command = commands.get()
    print("GOT", command.verb, command.token, command.confirmed, flush=True)
    log.info("[PX]", "above the prompt")
    if command.verb is Verb.EXIT:
        break
console.close()
print("ended", flush=True)
"""


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, root: Path) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=slave, stdout=slave, stderr=slave, cwd=root, start_new_session=True,
            env={**os.environ, "TERM": "xterm"},
        )  # fmt: skip
        os.close(slave)
        self._unread = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, text: str) -> None:
        """Read on until *text* was shown."""
        deadline = time.monotonic() + 15
        while text not in self._unread:
            ready, _, _ = select.select([self._master], [], [], deadline - time.monotonic())
            assert ready, f"{text!r} did not come, but {self._unread!r}"
            data = os.read(self._master, 4096).decode(errors="replace")
            self._answer(data)
            self._unread += data
        _, _, self._unread = self._unread.partition(text)

    def _answer(self, data: str) -> None:
        if "\x1b[6n" in data:  # "where is the cursor?" A real terminal says it.
            os.write(self._master, b"\x1b[1;1R")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(root: Path) -> Iterator[Terminal]:
    made = Terminal(root)
    yield made
    made.close()


def test_typed_lines_arrive_and_log_lines_go_above_the_prompt(terminal: Terminal) -> None:
    terminal.wait_for("[demo] poly>")
    terminal.type("stpo\r")
    terminal.wait_for("did you mean 'stop'?")
    terminal.wait_for("poly>")
    terminal.type("stop 7\t")
    terminal.wait_for("132")
    terminal.type("\r")
    terminal.wait_for("GOT stop 7132 False")
    terminal.wait_for("above the prompt")
    terminal.wait_for("poly>")
    terminal.type("quit\r")
    terminal.wait_for("ended")

    assert terminal.process.wait(10) == 0


def test_a_question_is_asked_before_the_command_arrives(terminal: Terminal) -> None:
    terminal.wait_for("poly>")
    terminal.type("resume\r")
    terminal.wait_for("remove the kill switch? [y/N]")
    terminal.type("n\r")
    terminal.wait_for("nothing done")
    terminal.wait_for("poly>")
    terminal.type("resume\r")
    terminal.wait_for("[y/N]")
    terminal.type("y\r")

    terminal.wait_for("GOT resume None True")


def test_end_of_input_closes_the_console_and_not_the_program(terminal: Terminal) -> None:
    terminal.wait_for("poly>")
    terminal.type("\x04")

    terminal.wait_for("console closed, the program goes on")
    assert terminal.process.poll() is None


def test_ctrl_c_reaches_the_program_as_its_signal(terminal: Terminal) -> None:
    terminal.wait_for("poly>")
    terminal.type("\x03")

    terminal.wait_for("GOT exit sigint False")
    terminal.wait_for("ended")
    assert terminal.process.wait(10) == 0


def test_without_a_terminal_there_is_no_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("exit\n"))
    console = Console(SimpleQueue(), label="demo")

    assert not console.open()
    console.close()


def test_with_stdin_closed_there_is_no_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    assert not Console.is_possible()


# --- the table --------------------------------------------------------------------------------


def status(**changed: object) -> dict[str, object]:
    return {
        "token_id": A,
        "state": "running",
        "boottime_s": 500.0,
        "source": "shared",
        "quote": {"best_bid": "0.49", "best_ask": 0.51, "age_s": 0.4, "health": "live"},
        "stages": {
            "source": {"state": "ok", "reason": "shared"},
            "signal": {"state": "wait", "reason": "no_drop"},
            "order": {"state": "wait", "reason": "nothing_wanted"},
        },
        "position": {"size": "10", "entry_price": "0.45", "realised": "0.12"},
        "open_orders": [{"side": "SELL", "price": "0.50", "size": "10", "size_matched": "4"}],
        "counts": {"fills": 3},
        **changed,
    }


LINE = (
    "token=7132…2563 bid=0.49 ask=0.51 age_s=2.4 src=shared health=live position=10 entry=0.45 "
    "open=SELL:6@0.5 fills=3 profit=+0.52 stop=signal:no_drop"
)


def test_a_status_is_one_plain_line() -> None:
    """The quote goes on ageing while the file does not change: 0.4 s + 2 s."""
    assert plain_lines([row(status(), boottime_s=502.0)]) == [LINE]


def test_what_is_not_known_is_a_dash_and_never_a_zero() -> None:
    empty = row({}, boottime_s=1.0)

    assert plain_lines([empty]) == [
        (
            "token=? bid=- ask=- age_s=- src=- health=- position=- entry=- open=- fills=0 profit=- "
            "stop=-"
        )
    ]


def test_shares_that_nobody_bids_for_have_no_known_profit() -> None:
    held = status(quote={"best_bid": None, "best_ask": "0.51", "age_s": 1.0, "health": "live"})

    assert row(held, boottime_s=500.0).profit is None


def test_a_flat_token_has_the_profit_it_realised() -> None:
    flat = status(position={"size": "0", "entry_price": None, "realised": "-1.5"})

    assert str(row(flat, boottime_s=500.0).profit) == "-1.5"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
)


@hypothesis(deadline=None)  # two busy cores
@given(st.dictionaries(st.sampled_from(sorted(status())), json_values))
def test_a_damaged_status_is_shown_as_far_as_it_goes(changed: dict[str, object]) -> None:
    rows = [row(status(**changed), boottime_s=502.0)]

    assert len(plain_lines(rows)) == 1
    table(rows)


COLUMNS = (
    "7132…2563", "0.49", "0.51", "2.4", "live", "shared", "10 @ 0.45", "SELL:6@0.5", "3", "+0.52",
)  # fmt: skip


@pytest.mark.parametrize(("width", "wide"), [(80, False), (100, True)])
def test_the_table_fits_its_terminal(width: int, wide: bool) -> None:  # noqa: FBT001
    out = io.StringIO()
    rows = [row(status(), boottime_s=502.0)]

    RichConsole(file=out, width=width).print(table(rows, title="demo", wide=wide))

    title, _, line = out.getvalue().rstrip().splitlines()
    assert title.strip() == "demo"
    assert tuple(re.split(r"(?<!@) +(?!@)", line.strip()))[: len(COLUMNS)] == COLUMNS
    assert ("signal:no_drop" in line) is wide


class TtyText(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_live_table() -> None:
    stream = TtyText()
    with LiveView(stream) as view:
        assert view.is_table
        view.show([row(status(), boottime_s=502.0)], now=0.0, title="demo")

    assert not view.is_table
    assert "7132…2563" in stream.getvalue()


def test_elsewhere_lines_come_now_and_then() -> None:
    stream = io.StringIO()
    rows = [row(status(), boottime_s=502.0)]
    with LiveView(stream, plain_every_s=5.0) as view:
        view.show(rows, now=100.0)
        view.show(rows, now=104.9)
        view.show(rows, now=105.0)

    assert stream.getvalue() == f"{LINE}\n{LINE}\n"
