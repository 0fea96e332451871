"""A strategy process for doctor to look at; its run_params are laid over what it says."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from polyshared import write_atomic
from polyshared.doctor.processes import started_s


def main() -> None:
    config = Path(sys.argv[1])
    over = json.loads(config.read_text())
    target = config.parent / "children" / f"{over['token_id']}.json"
    while True:
        now = time.time()
        said = {
            "mode": "demo",
            "state": "running",
            "pid": os.getpid(),
            "pid_started_s": started_s(os.getpid()),
            "boottime_s": time.clock_gettime(time.CLOCK_BOOTTIME),
            "written_at": now,
            "started_at": now - 60,
            "source": "shared",
            "seq": 7,
            "reads": {"ok": 40},
            "lag_ms": {"p50": 0.4, "p99": 2.1, "count": 40},
            "quote": {"best_bid": "0.49", "best_ask": "0.51", "age_s": 0.4, "at": now},
            "stages": {"quote": {"state": "ok", "reason": "live", "since": now - 60}},
            "counts": {"orders": 1},
            **over,
        }
        write_atomic(target, json.dumps(said).encode())
        time.sleep(0.2)


main()
