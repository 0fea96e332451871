"""Follow watched accounts: ``python copytrade_run.py [--config PATH] [--once]``.

Writes the files that say which tokens to trade. It works from any directory and
needs no key.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Watch until told to stop and return the exit code."""
    try:
        from POLYMARKET_MAKER.token_source import run  # noqa: PLC0415 - the path must be right first
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"cannot start: Python package {error.name!r} is missing in {sys.executable}; "
            f"run `. {ROOT / '.venv/bin/activate'}` first\n"
        )
        return 3
    return run(arguments)


if __name__ == "__main__":
    # This script's own folder came first; the package is found from the folder above it.
    sys.path[0] = str(ROOT)
    sys.exit(main(sys.argv[1:]))
