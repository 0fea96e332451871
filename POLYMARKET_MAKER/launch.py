"""Bring a child to life: its settings file first, then the process with its log."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.children import Child, child_log_path, start_child
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.lanes import Lane, Limits, Start
from POLYMARKET_MAKER.desk import Desk
from POLYMARKET_MAKER.settings import Settings, build_run_params
from polyshared import write_atomic


def launch(
    turn: Start, settings: Settings, desk: Desk, shared_cache: Path | None, *, now_mono: float
) -> Child:
    """Start the child whose turn it is.

    Args:
        turn: Which token, and whether it is only to be sold.
        settings: In force now; the child keeps them for its life.
        desk: Knows the environment of a child, with its credentials.
        shared_cache: The aggregator's file when it serves at this moment, else None.
        now_mono: Monotonic seconds.

    Raises:
        OSError: A file could not be written or the process not be made; nothing runs.
    """
    is_exit = turn.lane is Lane.EXIT
    for directory in (settings.data_dir, settings.log_dir):  # somebody may have tidied up
        os.makedirs(directory, exist_ok=True)
    config_path = settings.data_dir / f"run_params_{turn.token_id}.json"
    if not is_exit:  # left by a signal that was acted on just when the supervisor died
        exit_signal_path(settings.data_dir, turn.token_id).unlink(missing_ok=True)
    run_params = build_run_params(settings, turn.token_id, exit_only=is_exit)
    write_atomic(config_path, msgspec.json.format(msgspec.json.encode(run_params), indent=2))
    child = start_child(
        turn.token_id,
        config_path=config_path,
        log_path=child_log_path(settings.log_dir, turn.token_id, is_exit_only=is_exit),
        env=desk.child_environment(shared_cache),
        shared_cache=shared_cache,
        now_mono=now_mono,
    )
    log.info(
        "[START]",
        topic=turn.token_id,
        pid=child.pid,
        src=child.source_at_start,
        log=child.log_path.name,
    )
    return child


def exit_signal_path(data_dir: Path, token_id: str) -> Path:
    """Return the file that tells the child of a token to sell out and end."""
    return data_dir / f"exit_signal_{token_id}.json"


def limits_of(settings: Settings, clock: Clock) -> Limits:
    """Return how many children there may be, and how far apart they are started."""
    scheduler = settings.scheduler
    return Limits(
        max_trading=scheduler.max_concurrent_tasks,
        max_exiting=scheduler.max_exit_cleanup_tasks,
        spacing_s=clock.real_s(scheduler.topic_start_cooldown_sec),
        exit_spacing_s=clock.real_s(scheduler.exit_start_stagger_sec),
    )
