"""A quiet market and a dead feed look alike from the quote alone."""

from __future__ import annotations

import pytest

from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.health import (
    DEFAULT_LIMITS,
    Distrust,
    LineFacts,
    Rhythm,
    snapshot_health,
    token_health,
)
from POLYMARKET_MAKER.core.model import TokenHealth

T0 = 1000.0  # an arbitrary monotonic reading


def health(
    quote_age_s: float | None,
    *,
    has_snapshot: bool = True,
    line_alive: bool = True,
    closed: bool = False,
    suspect: bool = False,
) -> TokenHealth:
    return token_health(
        quote_mono=None if quote_age_s is None else T0 - quote_age_s,
        snapshot_mono=T0 - 500 if has_snapshot else None,
        line_alive=line_alive,
        now=T0,
        closed=closed,
        suspect=suspect,
    )


def test_flat_market_on_a_live_line_is_quiet_and_tradable() -> None:
    """No quote for ten minutes is normal while PONGs keep arriving."""
    assert health(600) is TokenHealth.QUIET
    assert health(600).is_tradable


def test_a_recent_quote_is_live() -> None:
    assert health(30.0) is TokenHealth.LIVE
    assert health(30.1) is TokenHealth.QUIET


def test_no_quote_is_pending() -> None:
    assert health(None) is TokenHealth.PENDING


def test_a_quote_without_a_whole_ladder_is_resync() -> None:
    """Its line broke since, or no snapshot ever came: the book may have moved unseen."""
    assert health(1, has_snapshot=False) is TokenHealth.RESYNC


def test_a_quote_on_a_dead_line_is_resync() -> None:
    assert health(1, line_alive=False) is TokenHealth.RESYNC


def test_suspicion_stops_new_orders_and_the_end_stops_all() -> None:
    assert health(1, suspect=True) is TokenHealth.SUSPECT
    assert health(None, closed=True, suspect=True, line_alive=False) is TokenHealth.CLOSED


def test_a_line_lives_as_long_as_frames_come() -> None:
    line = LineFacts(opened_mono=T0, last_frame_mono=T0 + 600)

    assert line.is_alive(T0 + 625, grace_s=25)
    assert not line.is_alive(T0 + 625.1, grace_s=25)
    assert not LineFacts(None, T0 + 600).is_alive(T0 + 601, grace_s=25)
    assert not LineFacts(T0, None).is_alive(T0 + 1, grace_s=25)


@pytest.mark.parametrize(
    ("entry", "written", "quote", "state", "silent", "expected"),
    [
        (TokenHealth.LIVE, 1.0, 1.0, LineState.OPEN, 1.0, TokenHealth.LIVE),
        (TokenHealth.LIVE, 1.0, 31.0, LineState.OPEN, 1.0, TokenHealth.QUIET),
        (TokenHealth.QUIET, 9.9, 3600.0, LineState.OPEN, 9.0, TokenHealth.QUIET),
        (TokenHealth.LIVE, 10.1, 1.0, LineState.OPEN, 1.0, TokenHealth.STALE),
        (TokenHealth.CLOSED, 10.1, 1.0, LineState.OPEN, 1.0, TokenHealth.STALE),
        (TokenHealth.CLOSED, 1.0, 1.0, LineState.DOWN, 1.0, TokenHealth.CLOSED),
        (TokenHealth.SUSPECT, 1.0, 1.0, LineState.OPEN, 1.0, TokenHealth.SUSPECT),
        (TokenHealth.RESYNC, 1.0, 1.0, LineState.OPEN, 1.0, TokenHealth.RESYNC),
        (TokenHealth.LIVE, 1.0, 1.0, LineState.DOWN, 1.0, TokenHealth.RESYNC),
        (TokenHealth.LIVE, 1.0, 1.0, LineState.CONNECTING, 1.0, TokenHealth.RESYNC),
        (TokenHealth.LIVE, 1.0, 1.0, LineState.OPEN, 25.1, TokenHealth.RESYNC),
        (TokenHealth.LIVE, 1.0, 1.0, LineState.OPEN, None, TokenHealth.RESYNC),
        (None, 1.0, None, LineState.OPEN, 1.0, TokenHealth.PENDING),
    ],
)
def test_verdict_on_another_process_s_entry(  # noqa: PLR0917 - one argument a column
    entry: TokenHealth | None,
    written: float,
    quote: float | None,
    state: LineState,
    silent: float | None,
    expected: TokenHealth,
) -> None:
    verdict = snapshot_health(
        entry, written_age_s=written, quote_age_s=quote, line_state=state, line_silent_s=silent
    )

    assert verdict is expected


def test_an_unknown_rhythm_is_suspect_after_a_minute() -> None:
    assert Rhythm().suspect_after_s(DEFAULT_LIMITS) == 60


def test_a_slow_token_may_be_silent_for_longer() -> None:
    rhythm = Rhythm()
    for number in range(7):
        rhythm.heard(T0 + 10 * number)

    assert rhythm.suspect_after_s(DEFAULT_LIMITS) == 200


def test_a_burst_counts_once() -> None:
    """Eight frames of one batch say nothing about how often the market moves."""
    rhythm = Rhythm()
    for number in range(6):
        for burst in range(8):
            rhythm.heard(T0 + 10 * number + burst / 1000)

    assert rhythm.suspect_after_s(DEFAULT_LIMITS) == 200


def test_one_doubt_that_follows_another_is_the_same_outage() -> None:
    """Else a quote that is SUSPECT and RESYNC in turn would never have what rests cancelled."""
    distrust = Distrust(T0)
    assert distrust.for_s(TokenHealth.LIVE, T0 + 100) == 0

    assert distrust.for_s(TokenHealth.SUSPECT, T0 + 101) == 0
    assert distrust.for_s(TokenHealth.SUSPECT, T0 + 109) == 8
    assert distrust.for_s(TokenHealth.RESYNC, T0 + 110) == 9
    assert distrust.for_s(TokenHealth.SUSPECT, T0 + 112) == 11


def test_a_tradable_quote_ends_the_outage() -> None:
    distrust = Distrust(T0)
    distrust.for_s(TokenHealth.RESYNC, T0)
    assert distrust.for_s(TokenHealth.RESYNC, T0 + 4) == 4

    assert distrust.for_s(TokenHealth.QUIET, T0 + 5) == 0
    assert distrust.for_s(TokenHealth.RESYNC, T0 + 6) == 0
