"""Any connection to the exchange lives, dies and dials again by the same rules."""

from __future__ import annotations

from POLYMARKET_MAKER.core.connection import Connection, LineState

T0 = 1000.0


def opened() -> Connection:
    line = Connection()
    assert line.should_dial(T0)
    line.dialling()
    line.opened(T0)
    return line


def test_a_ping_is_due_every_ten_seconds() -> None:
    line = opened()

    assert line.to_send(T0 + 9.9) == []
    assert line.to_send(T0 + 10) == ["PING"]
    assert line.to_send(T0 + 10.1) == []
    assert line.next_deadline() == T0 + 20


def test_silence_of_more_than_25_seconds_is_death_and_any_frame_is_life() -> None:
    line = opened()
    assert line.must_close(T0 + 25) is None
    assert line.must_close(T0 + 25.1) is not None

    line.heard(T0 + 20)
    assert line.must_close(T0 + 45) is None


def test_the_wait_doubles_while_nothing_stands_for_a_minute() -> None:
    """A server that accepts and closes is not hammered."""
    line, now, waits = opened(), T0, []
    for _ in range(9):
        line.closed(now, "closed", jitter=1.0)
        waits.append(line.next_deadline() - now)
        now = line.next_deadline()
        line.dialling()
        line.opened(now)

    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_minute_of_standing_starts_the_doubling_anew() -> None:
    line = opened()
    for _ in range(6):
        line.closed(T0, "closed", jitter=1.0)
    line.opened(T0)

    line.closed(T0 + 60, "closed", jitter=1.0)

    assert line.failures == 1
    assert line.next_deadline() == T0 + 60.5


def test_what_the_exchange_asks_to_wait_is_waited() -> None:
    line = opened()

    line.closed(T0, "429", jitter=0.0, retry_after_s=12)

    assert line.state is LineState.DOWN
    assert not line.should_dial(T0 + 11.9)
    assert line.should_dial(T0 + 12)
