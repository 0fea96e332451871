"""Run ``python -m polyshared``."""

from polyshared.cli import main

main()
