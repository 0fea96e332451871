#!/usr/bin/env python3
"""Run the market maker: one aggregator, one strategy process for each outcome token.

Only the standard library is imported here, so that a missing package is one sentence
and exit code 3 instead of a traceback.
"""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    """Run until told to stop and return the exit code."""
    try:
        from POLYMARKET_MAKER.autorun import run  # noqa: PLC0415 - see above
    except ImportError as error:
        print(
            f"cannot start (无法启动 WS 聚合器): Python package {error.name!r} is missing "
            f"or broken in {sys.executable}; "
            "run `. .venv/bin/activate` first (`make demo` makes .venv), "
            "or `pip install -r requirements.txt`",
            file=sys.stderr,
        )
        return 3
    return run(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
