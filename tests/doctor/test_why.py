"""What keeps a token from an order: the first link that is not well, in prepared situations."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from polyshared import _clock
from polyshared._snapshot import Entry, Snapshot
from polyshared.doctor.cachefile import Cache, Outcome, Read
from polyshared.doctor.children import Child, Children
from polyshared.doctor.facts import Facts, SupervisorFacts
from polyshared.doctor.graph import Known
from polyshared.doctor.locate import Located
from polyshared.doctor.processes import Life, Process
from polyshared.doctor.reasons import explain
from polyshared.doctor.statusfiles import Aggregator, ChildStatus, Supervisor, Task
from polyshared.doctor.told import in_words, read_told
from polyshared.doctor.why import Link, LinkState, chain, first_not_passed, resolve
from tests.doctor.house import TOKENS, House, polyshared

TOKEN = TOKENS[0]
NOW = _clock.now()
PASSED = {name: {"state": "ok", "reason": "fine"} for name in
          ("source", "quote", "warmup", "signal", "risk", "budget", "venue", "order")}  # fmt: skip


def supervisor(**task: Any) -> SupervisorFacts:
    line = {"state": "open", "last_frame_at": NOW.wall_s, "wanted": 1, "confirmed": 1}
    said = {
        "pid": 1,
        "pid_started_s": 1.0,
        "boottime_s": NOW.boot_s,
        "mode": "demo",
        "tasks": {TOKEN: {"status": "running", "pid": 2, **task}},
        "aggregator": {"state": "serving", "wanted": 1, "confirmed": 1, "connections": [line]},
    }
    return SupervisorFacts(msgspec.convert(said, Supervisor), Process(1, Life.RUNNING), 0.3)


def child(*, life: Life = Life.RUNNING, age_s: float = 0.5, **said: Any) -> Child:
    status = {
        "token_id": TOKEN,
        "pid": 2,
        "pid_started_s": 2.0,
        "boottime_s": NOW.boot_s,
        "source": "shared",
        "quote": {"best_bid": "0.49", "best_ask": "0.51", "at": NOW.wall_s},
        **said,
        "stages": PASSED | said.get("stages", {}),
    }
    return Child(
        TOKEN,
        Task("running", pid=2),
        msgspec.convert(status, ChildStatus),
        Process(2, life),
        age_s,
        60.0,
    )


def cache(health: str = "live", *, age_s: float = 0.2) -> Cache:
    entry = Entry(
        key=TOKEN,
        fields={
            "health": health,
            "best_bid": 0.49,
            "best_ask": 0.51,
            "updated_at": NOW.wall_s,
            "conn": 0,
        },
        epoch=1,
        seq=1,
        rev=1,
        put_at=NOW,
        age_s=0.1,
        writer_age_s=age_s,
    )
    snapshot = Snapshot(
        epoch=1, flush_seq=1, change_seq=1, written=NOW, writer={"pid": 1}, feed={"state": "open"},
        tokens={TOKEN: entry}, extra={}, age_s=age_s,
    )  # fmt: skip
    return Cache(
        Path("ws_cache.json"), (Read(Outcome.OK, "", NOW, snapshot),), None, locked=True, strays=()
    )


def facts(kid: Child, found: Cache | None = None, boss: SupervisorFacts | None = None) -> Facts:
    return Facts(
        located=Located(Path("data"), "option"),
        token=None,
        now=NOW,
        supervisor=Known(boss or supervisor()),
        children=Known(Children((kid,), ())),
        cache=Known(found or cache()),
    )


def stopper(given: Facts) -> Link:
    link = first_not_passed(chain(TOKEN, given))
    assert link is not None
    return link


def at_stage(name: str, state: str, reason: str) -> Facts:
    return facts(child(stages={name: {"state": state, "reason": reason}}))


@pytest.mark.parametrize(
    ("given", "name", "state", "text"),
    [
        (at_stage("signal", "wait", "no_drop"), "signal", "wait", "no signal"),
        (at_stage("risk", "blocked", "cap_token"), "risk", "blocked", "max_notional_per_token"),
        (at_stage("risk", "blocked", "killed"), "risk", "blocked", "data/KILL"),
        (facts(child(), cache(age_s=34.0)), "writer", "fail", "last written 34.0 s ago"),
        (facts(child(), cache("suspect")), "entry", "blocked", "quiet for unusually long"),
        (at_stage("budget", "blocked", "rate_budget"), "budget", "blocked", "request budget"),
        (at_stage("venue", "blocked", "post_only"), "venue", "blocked", "only resting orders"),
        (
            at_stage("order", "blocked", "not enough balance / allowance"),
            "order", "blocked", "the balance is too small",
        ),
        (at_stage("order", "fail", "unknown"), "order", "fail", "outcome is not known"),
        (
            facts(child(quote={"best_ask": "0.51", "at": 1.0})),
            "quote", "wait", "one-sided book: nobody bids",
        ),
        (at_stage("signal", "wait", "sell_only"), "signal", "wait", "countdown"),
        (
            facts(
                replace(child(life=Life.GONE), task=Task("quarantined", exit_code=1)),
            ),
            "child", "fail", "in quarantine",
        ),
        (facts(child(life=Life.STOPPED)), "child", "fail", "kill -CONT"),
        (facts(child(age_s=34.0)), "child", "fail", "it hangs"),
        (facts(child(), cache("pending")), "entry", "wait", "the first book has not come"),
    ],
)  # fmt: skip
def test_the_first_link_that_is_not_well(given: Facts, name: str, state: str, text: str) -> None:
    link = stopper(given)

    assert (link.name, link.state) == (name, LinkState(state))
    assert text in f"{link.reason} {link.cure}"


def test_everything_passed_has_no_first_red_link() -> None:
    assert first_not_passed(chain(TOKEN, facts(child()))) is None


def test_a_child_on_its_own_line_does_without_the_shared_file() -> None:
    links = chain(TOKEN, facts(child(source="direct"), cache(age_s=math.inf)))

    assert first_not_passed(links) is None
    assert {link.state for link in links if link.name in ("file", "writer", "entry")} == {
        LinkState.UNUSED
    }


def test_a_token_without_a_child_says_so() -> None:
    given = replace(facts(child()), children=Known(Children((), ())))

    assert stopper(given).reason == "no child trades this token"


@pytest.mark.parametrize(("number", "stops"), [(0, True), (1, False)])
def test_only_the_connection_of_the_token_itself_counts(number: int, stops: bool) -> None:  # noqa: FBT001
    """A second one may just be dialled, for a token that is doubted."""
    boss = supervisor()
    assert isinstance(boss.status, Supervisor)
    (line,) = boss.status.aggregator.connections
    broken = structs.replace(line, id=number, state="down")
    lines = (broken,) if number == line.id else (line, broken)
    feed = structs.replace(boss.status.aggregator, connections=lines)
    told = replace(boss, status=structs.replace(boss.status, aggregator=feed))

    link = first_not_passed(chain(TOKEN, facts(child(), boss=told)))

    assert (link is not None and link.name == "line") is stops


def test_a_token_that_waits_for_proof_of_its_last_childs_orders_says_so() -> None:
    """Not for a slot: that would be the wrong thing to raise."""
    boss = supervisor()
    assert isinstance(boss.status, Supervisor)
    clearing = replace(boss, status=structs.replace(boss.status, clearing=(TOKEN,)))

    link = stopper(facts(child(), boss=clearing))

    assert (link.name, link.state) == ("child", LinkState.BLOCKED)
    assert "not proven" in link.reason


def test_the_links_stand_in_the_order_of_the_data() -> None:
    names = [link.name for link in chain(TOKEN, facts(child()))]

    assert names == [
        "supervisor", "line", "aggregator", "file", "writer", "entry", "child",
        "source", "quote", "warmup", "signal", "risk", "budget", "venue", "order",
    ]  # fmt: skip


def test_a_state_of_a_newer_version_is_not_taken_for_well() -> None:
    assert stopper(at_stage("risk", "pondering", "x")).state is LinkState.FAIL


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (TOKEN, [TOKEN]),
        (TOKEN[-6:], [TOKEN]),
        (f"{TOKEN[:4]}…{TOKEN[-4:]}", [TOKEN]),
        ("nothing", []),
        ("", list(TOKENS)),
    ],
)
def test_a_token_is_found_by_its_end_and_by_its_short_form(given: str, found: list[str]) -> None:
    assert resolve(given, TOKENS) == found


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert explain("brand_new_rule").text == "brand new rule"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_command_names_the_stage_and_the_cure(tmp_path: Path) -> None:
    stages = {"risk": {"state": "blocked", "reason": "killed", "since": 1.0}}
    with House(tmp_path, children={"stages": stages}) as house:
        done = polyshared("why", TOKEN[-5:], "--data-dir", str(house.data_dir))
        said = polyshared("why", TOKEN, "--json", "--data-dir", str(house.data_dir))
        unknown = polyshared("why", "999", "--data-dir", str(house.data_dir))

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith("cure: polyshared resume")
    assert json.loads(said.stdout)["first_red"] == "risk"
    assert unknown.returncode == 2


def test_a_limit_is_named_with_the_value_that_the_child_was_told() -> None:
    told = {"risk": {"max_notional_per_token": 3.5}, "drop_pct": 0.05, "order_size": None}

    capped = chain(TOKEN, at_stage("budget", "blocked", "cap_token"), told)
    calm = chain(TOKEN, at_stage("signal", "wait", "no_drop"), told)
    small = chain(TOKEN, at_stage("risk", "blocked", "too_small"), told)

    assert said_of(capped).endswith("(max_notional_per_token 3.5)")
    assert said_of(calm).endswith("(drop_pct 0.05, drop_window_minutes)")  # one is not known
    assert said_of(small).endswith("(order_size none)")


def said_of(links: list[Link]) -> str:
    link = first_not_passed(links)
    assert link is not None
    return link.reason


@pytest.mark.parametrize("content", [None, b"", b"[1]", b"\xff", b'{"risk": 3}'])
def test_a_child_that_was_told_nothing_readable_has_no_values(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / f"run_params_{TOKEN}.json").write_bytes(content)

    told = read_told(tmp_path, TOKEN)

    assert in_words(told, ["risk.max_daily_loss", "drop_pct"]) == "max_daily_loss, drop_pct"


def test_where_nothing_runs_there_is_nothing_to_explain(tmp_path: Path) -> None:
    assert polyshared("why", TOKEN, "--data-dir", str(tmp_path)).returncode == 3


def test_without_a_shared_file_a_child_that_has_not_begun_is_not_told_to_wait_for_one() -> None:
    """It died before it could say where its quotes come from."""
    boss = supervisor(status="quarantined", pid=None)
    boss = replace(boss, status=structs.replace(boss.said, aggregator=Aggregator(state="off")))
    given = replace(
        facts(child(life=Life.GONE, source="none"), boss=boss),
        cache=Known(Cache(Path("ws_cache.json"), (), None, locked=False, strays=())),
    )

    assert stopper(given).name == "child"
