"""``python -m POLYMARKET_MAKER.sim``: an offline exchange on 127.0.0.1.

Prints one JSON line with its URLs when it accepts connections, then runs until
SIGTERM or SIGINT. Exit codes: 0 asked to stop, 1 unexpected fault, 2 usage,
3 cannot start here (port in use, package missing).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec

EXIT_CANNOT_START = 3
LATE = ("eth_abi", "eth_keys", "eth_utils")
"""Packages that are imported with the first signature to judge."""


def main(arguments: list[str] | None = None) -> int:
    try:
        from POLYMARKET_MAKER.sim import program  # noqa: PLC0415 - a missing package is a sentence

        _need(LATE)
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"simulator: package {error.name} is missing; "
            "python -m pip install -r requirements.txt\n"
        )
        return EXIT_CANNOT_START
    return program.run(program.parse(arguments))


def _need(names: Iterable[str]) -> None:
    """Raise ModuleNotFoundError for a package that is not installed, without importing it."""
    for name in names:
        if find_spec(name) is None:
            raise ModuleNotFoundError(name=name)


if __name__ == "__main__":
    sys.exit(main())
