"""The settings of one start for a person: ``--show-config``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass

from POLYMARKET_MAKER.log import HIDDEN, plain
from POLYMARKET_MAKER.settings.assignment import merge_strategy
from POLYMARKET_MAKER.settings.model import CHILD_GROUPS, GLOBAL_GROUPS, Settings
from POLYMARKET_MAKER.settings.names import BY_NAME
from POLYMARKET_MAKER.settings.schema import Declared, declared
from POLYMARKET_MAKER.settings.urls import URL_NAMES

Line = tuple[str, str, str]
"""Name, value, and where it came from."""


def show(settings: Settings) -> str:
    """Write the merged result: each value, its unit, where it came from; secrets as ``***``."""
    sections = {
        "run": _run(settings),
        "exchange": _exchange(settings),
        "global_config.json": list(_groups(settings)),
        "strategy of a token without a topic": list(_strategy(settings, None)),
    }
    for token in settings.strategy_topics:
        sections[f"strategy of {token}, where it differs"] = _topic(settings, token)
    lines = [each for section in sections.values() for each in section]
    wide = max(len(name) for name, _, _ in lines)
    wider = min(40, max(len(value) for _, value, _ in lines))
    text = []
    for title, section in sections.items():
        text += ["", f"# {title}"]
        text += [
            f"{name:<{wide}}  {value:<{wider}}  {origin}".rstrip()
            for name, value, origin in section
        ]
    text += [f"# warning: {each}" for each in settings.warnings]
    return "\n".join(text).lstrip("\n") + "\n"


def _run(settings: Settings) -> list[Line]:
    options = settings.options
    return [
        ("mode", str(settings.mode), settings.origins.get("mode", "")),
        ("data_dir", str(settings.data_dir), ""),
        ("log_dir", str(settings.log_dir), ""),
        ("tokens", plain(settings.tokens), "option" if options.tokens else ""),
        ("clock_scale", plain(settings.clock_scale), "option" if options.clock_scale != 1 else ""),
    ]


def _exchange(settings: Settings) -> list[Line]:
    urls = settings.urls.as_dict()
    lines = [(URL_NAMES[name], url, _url_origin(name, url)) for name, url in urls.items()]
    lines.append(("POLY_CHAIN_ID", str(settings.chain_id), ""))
    found = settings.credentials
    prefix = "POLY_DEMO_" if settings.mode == "demo" else "POLY_"
    lines.append((f"{prefix}KEY", HIDDEN if found else "-", ""))
    if found is not None:
        lines += [
            (f"{prefix}FUNDER", found.funder or "the key's own address", ""),
            (f"{prefix}SIGNATURE", str(found.signature_type), ""),
            (f"{prefix}API_KEY", HIDDEN if found.api else "- (derived at the start)", ""),
        ]
    return lines


def _url_origin(name: str, url: str) -> str:
    return "default" if url == BY_NAME[URL_NAMES[name]].default else "environment"


def _groups(settings: Settings) -> Iterator[Line]:
    for name, group in GLOBAL_GROUPS:
        if not name:
            continue  # mode and tokens stand above, as they came out
        values = getattr(settings, name)
        for each in declared(group, name):
            yield _line(each, getattr(values, each.name), settings.origins.get(each.path))


def _strategy(settings: Settings, token: str | None) -> Iterator[Line]:
    merged = merge_strategy(settings, token)
    values = {"": merged.strategy, "maker": merged.maker}
    for name, group in CHILD_GROUPS:
        for each in declared(group, name):
            value = getattr(values[name], each.name)
            origin = merged.origins.get(each.path)
            if name and origin is None:  # not said for strategies: stands under global_config
                continue
            yield _line(each, value, origin)


def _topic(settings: Settings, token: str) -> list[Line]:
    common = set(_strategy(settings, None))
    return [line for line in _strategy(settings, token) if line not in common]


def _line(key: Declared, value: object, origin: str | None) -> Line:
    shown = HIDDEN if key.key.secret and value is not None else show_value(value)
    unit = f" {key.key.unit}" if key.key.unit and value is not None else ""
    return key.path, f"{shown}{unit}", origin or "default"


def show_value(value: object) -> str:
    """Write a value as a file would, nested ones as name:value."""
    if is_dataclass(value) and not isinstance(value, type):
        names = [each.name for each in declared(type(value))]
        said = (f"{name}: {show_value(getattr(value, name))}" for name in names)
        return "{" + ", ".join(said) + "}"
    return plain(value)
