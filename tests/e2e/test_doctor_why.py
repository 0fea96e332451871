"""`polyshared why` over the real program: what holds a token back is named, with its cure.

One start. Each token gets into a situation of its own, as the exchange, the market or the
settings bring it about; none is written into a status file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.live_account import ADDRESS, KEY, LiveAccount
from tests.support.program import Supervised, eventually, read_json, run_program, supervised
from tests.support.simulator import Simulator, addresses, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SCALE = 12
"""A market is quiet for a minute before anybody doubts it: here five seconds."""

QUOTING = {"strategy": "quote_both_sides", "order_size": 5, "min_half_spread": "0.02"}
STRATEGIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "frozen": {},
    "one-sided": {},
    "capped": {"order_size": 200, "inventory_limit": 1000},
    "ending": {"countdown": {"absolute_time": "2026-01-01T00:00:00Z"}},
    "taking": {"maker": {"post_only": False}},
    "calm": {"strategy": "volatility_arbitrage"},
}
AT_REST = ("plain", "frozen", "one-sided", "capped", "taking")


Said = tuple[int, str | None, str, str | None]
"""Exit code, link, reason and cure."""


@dataclass(frozen=True, slots=True)
class Town:
    """The program, and its tokens by what happens to them."""

    run: Supervised
    sim: Simulator
    account: LiveAccount

    def token(self, name: str) -> str:
        return self.sim.tokens[list(STRATEGIES).index(name)]

    def open_orders(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run.children()[self.token(name)]["open_orders"]
        return found

    def shows(self, name: str, stage: str, state: str, reason: str) -> bool:
        """Whether that stands at a stage of a token's child."""
        said = self.run.children()[self.token(name)]["stages"][stage]
        return bool((said["state"], said["reason"]) == (state, reason))

    def sees(self, name: str, *shown: str) -> None:
        """Wait until :meth:`shows`."""
        eventually(lambda: self.shows(name, *shown), within_s=60, what=f"{name} {shown}")

    def health(self, name: str) -> str:
        entries = read_json(self.run.data / "ws_cache.json")["tokens"]
        return str(entries[self.token(name)]["health"])

    def why(self, name: str) -> Said:
        command = ("-m", "polyshared", "why", self.token(name), "--json")
        ended = run_program(*command, "--data-dir", str(self.run.data))
        said = json.loads(ended.out)
        stops = next((link for link in said["links"] if link["name"] == said["first_red"]), None)
        if stops is None:
            return ended.code, None, "", None
        return ended.code, stops["name"], stops["reason"], stops["cure"]

    def lose_orders(self, name: str) -> None:
        """Let the exchange cancel them, as at the start of a game: they are placed anew."""
        self.sim.control(do="cancel_all", wallet=ADDRESS, token=self.token(name))


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """Run the program, each token with the strategy of its name, until all is at rest."""
    strategy, config = folder / "strategy.json", folder / "global.json"
    # A market that never rests is missed the soonest.
    tempers = ["busy" if name == "frozen" else "steady" for name in STRATEGIES]
    with running_simulator(tokens=len(STRATEGIES), tempers=",".join(tempers)) as sim:
        topics = dict(zip(sim.tokens, STRATEGIES.values(), strict=True))
        strategy.write_text(json.dumps({"default": QUOTING, "topics": topics}), "utf-8")
        scheduler = {"topic_start_cooldown_sec": 0, "process_stagger_max_sec": 0}
        risk = {"max_order_errors": 1000}  # what fails for one token is not to stop the others
        config.write_text(json.dumps({"scheduler": scheduler, "risk": risk}), "utf-8")
        arguments = (
            *("--live", "--no-repl", "--clock-scale", str(SCALE)),
            *("--tokens", ",".join(sim.tokens)),
            *("--strategy-config", str(strategy), "--global-config", str(config)),
        )
        keys = {"POLY_KEY": KEY, "POLY_FUNDER": ADDRESS, "POLY_SIGNATURE": "0"}
        env = addresses(sim) | keys
        with supervised(*arguments, directory=folder, env=env) as run:
            found = Town(run, sim, LiveAccount(run, sim, arguments, env))
            eventually(lambda: is_at_rest(found), within_s=120, what="orders of those that quote")
            yield found


