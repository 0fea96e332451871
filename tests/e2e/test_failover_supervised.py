"""What a user sees when the feed, the supervisor or its machine fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.failover import always_quoting, live_on, starting_together
from tests.support.program import eventually, supervised
from tests.support.simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


def test_try(tmp_path: Path) -> None:
    import json, time
    with running_simulator(tokens=3,tempers="quiet") as sim, supervised(
        "--live", "--no-repl", *starting_together(tmp_path), *always_quoting(tmp_path),
        "--tokens",",".join(sim.tokens),
        directory=tmp_path, env=live_on(sim)) as run:
        t=time.time()
        try:
            eventually(lambda: len(run.children())==3 and all(c["open_orders"] for c in run.children().values()), within_s=30, what="orders")
            print("ok", time.time()-t)
        except BaseException as e: print("ERR",e)
        for c in run.children().values(): print(json.dumps(c)[:1500])
        print("open conn", sim.stats().get("connections"))
        print(run.stop())
    print(open(tmp_path/"out.txt").read()[-3000:])
    assert 0
