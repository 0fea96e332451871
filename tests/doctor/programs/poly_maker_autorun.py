"""A supervisor for doctor to look at: data directory and a plan as arguments.

The plan: ``tokens``; ``root``; ``status`` and ``aggregator`` (laid over what it says),
``entries`` (laid over the snapshot's entries), ``children`` (laid over what every child
says), ``writes`` (false: no snapshot), ``env`` (false: children are told of no file).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from polyshared import SnapshotWriter, write_atomic
from polyshared.doctor.processes import started_s

CHILD = Path(__file__).resolve().parent / "Volatility_arbitrage_run.py"
QUOTE: dict[str, Any] = {
    "price": 0.5,
    "best_bid": 0.49,
    "best_ask": 0.51,
    "health": "live",
    "event_type": "book",
}


def aggregator(data: Path, wanted: int, over: dict[str, Any]) -> dict[str, Any]:
    line = {
        "id": 0,
        "state": "open",
        "opened_at": time.time() - 60,
        "last_frame_at": time.time(),
        "connects": 1,
        "wanted": wanted,
        "confirmed": wanted,
        "last_close": None,
    }
    return {
        "state": "serving",
        "cache": str(data / "ws_cache.json"),
        "error": None,
        "wanted": wanted,
        "confirmed": wanted,
        "frames": {"received": {"book": 9}, "used": {"book": 9}},
        "unknown_types": {},
        "unreadable": 0,
        "connections": [line],
        **over,
    }


def start_child(data: Path, token: str, plan: dict[str, Any]) -> subprocess.Popen[bytes]:
    config = data / f"run_params_{token}.json"
    config.write_text(json.dumps({"token_id": token, **plan.get("children", {})}))
    cache = {"POLY_WS_SHARED_CACHE": str(data / "ws_cache.json")}
    env = os.environ | (cache if plan.get("env", True) else {})
    return subprocess.Popen([sys.executable, str(CHILD), str(config)], env=env)


def status(data: Path, plan: dict[str, Any], pids: dict[str, int]) -> dict[str, Any]:
    return {
        "tasks": {
            token: {"status": "running", "pid": pid, "log_path": f"logs/autorun_{token}.log"}
            for token, pid in pids.items()
        },
        "mode": "demo",
        "state": "running",
        "pid": os.getpid(),
        "pid_started_s": started_s(os.getpid()),
        "boottime_s": time.clock_gettime(time.CLOCK_BOOTTIME),
        "written_at": time.time(),
        "started_at": time.time() - 60,
        "data_dir": str(data),
        "log_dir": str(data.parent / "logs"),
        "interpreter": sys.executable,
        "root": plan["root"],
        "aggregator": aggregator(data, len(pids), plan.get("aggregator", {})),
        "venue": {"state": "open", "order_version": 2, "reason": None},
        **plan.get("status", {}),
    }


def publish(writer: SnapshotWriter, tokens: list[str], over: dict[str, Any]) -> None:
    now = time.time()
    writer.set_feed({"state": "open", "wanted": len(tokens), "confirmed": len(tokens)})
    for token in tokens:
        writer.put(token, {**QUOTE, "ts": now, "updated_at": now, **over})


def main() -> None:
    data, plan = Path(sys.argv[1]), json.loads(sys.argv[2])
    tokens = plan["tokens"]
    writer = SnapshotWriter(data / "ws_cache.json") if plan.get("writes", True) else None
    if writer is not None:
        publish(writer, tokens, plan.get("entries", {}))
        writer.start()
    (data / "children").mkdir()
    children = {token: start_child(data, token, plan) for token in tokens}
    while any(not (data / "children" / f"{token}.json").exists() for token in tokens):
        time.sleep(0.02)
    ready = False
    while True:
        pids = {token: child.pid for token, child in children.items()}
        text = json.dumps(status(data, plan, pids)).encode()
        write_atomic(data / "autorun_status.json", text)
        if not ready:
            print("ready", flush=True)
            ready = True
        for child in children.values():
            child.poll()
        if writer is not None:
            publish(writer, tokens, plan.get("entries", {}))
        time.sleep(0.2)


main()
