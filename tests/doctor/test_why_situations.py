"""`polyshared why` in prepared situations: real processes, the command itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.core.failover import Fault
from POLYMARKET_MAKER.core.gate import Reason
from polyshared.doctor.reasons import MEANINGS
from tests.doctor.house import ROOT, TOKENS, Done, House, freeze, polyshared

TOKEN = TOKENS[0]


def stage(name: str, state: str, reason: str) -> dict[str, Any]:
    return {"children": {"stages": {name: {"state": state, "reason": reason, "since": 1.0}}}}


QUARANTINED = {
    "status": {"tasks": {TOKEN: {"status": "quarantined", "exit_code": 1, "log_path": "a.log"}}}
}
ONE_SIDED = {"children": {"quote": {"best_ask": "0.51", "age_s": 0.4, "at": 1.0}}}
NO_MONEY = "not enough balance / allowance"


def why(house: House) -> tuple[Done, dict[str, Any]]:
    done = polyshared("why", TOKEN, "--json", "--data-dir", str(house.data_dir))
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    return done, said


@pytest.mark.parametrize(
    ("plan", "link", "exit_code", "text"),
    [
        pytest.param(stage("signal", "wait", "no_drop"), "signal", 0, "drop_pct", id="no signal"),
        pytest.param(
            stage("risk", "blocked", "cap_total"), "risk", 1, "max_notional_total", id="risk cap"
        ),
        pytest.param(stage("risk", "blocked", "killed"), "risk", 1, "data/KILL", id="kill switch"),
        pytest.param({"entries": {"health": "suspect"}}, "entry", 1, "quiet", id="suspect"),
        pytest.param(stage("quote", "fail", "stale"), "quote", 1, "writer", id="stale"),
        pytest.param(stage("budget", "blocked", "budget"), "budget", 1, "budget", id="budget"),
        pytest.param(stage("venue", "blocked", "post_only"), "venue", 1, "resting", id="post-only"),
        pytest.param(stage("order", "blocked", NO_MONEY), "order", 1, "too small", id="balance"),
        pytest.param(stage("order", "fail", "unknown"), "order", 1, "not known", id="unknown"),
        pytest.param(ONE_SIDED, "quote", 0, "nobody bids", id="one-sided"),
        pytest.param(stage("signal", "wait", "sell_only"), "signal", 0, "countdown", id="ending"),
        pytest.param(QUARANTINED, "child", 1, "in quarantine", id="quarantined"),
    ],
)
def test_the_first_link_that_is_not_well_is_named(
    tmp_path: Path, plan: dict[str, Any], link: str, exit_code: int, text: str
) -> None:
    with House(tmp_path, **plan) as house:
        done, said = why(house)

    assert said["first_red"] == link
    reason = next(each["reason"] for each in said["links"] if each["name"] == link)
    assert text in reason
    assert done.returncode == exit_code


def test_of_a_suspended_child_and_a_suspended_supervisor_the_supervisor_is_first(
    tmp_path: Path,
) -> None:
    with House(tmp_path) as house:
        freeze(house.child_pid(TOKEN))
        _, child = why(house)
        freeze(house.supervisor_pid)
        _, supervisor = why(house)

    assert (child["first_red"], supervisor["first_red"]) == ("child", "supervisor")


def written_in(module: str, pattern: str) -> set[str]:
    """Return the codes that stand in a module of the trading program as plain words."""
    text = (ROOT / "POLYMARKET_MAKER" / module).read_text(encoding="utf-8")
    return set(re.findall(pattern, text))


STOPS = r'(?:stopped\(|return |else )"(\w+)"'
PLAIN_CODES = (
    *sorted(written_in("core/strategy.py", STOPS) - {"threshold", "drop"}),  # these go on
    *sorted(written_in("core/quote_both_sides.py", STOPS)),
    *sorted(written_in("core/exiting.py", STOPS)),
    *sorted(written_in("own_line.py", r'refused = "(\w+)"') | written_in("own_line.py", STOPS)),
    *sorted(written_in("quotes.py", r'"(no_quote|line_opening)"')),
    *sorted(written_in("venue_watch.py", r': "(\w+)",')),
)


@pytest.mark.parametrize("code", dict.fromkeys([*map(str, [*Reason, *Fault]), *PLAIN_CODES]))
def test_every_code_of_the_trading_program_is_explained(code: str) -> None:
    assert code in MEANINGS


def test_the_codes_are_found_where_they_are_written() -> None:
    some = {"bid_above_max", "outside_band", "exit_waits", "slots_unusable", "no_quote", "disabled"}

    assert some <= set(PLAIN_CODES)


@pytest.mark.parametrize("code", [*Reason])
def test_what_a_rule_holds_back_has_a_cure(code: str) -> None:
    """Also where it is only to wait: who is asked at three in the morning wants to be told."""
    assert MEANINGS[str(code)].cure or code == Reason.SELL_ONLY
