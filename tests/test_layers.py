"""Who may import whom, as docs/architecture.md says it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAKER = "POLYMARKET_MAKER"
STANDARD = set(sys.stdlib_module_names) | {"__future__"}

CORE = {
    "__future__", "bisect", "collections", "dataclasses", "decimal", "enum", "functools",
    "hashlib", "json", "math", "msgspec", "statistics", "typing", f"{MAKER}.core",
}  # fmt: skip
LEAVES = {f"{MAKER}.{name}" for name in ("errors", "log", "clock", "settings")}
SHELLS = {f"{MAKER}.core", *LEAVES}
SNAPSHOT = {"polyshared"}
ABOVE = {f"{MAKER}.{name}" for name in ("worker", "supervisor")}


def imports(path: Path) -> Iterator[str]:
    """Yield every module that *path* imports, also inside its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: use absolute imports"
            module = node.module or ""
            if module == MAKER:
                yield from (f"{MAKER}.{alias.name}" for alias in node.names)
            else:
                yield module


def imports_of_main(path: Path) -> Iterator[str]:
    """Yield what only ``main()`` imports: run as a script, a module may know anybody."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == "main":
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom):
                    yield inner.module or ""


def within(name: str, allowed: set[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


def sources(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def foreign(path: Path, allowed: set[str]) -> list[str]:
    return [name for name in imports(path) if not within(name, allowed)]


@pytest.mark.parametrize("path", sources(f"{MAKER}/core/*.py"), ids=name_of)
def test_core_imports_nothing_that_can_wait_or_write(path: Path) -> None:
    """No socket, file, clock, thread, random or log call can hide in core."""
    assert foreign(path, CORE) == []


@pytest.mark.parametrize("path", sources("polyshared/**/*.py"), ids=name_of)
def test_polyshared_does_not_know_the_trading_program(path: Path) -> None:
    assert [name for name in imports(path) if within(name, {MAKER})] == []


@pytest.mark.parametrize("path", sources(f"{MAKER}/exchange/*.py"), ids=name_of)
def test_exchange_adapters_know_core_and_leaves_only(path: Path) -> None:
    adapters = {f"{MAKER}.exchange"}
    libraries = {
        "httpx",
        "py_clob_client",
        "py_clob_client_v2",
        "msgspec",
        "eth_account",
        "eth_utils",
    }
    assert foreign(path, STANDARD | SHELLS | adapters | libraries) == []


@pytest.mark.parametrize("path", sources(f"{MAKER}/sim/*.py"), ids=name_of)
def test_the_simulator_does_not_share_the_clients_parser(path: Path) -> None:
    """A simulator that parses as the client does makes the same mistakes."""
    words = {f"{MAKER}.sim", f"{MAKER}.clock", f"{MAKER}.core.model"}
    libraries = {"aiohttp", "eth_account", "eth_abi", "eth_utils", "eth_keys", "eth_typing"}
    assert foreign(path, STANDARD | words | libraries) == []


@pytest.mark.parametrize(
    "name", ["quotes", "aggregator", "user_feed", "ledger", "tokens", "recording"], ids=str
)
def test_shells_do_not_know_worker_and_supervisor(name: str) -> None:
    for path in sources(f"{MAKER}/{name}.py", f"{MAKER}/{name}/*.py"):
        assert [each for each in imports(path) if within(each, ABOVE)] == []


def test_the_worker_is_handed_its_exchange() -> None:
    adapters = {f"{MAKER}.exchange.{name}" for name in ("clob_v1", "clob_v2", "paper", "public")}
    for path in sources(f"{MAKER}/worker.py", f"{MAKER}/supervisor.py"):
        assert [each for each in imports(path) if within(each, adapters)] == []


def test_the_supervisor_starts_a_process_not_a_class() -> None:
    for path in sources(f"{MAKER}/supervisor.py", f"{MAKER}/children.py"):
        assert [each for each in imports(path) if within(each, {f"{MAKER}.worker"})] == []


@pytest.mark.parametrize(
    "name", ["Volatility_arbitrage_main_ws", "market_line", "ws_socket", "line"], ids=str
)
def test_the_websocket_shell_knows_neither_files_nor_orders(name: str) -> None:
    parts = {f"{MAKER}.{part}" for part in ("market_line", "ws_socket", "line")}
    path = ROOT / MAKER / f"{name}.py"
    as_a_script = set(imports_of_main(path))
    known = STANDARD | SHELLS | parts | {"websocket"}
    assert [each for each in foreign(path, known) if each not in as_a_script] == []


def test_the_root_script_imports_only_the_standard_library_at_module_level() -> None:
    """A missing package is exit 3 and a sentence, not a traceback."""
    tree = ast.parse((ROOT / "poly_maker_autorun.py").read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        name
        for node in top
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
        )
    }
    assert {name for name in names if not within(name, STANDARD)} == set()
