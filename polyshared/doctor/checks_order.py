"""From a quote to an order: what holds children back, and what the logs complain about."""

from __future__ import annotations

from typing import Any

from polyshared.doctor import logs as logfiles
from polyshared.doctor import words
from polyshared.doctor.checks_reading import lasts
from polyshared.doctor.facts import OLD_AFTER_S, Facts
from polyshared.doctor.graph import Check, Fix, Known, NotApplicable, Verdict, fail, ok, warn
from polyshared.doctor.statusfiles import ChildStatus

RECENT_S = 600.0
HEALED_S = 120.0  # what broke before that and not since is over
ANSWER_S = 10.0  # longer than any request may take
ACCOUNT_MAX_AGE_S = 60.0  # the exchange is read at least every 45 s
LARGE_LOG = 500_000_000
STAGES = ("source", "quote", "warmup", "signal", "risk", "budget", "venue", "order")
_BY_HAND = ("killed", "paused")


def _statuses(facts: Facts) -> list[ChildStatus]:
    """Return what the working children of the living supervisor say.

    Raises:
        NotApplicable: None works.
    """
    facts.supervisor.value.alive()
    found = [
        child.said
        for child in facts.children.value.known
        if child.said is not None and child.is_alive and child.age_s <= OLD_AFTER_S
    ]
    if not found:
        raise NotApplicable("no child works")
    return found


def stages(facts: Facts) -> Verdict:
    """Is a stage broken or blocked? Waiting for a signal is neither."""
    broken: dict[str, str] = {}
    blocked: dict[str, str] = {}
    for status in _statuses(facts):
        for name in STAGES:
            stage = status.stages.get(name)
            if stage is None or not lasts(stage, facts.now.wall_s):
                continue
            if stage.state in ("fail", "blocked"):
                found = broken if stage.state == "fail" else blocked
                found[status.token_id] = f"{name}: {stage.reason}"
                break
    bad = broken or blocked
    if not bad:
        return ok("none is blocked")
    said = "; ".join(f"{words.short(name)} {text}" for name, text in list(bad.items())[:3])
    by_hand = [text for text in blocked.values() if text.endswith(_BY_HAND)]
    if by_hand and not broken:
        return warn(f"stopped by hand: {said}", Fix("trade again", "polyshared resume"), **blocked)
    cure = Fix("see the first red stage", f"polyshared why {next(iter(bad))}")
    return fail(said, cure, **bad) if broken else ok(f"held back by a rule: {said}", **blocked)


def venue(facts: Facts) -> Verdict:
    """Does the exchange take orders?"""
    found = facts.supervisor.value.alive().venue
    if found.state == "unknown":
        return ok("its state is not known yet")
    if found.state == "paper":
        return ok("orders stay on paper")
    state, reason = _met(facts) if found.state == "open" else (found.state, found.reason)
    if state == "open":
        version = found.order_version
        return ok("open" if version is None else f"open, order version {version}")
    return warn(
        f"the exchange is {state}: {reason or 'no reason given'}",
        Fix("wait; what it does not take is not sent, and trading goes on by itself"),
        state=state,
    )


def _met(facts: Facts) -> tuple[str, str | None]:
    """Return the state of the exchange that an order met, as children tell each other of it."""
    answer = facts.ledger
    if not isinstance(answer, Known) or not answer.value.ok:
        return "open", None
    said = answer.value.data.get("venue") or {}
    state = said.get("state", "ok")
    return ("open" if state == "ok" else str(state)), said.get("reason")


def user_channel(facts: Facts) -> Verdict:
    """Are fills told at once? Without that channel they are read by REST, up to 45 s later."""
    state = facts.supervisor.value.alive().venue.user_channel
    if state is None:
        raise NotApplicable("orders stay on paper")
    if state == "down":
        return warn(
            "the account's own connection is down: fills are learnt by reading, up to 45 s late",
            Fix("wait; it is dialled again, and nothing is lost", "polyshared errors"),
        )
    return ok(state)


def dead_man(facts: Facts) -> Verdict:
    """Does the exchange hear of us, where it was told to cancel everything when it does not?"""
    state = facts.supervisor.value.alive().venue.dead_man
    if state in (None, "off"):
        raise NotApplicable("it is off (dead_man)")
    if state == "silent":
        return fail(
            "the exchange does not hear of us: it cancels every order of this API key after 10 s",
            Fix("see whether the exchange can be reached", "polyshared doctor --live net"),
        )
    return ok(str(state))


def _ledger(facts: Facts) -> dict[str, Any]:
    """Return what the ledger knows.

    Raises:
        NotApplicable: There is none, or this version of the program cannot be asked.
    """
    answer = facts.ledger.value
    if not answer.available or not answer.ok:
        raise NotApplicable(answer.reason or "the ledger cannot be asked")
    return answer.data


def ledger(facts: Facts) -> Verdict:
    """Can the ledger be read, and is every order's outcome known?"""
    answer = facts.ledger.value
    if answer.available and not answer.ok:
        return fail(
            answer.reason or "the ledger cannot be read",
            Fix("see what holds it; never delete it while orders may be open"),
        )
    known = _ledger(facts)
    said = f"{words.count(len(known['open_orders']), 'order')} may be open"
    asked = [facts.now.wall_s - float(at) for at in known["unresolved"].values()]
    late = [age_s for age_s in asked if age_s > ANSWER_S]  # the others are on their way
    if late:
        return warn(
            f"{said}, {len(late)} of them for up to {words.age(max(late))} without an outcome",
            Fix("wait: children read the exchange until it is known"),
            **known,
        )
    return ok(f"{said}, {known['foreign_orders']} foreign", **known)


