"""Run ``polyshared``, or ``python -m polyshared``."""

import sys

CANNOT_START = 3


def main() -> None:
    try:
        from polyshared.cli import main as run  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"polyshared: the command needs the package {error.name!r}, the library does not; "
            "pip install 'polyshared[cli]'\n"
        )
        sys.exit(CANNOT_START)
    run()


if __name__ == "__main__":
    main()
