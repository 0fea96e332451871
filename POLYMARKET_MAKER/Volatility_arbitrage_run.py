"""Trade one token: ``python Volatility_arbitrage_run.py RUN_PARAMS.json [--shared-ws-cache=PATH]``.

The supervisor starts it by this path, so that ``ps`` shows it. By hand it works from any
directory.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Trade until told to stop and return the exit code."""
    try:
        from POLYMARKET_MAKER.child import run  # noqa: PLC0415 - the path must be right first
    except ModuleNotFoundError as error:
        print(
            f"cannot start: Python package {error.name!r} is missing in {sys.executable}; "
            f"run `. {ROOT / '.venv/bin/activate'}` first",
            file=sys.stderr,
        )
        return 2
    return run(arguments)


if __name__ == "__main__":
    # This script's own folder came first; the package is found from the folder above it.
    sys.path[0] = str(ROOT)
    sys.exit(main(sys.argv[1:]))