def account(facts: Facts) -> Verdict:
    """Was the account read at the exchange just now? Without that nothing is placed."""
    facts.supervisor.value.alive()
    read_at = _ledger(facts)["account_read_at"]
    _statuses(facts)
    if read_at is None:
        raise NotApplicable("the account was never read")
    age_s = facts.now.wall_s - float(read_at)
    said = f"read {words.age(max(0.0, age_s))} ago"
    if age_s > ACCOUNT_MAX_AGE_S:
        return fail(
            f"{said}, limit is {ACCOUNT_MAX_AGE_S:.0f} s: nothing new is placed",
            Fix("see whether the exchange answers", "polyshared doctor --live net"),
            age_s=age_s,
        )
    return ok(said, age_s=age_s)


def unattended(facts: Facts) -> Verdict:
    """May orders be open of a token that no living child looks after?"""
    orders = _ledger(facts)["open_orders"]
    alive = {child.token_id for child in facts.children.value.known if child.is_alive}
    left = {order_id: token for order_id, token in orders.items() if token not in alive}
    if left:
        names = words.some(sorted({str(token) for token in left.values()}))
        return fail(
            f"{words.count(len(left), 'order')} may be open without a child: {names}",
            Fix("cancel what is ours", "python poly_maker_autorun.py --cancel-open"),
            orders=left,
        )
    return ok("none")


def recent(facts: Facts) -> Verdict:
    """When was the last order, and may it be that none comes?"""
    limit_s = facts.supervisor.value.alive().settings.no_order_warn_h * 3600.0
    statuses = _statuses(facts)
    last = max((s.last_order for s in statuses if s.last_order), key=lambda o: o.at, default=None)
    started = min((s.started_at for s in statuses if s.started_at is not None), default=None)
    now = facts.now.wall_s
    since = now - (last.at if last is not None else started if started is not None else now)
    said = "no order yet" if last is None else f"last order {words.age(since)} ago ({last.outcome})"
    evidence = {"orders": sum(s.counts.get("orders", 0) for s in statuses)}
    if since > limit_s:
        return warn(
            f"{said}, children run for {words.age(now - started) if started else 'long'}",
            Fix("see what each token waits for", f"polyshared why {statuses[0].token_id}"),
            **evidence,
        )
    return ok(said, **evidence)


def errors(facts: Facts) -> Verdict:
    """What was logged as an error lately, and did the aggregator say that it cannot start?"""
    found = facts.logs.value
    if not found.folder.is_dir():
        raise NotApplicable("there is no log folder")
    facts.supervisor.value.alive()
    if found.not_started_lines:
        return fail(
            f"{found.main_log}: {found.not_started_lines[-1].strip()[-160:]}",
            Fix("remove the cause it names and start again", "python poly_maker_autorun.py"),
        )
    late = found.recent(facts.now.wall_s, within_s=RECENT_S)
    if not late:
        return ok(f"no error in the last {words.age(RECENT_S)}")
    counted = logfiles.digest(late)
    said = ", ".join(f"{number} {event}" for event, number in counted[:4])
    last_s = facts.now.wall_s - late[-1].at
    said = f"{said} in the last {words.age(RECENT_S)}; the last, {words.age(last_s)} ago: "
    said += late[-1].message[:120]
    if last_s > HEALED_S:
        return ok(said, **dict(counted))
    return warn(said, Fix("see them all", "polyshared errors"), **dict(counted))


def rotation(facts: Facts) -> Verdict:
    """Are the logs kept small?"""
    found = facts.logs.value
    if found.largest is None:
        raise NotApplicable("there is no log")
    name = words.with_short_ids(found.largest.name)
    said = f"the largest is {name}, {words.size(found.largest_bytes)}"
    if found.largest_bytes > LARGE_LOG:
        cure = Fix("set it aside", action="set_log_aside", target=str(found.largest))
        return warn(f"{said}, limit is {words.size(LARGE_LOG)}", cure)
    return ok(said)


_SAID = ("supervisor",)
_ALL = ("supervisor", "children")
CHECKS: tuple[Check[Facts], ...] = (
    Check("strat.stages", "no stage is broken", stages, ("child.wait", "child.responding"), _ALL),
    Check("order.venue", "the exchange takes orders", venue, ("agg.running",), (*_SAID, "ledger")),
    Check(
        "order.fills",
        "fills are told at once",
        user_channel,
        ("agg.running", "agg.socket", "order.venue"),
        _SAID,
    ),
    Check(
        "order.dead_man",
        "the exchange hears of us",
        dead_man,
        ("agg.running", "agg.socket", "order.venue"),
        _SAID,
    ),
    Check("order.ledger", "every order's outcome is known", ledger, ("order.venue",), ("ledger",)),
    Check(
        "order.account",
        "the account is read",
        account,
        ("agg.running", "child.responding", "order.venue", "order.ledger"),
        (*_ALL, "ledger"),
    ),
    Check(
        "order.unattended",
        "no order is left alone",
        unattended,
        ("child.count", "order.ledger"),
        (*_ALL, "ledger"),
    ),
    Check("order.recent", "orders are placed", recent, ("strat.stages", "order.venue"), _ALL),
    Check(
        "logs.errors",
        "no errors were logged lately",
        errors,
        (
            "agg.running",
            "agg.thread",
            "agg.socket",
            "child.count",
            "child.responding",
            "cache.json",
            "host.disk",
            "host.inodes",
        ),
        ("supervisor", "logs"),
    ),
    Check("logs.rotation", "logs are kept small", rotation, (), ("logs",)),
)
