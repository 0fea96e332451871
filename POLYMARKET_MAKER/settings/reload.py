"""Read the files again while the program runs: all or nothing, and never looser.

Only files are read again; options and environment are those of the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.settings.assignment import merge_strategy
from POLYMARKET_MAKER.settings.groups import General, Risk
from POLYMARKET_MAKER.settings.load import Files, read_files
from POLYMARKET_MAKER.settings.model import GLOBAL_GROUPS, Settings
from POLYMARKET_MAKER.settings.reader import Findings, build
from POLYMARKET_MAKER.settings.schema import Declared, declared
from POLYMARKET_MAKER.settings.show import show_value
from POLYMARKET_MAKER.settings.strategy_keys import StrategyParams


class Takes(StrEnum):
    """When a changed key takes effect."""

    NOW = "at once"
    CHILD = "for each child at its next start"
    RESTART = "after a restart"


GROUPS = {
    "scheduler": Takes.NOW,
    "paths": Takes.RESTART,
    "maker": Takes.CHILD,
    "feed": Takes.CHILD,
    "risk": Takes.RESTART,
    "copytrade": Takes.RESTART,
    "alerts": Takes.NOW,
    "debug": Takes.RESTART,
}
EXCEPTIONS = {
    "mode": Takes.RESTART,
    "tokens": Takes.NOW,
    "scheduler.on_supervisor_loss": Takes.CHILD,
    "feed.ws_shared": Takes.RESTART,
    "feed.ws_cache_flush_min_interval_sec": Takes.RESTART,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One key that the files now say differently. It prints as one line for the log."""

    path: str
    before: str
    after: str
    takes: Takes

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}, {self.takes}"


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Outcome of a reload.

    Attributes:
        settings: To go on with; what needs a restart is as it was.
        changes: Everything that the files now say differently.
    """

    settings: Settings
    changes: tuple[Change, ...]


def reload_settings(current: Settings) -> Reloaded:
    """Read the files again.

    Raises:
        SettingsError: With every problem; *current* goes on holding.
    """
    findings = Findings()
    files = read_files(current.options, findings)
    if findings.problems:
        raise SettingsError(*findings.problems)
    changed, changes = _groups(current, files)
    after = replace(changed, strategy_layers=files.layers, strategy_topics=files.topics)
    changes += _strategy_changes(current, after)
    return Reloaded(replace(after, warnings=tuple(findings.warnings)), tuple(changes))


def tightened(now: Risk, said: Risk) -> Risk:
    """Return the tighter of both for every limit; the rest is as *now*."""
    limits = {
        each.name: getattr(said, each.name)
        for each in declared(Risk, "risk")
        if _takes(each, getattr(now, each.name), getattr(said, each.name)) is Takes.NOW
    }
    return replace(now, **limits)


def _groups(current: Settings, files: Files) -> tuple[Settings, list[Change]]:
    changes: list[Change] = []
    settings = current
    for name, group in GLOBAL_GROUPS:
        if not name:
            continue
        before = getattr(current, name)
        said = build(group, name, files.values)
        taken: dict[str, object] = {}
        for key in declared(group, name):
            change = _change(key, getattr(before, key.name), getattr(said, key.name))
            if change is not None and not _is_pinned(current, key):
                changes.append(change)
                if change.takes is not Takes.RESTART:
                    taken[key.name] = getattr(said, key.name)
        settings = replace(settings, **{name: replace(before, **taken)})
    return _general(settings, build(General, "", files.values), changes), changes


def _general(settings: Settings, said: General, changes: list[Change]) -> Settings:
    keys = {each.name: each for each in declared(General)}
    decided_here = settings.origins.get("mode", "").endswith(".json mode")
    if decided_here and (change := _change(keys["mode"], settings.mode, said.mode)):
        changes.append(change)
    if settings.options.tokens:
        return settings
    if change := _change(keys["tokens"], settings.tokens, said.tokens):
        changes.append(change)
    return replace(settings, tokens=said.tokens)


def _is_pinned(current: Settings, key: Declared) -> bool:
    """Tell whether an option or the environment decided this key, whatever the files say."""
    options = current.options
    return (
        (key.path == "feed.ws_shared" and not options.ws_shared)
        or (key.path == "debug.log_level" and options.verbose)
        or key.path == "debug.ws_debug_raw"
    )


def _change(key: Declared, before: object, after: object) -> Change | None:
    if before == after:
        return None
    hide = key.key.secret
    seen = ("***", "***") if hide else (show_value(before), show_value(after))
    return Change(key.path, *seen, _takes(key, before, after))


def _takes(key: Declared, before: object, after: object) -> Takes:
    if key.key.is_limit and before != after:
        is_lower = before is None or (after is not None and after < before)  # type: ignore[operator]
        return Takes.NOW if is_lower else Takes.RESTART
    return EXCEPTIONS.get(key.path) or GROUPS[key.group]


def _strategy_changes(before: Settings, after: Settings) -> list[Change]:
    tokens = dict.fromkeys((None, *before.strategy_topics, *after.strategy_topics))
    return [change for token in tokens for change in _token_changes(before, after, token)]


def _token_changes(before: Settings, after: Settings, token: str | None) -> Iterator[Change]:
    old, new = merge_strategy(before, token).strategy, merge_strategy(after, token).strategy
    place = "strategy" if token is None else f"strategy of {token}"
    for key in declared(StrategyParams):
        was, now = getattr(old, key.name), getattr(new, key.name)
        if was != now:
            path = f"{place} {key.name}"
            yield Change(path, show_value(was), show_value(now), Takes.CHILD)
