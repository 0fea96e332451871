"""``autorun_status.json``: who runs, who waits, and how the feed is; see docs/status.md."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec

from POLYMARKET_MAKER import VERSION, log
from POLYMARKET_MAKER.aggregator import Aggregator
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.processes import started_s
from POLYMARKET_MAKER.settings import Settings
from POLYMARKET_MAKER.supervisor import Supervisor
from polyshared import write_atomic

_TOLD_ABOVE = {"serves", "failure", "lines", "received", "used", "unknown"}
"""What the aggregator says under other names than docs/status.md."""
ROOT = Path(__file__).resolve().parent.parent


class StatusFile:
    """Writes the status file; a disk that is full is told once and is no reason to stop."""

    def __init__(
        self, path: Path, clock: Clock, *, more: Callable[[], Mapping[str, object]] = dict
    ) -> None:
        """Write to *path*; *more* returns further entries."""
        self._path = path
        self._clock = clock
        self._pid_started_s = started_s()
        self._failing = False
        self._more = more

    def write(self, supervisor: Supervisor, state: str) -> None:
        """Replace the file by the present state."""
        content = self._content(supervisor, state)
        try:
            write_atomic(self._path, msgspec.json.encode(content))
        except OSError as error:
            if not self._failing:
                log.error("[RUN]", event="status_not_written", reason=str(error))
            self._failing = True
        else:
            self._failing = False

    def _content(self, supervisor: Supervisor, state: str) -> dict[str, Any]:
        settings, now = supervisor.settings, self._clock.now()
        schedule = supervisor.fleet.schedule
        handled = sorted(schedule.handled)
        return {
            "timestamp": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "handled_topics_total": len(handled),
            "handled_topics": handled,
            "pending_topics": [each.token_id for each in schedule.queue],
            "tasks": {key: task.as_dict() for key, task in supervisor.fleet.tasks.items()},
            "schema": 1,
            "mode": settings.mode,
            "version": VERSION,
            "state": state,
            "pid": os.getpid(),
            "pid_started_s": self._pid_started_s,
            "boottime_s": self._clock.boot(),
            "written_at": now,
            "started_at": supervisor.started_at,
            "data_dir": str(settings.data_dir),
            "log_dir": str(settings.log_dir),
            "interpreter": sys.executable,
            "root": str(ROOT),
            "venue": supervisor.desk.venue(),
            "clearing": [
                key for key in supervisor.fleet.tasks if not supervisor.desk.is_clear(key)
            ],
            "settings": _in_force(settings),
            "aggregator": _aggregator(supervisor.aggregator, supervisor.cache_path),
            **self._more(),
        }


def _in_force(settings: Settings) -> dict[str, object]:
    """Say which files the settings are from, and those that others judge by."""
    options = settings.options
    return {
        "global_config": str(options.global_config.absolute()),
        "strategy_config": str(options.strategy_config.absolute()),
        "run_config_template": str(options.run_config_template.absolute()),
        "urls": settings.urls.as_dict(),
        "quote_max_age_s": settings.feed.quote_max_age_s,
        "no_order_warn_h": settings.alerts.no_order_warn_h,
    }


def _aggregator(aggregator: Aggregator | None, cache: Path) -> dict[str, Any]:
    if aggregator is None:
        return {"state": "off", "cache": None, "error": None}
    status = aggregator.status()
    state = "failed" if status["failure"] else "serving" if status["serves"] else "starting"
    lines = cast("list[dict[str, Any]]", status["lines"])
    return {
        "state": state,
        "cache": str(cache),
        "error": status["failure"] or None,
        "wanted": sum(line["wanted"] for line in lines),
        "confirmed": sum(line["confirmed"] for line in lines),
        "frames": {"received": status["received"], "used": status["used"]},
        "unknown_types": status["unknown"],
        "connections": [{**line, "last_close": line["last_reason"] or None} for line in lines],
        **{name: value for name, value in status.items() if name not in _TOLD_ABOVE},
    }
