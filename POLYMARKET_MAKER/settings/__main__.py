"""``python -m POLYMARKET_MAKER.settings``: print docs/settings.md."""

from POLYMARKET_MAKER.settings.reference import reference

if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201 - its output is its purpose
