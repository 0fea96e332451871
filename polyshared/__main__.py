"""Run ``python -m polyshared``."""

from polyshared.cli import main

if __name__ == "__main__":
    main()
