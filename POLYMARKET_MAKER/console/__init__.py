"""What a person at a terminal sees and says; a program without a terminal needs none of it.

The packages for line editing and tables are imported when they are used.
"""

from POLYMARKET_MAKER.console.commands import (
    MEANING,
    Command,
    Verb,
    parse_command,
    resolve_token,
)
from POLYMARKET_MAKER.console.prompt import Console
from POLYMARKET_MAKER.console.table import Row, plain_lines, row, table
from POLYMARKET_MAKER.console.view import LiveView

__all__ = [
    "MEANING",
    "Command",
    "Console",
    "LiveView",
    "Row",
    "Verb",
    "parse_command",
    "plain_lines",
    "resolve_token",
    "row",
    "table",
]
