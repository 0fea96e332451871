"""docs/commands.md says what the programs say of themselves."""

from __future__ import annotations

import sys

import pytest

from tests.support.command_docs import FILE, HEAD, commands, help_of, section

BY_ARGPARSE = ("python ",)
"""Programs whose help Python itself lays out; it does so anew in each minor version."""
WRITTEN = FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", commands())
def test_the_help_of_every_command_is_in_the_docs_word_for_word(command: str) -> None:
    if command.startswith(BY_ARGPARSE) and sys.version_info[:2] != (3, 11):
        pytest.skip("argparse of another Python version lays its help out differently")
    assert section(command, help_of(commands()[command])) in WRITTEN


def test_the_docs_name_no_command_that_is_gone() -> None:
    headings = [line[3:] for line in WRITTEN.splitlines() if line.startswith("## ")]

    assert headings == list(commands())
    assert WRITTEN.startswith(HEAD)
