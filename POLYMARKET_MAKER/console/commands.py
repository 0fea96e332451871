"""The words of the console, as text in and a command out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from POLYMARKET_MAKER.errors import UsageError
from POLYMARKET_MAKER.log import short


class Verb(StrEnum):
    """What can be asked of a running supervisor."""

    LIST = "list"
    STATUS = "status"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    REFRESH = "refresh"
    KILL = "kill"
    EXIT = "exit"
    HELP = "help"


ALIASES = {"quit": Verb.EXIT, "?": Verb.HELP}
MAX_INDEX_DIGITS = 5  # longer numbers are the beginning of an id
TAKES_TOKEN = frozenset({Verb.STOP, Verb.PAUSE, Verb.RESUME})

MEANING = {
    Verb.LIST: "list                  running children, one a line, with their index",
    Verb.STATUS: "status                mode, feed, venue, limits and what stops each token",
    Verb.STOP: "stop <token | index>  end one child for good; its orders are cancelled",
    Verb.PAUSE: "pause [token]         no new orders, what rests is cancelled; no token: all",
    Verb.RESUME: "resume [token]        trade again; no token: all, after a kill too",
    Verb.REFRESH: "refresh               read the token and sell-signal files now",
    Verb.KILL: "kill                  cancel everything of ours, place nothing until resume",
    Verb.EXIT: "exit, quit            cancel everything of ours and end the program",
    Verb.HELP: "help                  these lines",
}


@dataclass(frozen=True, slots=True)
class Command:
    """One request.

    Attributes:
        verb: What to do.
        token: A token id, the shortened form of one, or a 1-based index of ``list``; None: all.
        confirmed: Whether a question that goes with it was answered with yes.
    """

    verb: Verb
    token: str | None = None
    confirmed: bool = False


def parse_command(text: str) -> Command | None:
    """Read one line; None when it is empty.

    Raises:
        UsageError: It is no command; says what would be one.
    """
    words = text.split()
    if not words:
        return None
    verb = _verb(words[0].lower())
    rest = words[1:]
    if len(rest) > (verb in TAKES_TOKEN):
        raise UsageError(f"{verb} takes {'one token' if verb in TAKES_TOKEN else 'nothing'} more")
    if verb is Verb.STOP and not rest:
        raise UsageError("stop needs a token or an index of list")
    return Command(verb, rest[0] if rest else None)


def _verb(word: str) -> Verb:
    if word in ALIASES:
        return ALIASES[word]
    try:
        return Verb(word)
    except ValueError:
        near = get_close_matches(word, [*map(str, Verb), *ALIASES], n=1)
        hint = f"did you mean {near[0]!r}?" if near else "help lists the commands"
        raise UsageError(f"unknown command {word!r}; {hint}") from None


def resolve_token(said: str, tokens: Sequence[str]) -> str:
    """Find the token meant: an id, its shortened form, its beginning, or an index from 1.

    Args:
        said: What was typed.
        tokens: Those that can be meant, in the order of ``list``.

    Raises:
        UsageError: None is meant, or more than one.
    """
    if said in tokens:
        return said
    if said.isdecimal() and len(said) <= MAX_INDEX_DIGITS:
        index = int(said)
        if 1 <= index <= len(tokens):
            return tokens[index - 1]
        raise UsageError(f"index was {index}, list has {len(tokens)}")
    meant = [token for token in tokens if said == short(token) or token.startswith(said)]
    if len(meant) == 1:
        return meant[0]
    raise UsageError(f"{said!r} is {'more than one token' if meant else 'no token of ours'}")
