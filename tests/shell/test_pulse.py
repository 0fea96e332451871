"""A hung child is found by its silence on a pipe, and says where it hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from POLYMARKET_MAKER.pulse import (
    DUMP_SIGNAL,
    HUNG_S,
    START_S,
    STARTING,
    TURNING,
    VARIABLE,
    Heart,
    Pulse,
)
from tests.support.program import ROOT, eventually

CHILD = """
import os, sys, time
from POLYMARKET_MAKER.pulse import Heart
heart = Heart(os.environ)
def hangs_here():
    print("hanging", flush=True)
    time.sleep(1000)
while True:
    heart.beat()
    if sys.stdin.readline() != "go on\\n":
        hangs_here()
"""


@contextmanager
def beating() -> Iterator[tuple[Pulse, subprocess.Popen[str]]]:
    """A process that beats once a line it is sent."""
    pulse = Pulse(0.0)
    with subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, VARIABLE: str(pulse.child_end), "PYTHONPATH": str(ROOT)},
        pass_fds=(pulse.child_end,),
    ) as process:
        pulse.handed_over()
        try:
            yield pulse, process
        finally:
            process.kill()
            pulse.close()


def test_a_child_that_beats_is_not_hung_and_one_that_stopped_is() -> None:
    with beating() as (pulse, _):
        eventually(lambda: pulse.silent_s(100.0) == 0, within_s=60, what="the first beat")

        assert not pulse.is_hung(100 + HUNG_S)
        assert pulse.is_hung(100 + HUNG_S + 0.1)


def test_a_hung_child_tells_where_it_hangs_and_lives_on() -> None:
    with beating() as (_, process):
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write("hang\n")
        process.stdin.flush()
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(DUMP_SIGNAL)
        lines: list[str] = []
        while "hangs_here" not in "".join(lines):
            lines.append(process.stderr.readline())

        assert process.poll() is None


def test_starting_may_take_longer_than_a_turn() -> None:
    """Imports on a machine where a hundred start, and an exchange that answers late."""
    pulse = Pulse(0.0)
    assert not pulse.is_hung(START_S)
    assert pulse.is_hung(START_S + 1)
    os.write(pulse.child_end, STARTING)
    assert not pulse.is_hung(200.0)
    assert not pulse.is_hung(200.0 + START_S)
    os.write(pulse.child_end, TURNING)
    assert not pulse.is_hung(400.0)
    assert pulse.is_hung(400.0 + HUNG_S + 1)
    pulse.handed_over()
    pulse.close()


def test_a_supervisor_that_slept_does_not_blame_the_child() -> None:
    pulse = Pulse(0.0)
    os.write(pulse.child_end, TURNING)

    assert pulse.silent_s(1000.0) == 0
    pulse.handed_over()
    pulse.close()


def test_that_the_loop_turns_is_said_at_once() -> None:
    """A child that hangs right after its start must not be given the time of a start."""
    pulse = Pulse(0.0)
    heart = Heart({VARIABLE: str(os.dup(pulse.child_end))})
    heart.beat(STARTING)
    heart.beat()
    heart.beat()

    assert pulse.silent_s(10.0) == 0
    assert pulse.is_hung(10 + HUNG_S + 1)
    assert heart._pipe is not None
    os.close(heart._pipe)
    pulse.handed_over()
    pulse.close()


def test_a_pipe_that_nobody_reads_never_stops_the_child() -> None:
    pulse = Pulse(0.0)
    heart = Heart({VARIABLE: str(os.dup(pulse.child_end))})
    filled = 0
    try:
        while True:
            filled += os.write(pulse.child_end, b"t" * 4096)
    except BlockingIOError:
        pass
    began = time.monotonic()
    heart.beat()
    heart.beat(STARTING)

    assert filled > 0
    assert time.monotonic() - began < 1
    assert heart._pipe is not None
    os.close(heart._pipe)
    pulse.handed_over()
    pulse.close()


def test_by_hand_nobody_listens_and_that_is_fine() -> None:
    before = signal.getsignal(DUMP_SIGNAL)
    Heart({}).beat()
    Heart({VARIABLE: "-"}).beat()

    assert signal.getsignal(DUMP_SIGNAL) == before
