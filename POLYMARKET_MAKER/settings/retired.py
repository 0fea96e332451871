"""Keys of old files that no longer do anything, each with the reason. They warn, never fail.

A name without a dot stands for the key at any place, and for all keys below it.
"""

from __future__ import annotations

_NO_POLL = "the program acts on what happens, it does not poll"
_REFILL = "an ended token returns to the queue by itself, and being idle is no fault"
_START_GATE = "children start without waiting for a quote, and take their own line when they must"
_LIQUIDATION = "there is no automatic liquidation; --flatten sells by hand"
_HEALTH = "the line is judged by its heartbeat, a token by its own rhythm"
_NEVER_USED = "nothing ever read it"
_NOT_BUILT = "this feature of the earlier program's later versions is not built"

GLOBAL: dict[str, str] = {
    "command_poll_seconds": "console commands are acted on at once",
    "command_poll_sec": "console commands are acted on at once",
    "poll_interval_seconds": "console commands are acted on at once",
    "copytrade_poll_seconds": "the token and sell-signal files are looked at in every turn",
    "copytrade_poll_sec": "the token and sell-signal files are looked at in every turn",
    "max_concurrent_jobs": "it never did; the key is scheduler.max_concurrent_tasks",
    "sell_position_poll_interval_sec": "positions follow from the account's own channel",
    "enable_slot_refill": _REFILL,
    "refill_cooldown_minutes": _REFILL,
    "refill_cooldown_minutes_with_position": _REFILL,
    "refill_cooldown_minutes_no_position": _REFILL,
    "max_refill_retries": _REFILL,
    "refill_check_interval_sec": _REFILL,
    "enable_pending_soft_eviction": _START_GATE,
    "pending_soft_eviction_minutes": _START_GATE,
    "pending_soft_eviction_check_interval_sec": _START_GATE,
    "process_start_retries": "a child that crashes is started again with growing pauses",
    "process_retry_delay_sec": "a child that crashes is started again with growing pauses",
    "log_excerpt_interval_sec": "no program reads log text; see the status files",
    "shared_ws_max_pending_wait_sec": _START_GATE,
    "shared_ws_wait_timeout_sec": _START_GATE,
    "shared_ws_wait_poll_sec": _START_GATE,
    "shared_ws_wait_failures_before_pause": _START_GATE,
    "shared_ws_wait_pause_minutes": _START_GATE,
    "shared_ws_wait_escalation_window_sec": _START_GATE,
    "shared_ws_wait_escalation_min_failures": _START_GATE,
    "ws_no_event_warn_interval_sec": _HEALTH,
    "ws_silence_timeout_sec": _HEALTH,
    "ws_custom_feature_enabled": "it is always on for the shared line",
    "ws_subscribe_chunk_size": "subscriptions go in chunks of at most 100, as the exchange needs",
    "ws_subscribe_chunk_interval_ms": "subscriptions go in chunks as the exchange needs",
    "ws_unsubscribe_grace_sec": "it is always 120 s",
    "ws_ready_use_confirmed": "a token counts as subscribed when its book came",
    "maker.poll_sec": _NO_POLL,
    "maker.position_sync_interval": _NO_POLL,
    "maker_poll_sec": _NO_POLL,
    "maker_position_sync_interval": _NO_POLL,
    "total_liquidation": _LIQUIDATION,
    "strategy_mode": _NOT_BUILT,
    "burst_slots": _NOT_BUILT,
    "enable_burst_queue": _NOT_BUILT,
    "enable_reentry": _NOT_BUILT,
    "buy_pause_min_free_balance": "an order that the balance does not cover is not placed",
    "buy_pause_balance_poll_interval_sec": "an order the balance does not cover is not placed",
    "title_blacklist": _NOT_BUILT,
    "stoploss": _NOT_BUILT,
    "orphan_recovery": "orphans are always found at the start, by process id and start time",
    "gap_skip_backoff_minutes": _NOT_BUILT,
    "startup_double_zero_confirm_hits": "the ledger knows what is open before anything is bought",
}

STRATEGY: dict[str, str] = {
    "maker_poll_sec": _NO_POLL,
    "maker_position_sync_interval": _NO_POLL,
    "no_event_exit_minutes": "a quiet market ends no child",
    "stagnation_window_minutes": "a flat market ends no child",
    "stagnation_pct": "a flat market ends no child",
    "market_url": "the market follows from the token",
    "order_size_is_target": "order_size is always what to hold after a buy",
    "side": "the token says the side",
    "yes_token": "the token is token_id",
    "no_token": "the token is token_id",
    "min_edge": _NEVER_USED,
    "max_position_per_market": f"{_NEVER_USED}; the limit is max_notional_per_token",
    "spread_target": _NEVER_USED,
    "refresh_interval_seconds": _NEVER_USED,
    "max_open_orders": _NEVER_USED,
    "volume_growth_factor": "the volume it needs was never known",
    "resume_state": "positions stand in the ledger",
    "refill_retry_count": _REFILL,
    "random_action_delay_sec_min": _NOT_BUILT,
    "random_action_delay_sec_max": _NOT_BUILT,
    "random_buy_shares_add_max": _NOT_BUILT,
    "enable_incremental_profit_pct": _NOT_BUILT,
    "incremental_profit_pct_step": _NOT_BUILT,
    "shock_guard": _NOT_BUILT,
}

COPYTRADE: dict[str, str] = {
    "blacklist_path": _NOT_BUILT,
}


def reason(table: dict[str, str], path: str) -> str | None:
    """Return why the key at *path* does nothing; None when it is not a retired key."""
    parts = path.split(".")
    names = (path, *parts)
    return next((table[name] for name in names if name in table), None)