def is_at_rest(found: Town) -> bool:
    out = found.run.data.parent / "out.txt"
    assert found.run.process.poll() is None, out.read_text("utf-8")
    return all(found.open_orders(name) for name in AT_REST) and found.shows(
        "calm", "signal", "wait", "no_drop"
    )


def test_what_holds_a_token_back_is_named_with_its_cure(tmp_path: Path) -> None:
    said: dict[str, Said] = {}
    with town(tmp_path) as here:
        for name in ("plain", "calm", "ending"):
            said[name] = here.why(name)
        make_trouble(here)
        for name in ("one-sided", "capped", "taking"):
            said[name] = here.why(name)
        freeze(here)
        said["frozen"] = here.why("frozen")
        here.sim.control(do="clear_faults")

        here.sim.control(do="fund", wallet=ADDRESS, usd="0")
        here.lose_orders("plain")
        here.sees("plain", "order", "blocked", "not enough balance / allowance")
        said["poor"] = here.why("plain")
        here.sim.control(do="fund", wallet=ADDRESS, usd="1000")
        eventually(lambda: bool(here.open_orders("plain")), within_s=60, what="an order again")

        here.sim.control(do="fault", path="/order", method="POST", kind="timeout", count=None)
        here.lose_orders("plain")
        here.sees("plain", "order", "blocked", "unknown")
        said["unknown"] = here.why("plain")
        here.sim.control(do="clear_faults")

        here.sim.control(do="rate_limit", kind="orders", per_s=0.01, burst=0.1)
        somebody_bids = {"side": "BUY", "price": "0.30", "size": "50"}
        here.sim.control(do="quote", token=here.token("one-sided"), **somebody_bids)
        here.sees("one-sided", "quote", "ok", "live")
        here.sees("one-sided", "budget", "blocked", "budget")
        said["busy"] = here.why("one-sided")

    assert said == EXPECTED


def make_trouble(here: Town) -> None:
    """Bring three tokens into their situations, and wait until their children know of it."""
    here.sim.control(do="mode", mode="post_only", retry_after_s=1000)
    here.lose_orders("taking")
    here.sim.control(do="empty_side", token=here.token("one-sided"), side="BUY")
    (buy,) = here.account.ours(here.token("capped"))
    here.account.sell_to_us(here.token("capped"), float(buy["original_size"]))
    here.sees("taking", "venue", "blocked", "post_only")
    here.sees("one-sided", "quote", "wait", "no_bid")
    here.sees("capped", "budget", "blocked", "cap_token")


def freeze(here: Town) -> None:
    """Let a token fall silent, and nobody vouch for what was last heard of it."""
    here.sim.control(do="fault", path="/book", kind="500", count=None)
    here.sim.control(do="freeze", tokens=[here.token("frozen")], sticky=True)
    eventually(lambda: here.health("frozen") == "suspect", within_s=90, what="a suspicion")


CAP = "cap_token: the cap of this token is reached (max_notional_per_token 25)"
DROP = "the price has not dropped enough in the window (drop_pct 0.01, drop_window_minutes 60)"
EXPECTED: dict[str, Said] = {
    "plain": (0, None, "", None),
    "calm": (0, "signal", f"no_drop: no signal: {DROP}", None),
    "ending": (
        *(0, "signal"),
        "sell_only: countdown before the market's end: nothing is bought any more",
        None,
    ),
    "one-sided": (0, "quote", "no_bid: one-sided book: nobody bids", None),
    "capped": (1, "budget", CAP, "wait for a sale, or raise it and restart"),
    "taking": (
        *(1, "venue"),
        "post_only: the exchange takes only resting orders just now",
        "wait; it goes on by itself",
    ),
    "frozen": (
        *(1, "entry"),
        "suspect: quiet for unusually long; a second source is being asked",
        "wait a minute; then polyshared doctor agg",
    ),
    "poor": (
        *(1, "order"),
        "the balance is too small (not enough balance / allowance)",
        "add funds, or lower order_size",
    ),
    "unknown": (
        *(1, "order"),
        "unknown: an order's outcome is not known; nothing new is signed before it is",
        "wait; it is asked until it is known; then polyshared doctor order.ledger",
    ),
    "busy": (
        *(1, "budget"),
        "the request budget is used up; it refills by itself",
        "wait; it goes on by itself",
    ),
}
