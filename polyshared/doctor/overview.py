"""What runs, on one screen of 80 columns."""

from __future__ import annotations

import textwrap

from polyshared.doctor import words
from polyshared.doctor.children import Child
from polyshared.doctor.facts import OLD_AFTER_S, Facts
from polyshared.doctor.graph import Known
from polyshared.doctor.statusfiles import ChildStatus, Supervisor
from polyshared.doctor.why import STAGES

WIDTH = 80
_HEAD = ("token", "state", "source", "bid", "ask", "age", "position", "orders", "stage")
_WIDTHS = (9, 8, 6, 6, 6, 6, 9, 6, 0)


def cells(*columns: tuple[str, int], last: str) -> list[str]:
    """Return one row of fixed columns; the last wraps under itself."""
    head = "".join(f"{text:<{width}.{width}} " for text, width in columns)
    indent = " " * len(head)
    return textwrap.wrap(
        last, WIDTH, initial_indent=head, subsequent_indent=indent, break_on_hyphens=False
    ) or [head.rstrip()]


def is_well(facts: Facts) -> bool:
    """Whether the supervisor works, and each child that should run does."""
    supervisor = facts.supervisor
    if not isinstance(supervisor, Known) or not supervisor.value.is_alive:
        return False
    if supervisor.value.age_s > OLD_AFTER_S or not isinstance(facts.children, Known):
        return False
    should = [child for child in facts.children.value.known if child.should_run]
    return all(state_of(child) in ("running", "starting") for child in should)


def state_of(child: Child) -> str:
    """Return one word for a child: what the machine says counts before what it says itself."""
    if child.is_stopped:
        return "stopped"
    if child.task is not None and child.task.status != "running":
        return child.task.status
    if not child.is_alive:
        return "gone"
    if child.said is None:
        return "starting" if child.is_starting else "silent"
    return child.said.state if child.age_s <= OLD_AFTER_S else "hung"


def stage_of(status: ChildStatus) -> str:
    """Return the first stage that is not passed, with its reason; empty when all are."""
    for name in STAGES:
        stage = status.stages.get(name)
        if stage is not None and stage.state != "ok":
            return f"{name}: {stage.reason}"
    return ""


def lines(facts: Facts) -> list[str]:
    """Return the screen."""
    supervisor = facts.supervisor.value
    found = [*_head(facts, supervisor.said), ""]
    columns = list(zip(_HEAD, _WIDTHS, strict=True))
    found += cells(*columns[:-1], last=_HEAD[-1])
    for child in facts.children.value.known:
        row = list(zip(_row(child), _WIDTHS, strict=True))
        found += cells(*row[:-1], last=row[-1][0])
    return found


def _head(facts: Facts, said: Supervisor) -> list[str]:
    aggregator = said.aggregator
    alive = facts.supervisor.value.is_alive
    since = "" if said.started_at is None else words.age(facts.now.wall_s - said.started_at)
    lines_open = sum(line.state == "open" for line in aggregator.connections)
    process = f"pid {said.pid}" if alive else "gone"
    feed = (
        f"aggregator {aggregator.state}, {lines_open} of {len(aggregator.connections)} lines open, "
        f"{aggregator.confirmed} of {aggregator.wanted} tokens confirmed"
    )
    return [
        f"{said.mode}, {process}, {said.state} {since}, {facts.located.data_dir}",
        feed,
        f"exchange {said.venue.state}",
        *textwrap.wrap(_lateness(facts), WIDTH),
    ]


def _lateness(facts: Facts) -> str:
    """Say how late the worst child is: percentiles of several children cannot be merged."""
    found = [child.said for child in facts.children.value.known if child.said is not None]
    p50 = [status.lag_ms.p50 for status in found if status.lag_ms.p50 is not None]
    p99 = [status.lag_ms.p99 for status in found if status.lag_ms.p99 is not None]
    ages = [age for status in found if (age := _age_at_order_ms(status)) is not None]
    way = "not known yet"
    if p50 and p99:
        way = f"p50 {max(p50):.1f} ms, p99 {max(p99):.1f} ms"
    at_order = f"{max(ages):.0f} ms" if ages else "not known yet"
    return f"worst child: frame to child {way}; quote age at order {at_order}"


def _age_at_order_ms(status: ChildStatus) -> float | None:
    return None if status.last_order is None else status.last_order.data_age_ms


def _row(child: Child) -> tuple[str, ...]:
    said = child.said
    quote = None if said is None else said.quote
    position = None if said is None else said.position
    orders = None if said is None else said.open_orders
    return (
        words.short(child.token_id),
        state_of(child),
        _text(said and said.source),
        _text(quote and quote.best_bid),
        _text(quote and quote.best_ask),
        "-" if quote is None or quote.age_s is None else words.age(quote.age_s).replace(" ", ""),
        _text(position and shares(position.size)),
        "-" if orders is None else str(len(orders)),
        "" if said is None else stage_of(said),
    )


def shares(size: str) -> str:
    """Return a size without the zeros that a sum leaves behind."""
    return size.rstrip("0").rstrip(".") if "." in size else size


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def as_object(facts: Facts) -> dict[str, object]:
    """Return the same as an object."""
    said = facts.supervisor.value.said
    return {
        "schema": 1,
        "data_dir": str(facts.located.data_dir),
        "mode": said.mode,
        "pid": said.pid,
        "alive": facts.supervisor.value.is_alive,
        "state": said.state,
        "aggregator": said.aggregator.state,
        "children": {
            child.token_id: {
                **dict(zip(_HEAD[1:], _row(child)[1:], strict=True)),
                "lag_ms": {
                    "p50": child.said and child.said.lag_ms.p50,
                    "p99": child.said and child.said.lag_ms.p99,
                },
                "data_age_ms": child.said and _age_at_order_ms(child.said),
            }
            for child in facts.children.value.known
        },
    }
