"""Hours without an order: who warns, when, and what the warning says."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.child_reports import ChildReport, StageSaid
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import StageName
from POLYMARKET_MAKER.outcome_watch import Kind, OutcomeWatch, find

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class HandClock(Clock):
    """A clock that moves when it is told to."""

    at: list[float] = field(default_factory=lambda: [1_000_000.0])

    def now(self) -> float:
        return self.at[0]

    def mono(self) -> float:
        return self.at[0]

    def boot(self) -> float:
        return self.at[0]


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(stream=stream)
    yield stream
    log.configure()


def said(*, boot: float = 500.0, state: str = "running", **stages: tuple[str, str]) -> ChildReport:
    all_ok = {name.value: StageSaid("ok", "-") for name in StageName}
    marks = {name: StageSaid(*mark, since=7.0) for name, mark in stages.items()}
    return ChildReport(boot, state, stages={**all_ok, **marks})


@pytest.mark.parametrize(
    ("child", "kind", "stage", "reason"),
    [
        (said(), Kind.NO_SIGNAL, "order", "all_passed"),
        (said(signal=("wait", "no_drop")), Kind.NO_SIGNAL, "signal", "no_drop"),
        (said(risk=("blocked", "daily_loss")), Kind.BLOCKED, "risk", "daily_loss"),
        (said(venue=("fail", "unreachable")), Kind.BLOCKED, "venue", "unreachable"),
        (said(quote=("wait", "no_quote")), Kind.NO_DATA, "quote", "no_quote"),
        (
            said(source=("fail", "writer_silent"), risk=("blocked", "paused")),
            Kind.NO_DATA,
            "source",
            "writer_silent",
        ),
        (said(boot=480.0), Kind.NO_CHILD, "process", "quarantined"),
        (said(state="ended"), Kind.NO_CHILD, "process", "quarantined"),
        (None, Kind.NO_CHILD, "process", "quarantined"),
    ],
)
def test_the_first_stage_that_is_not_passed_is_the_answer(
    child: ChildReport | None, kind: Kind, stage: str, reason: str
) -> None:
    found = find("1", child, status="quarantined", boot=500.0)

    assert (found.kind, found.stage, found.reason) == (kind, stage, reason)


def write(data: Path, token_id: str, clock: Clock, *, order_at: float | None, risk: str) -> None:
    content = {
        "boottime_s": clock.boot(),
        "state": "running",
        "stages": {"risk": {"state": risk, "reason": "max_notional", "since": 7.0}},
        "last_order": None if order_at is None else {"at": order_at, "side": "BUY"},
    }
    (data / "children" / f"{token_id}.json").write_text(json.dumps(content))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "children").mkdir()
    return tmp_path


def test_it_warns_after_the_hours_and_again_only_after_as_many(
    data: Path, out: io.StringIO
) -> None:
    clock = HandClock()
    watch = OutcomeWatch(data, clock)
    for _ in range(13):
        clock.at[0] += HOUR_S
        write(data, "1", clock, order_at=None, risk="blocked")
        watch.look({"1": "running", "2": "pending"}, warn_h=6)

    lines = out.getvalue().splitlines()
    assert len(lines) == 2 * 3, "two warnings: one line that counts, one a token"
    assert "blocked=1" in lines[0]
    assert "no_child=1" in lines[0]
    assert "token=1 kind=blocked stage=risk reason=max_notional" in lines[1]
    assert "token=2 kind=no_child stage=process reason=pending" in lines[2]


def test_an_order_of_any_token_begins_the_hours_anew(data: Path, out: io.StringIO) -> None:
    clock = HandClock()
    watch = OutcomeWatch(data, clock)
    for hour in range(12):
        clock.at[0] += HOUR_S
        order_at = clock.now() if hour == 5 else None
        write(data, "1", clock, order_at=order_at, risk="ok")
        watch.look({"1": "running"}, warn_h=6.5)
    assert out.getvalue() == ""

    clock.at[0] += HOUR_S
    watch.look({"1": "running"}, warn_h=6.5)
    assert "event=no_order" in out.getvalue()


def test_what_only_waits_for_a_signal_is_told_last(data: Path, out: io.StringIO) -> None:
    clock = HandClock()
    watch = OutcomeWatch(data, clock)
    clock.at[0] += 7 * HOUR_S
    write(data, "1", clock, order_at=None, risk="ok")
    write(data, "2", clock, order_at=None, risk="blocked")
    watch.look({"1": "running", "2": "running"}, warn_h=6)

    lines = out.getvalue().splitlines()
    assert "no_signal=1 blocked=1" in lines[0]
    assert "token=2" in lines[1]
    assert "token=1" in lines[2]


def test_having_no_token_at_all_is_said_too(data: Path, out: io.StringIO) -> None:
    clock = HandClock()
    watch = OutcomeWatch(data, clock)
    clock.at[0] += 7 * HOUR_S
    watch.look({}, warn_h=6)

    assert "there is no token to trade" in out.getvalue()
    assert "tokens=0" in out.getvalue()
