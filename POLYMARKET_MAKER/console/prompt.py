"""The prompt: a thread that reads lines and puts commands on a queue."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.console.commands import (
    ALIASES,
    MEANING,
    TAKES_TOKEN,
    Command,
    Verb,
    parse_command,
)
from POLYMARKET_MAKER.errors import UsageError

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document

CLOSE_S = 2.0


def no_tokens() -> Sequence[str]:
    return ()


def no_question(_: Command) -> str | None:
    return None


class Console:
    """Line editing with completion; what is typed arrives on a queue and waits there.

    Nothing is carried out here. End of input (Ctrl-D) closes the console only; Ctrl-C is
    sent to the process as the signal it would be without a console.

    Args:
        commands: Gets each command.
        label: Stands before the prompt: the mode.
        tokens: Tokens to offer for completion.
        question: The question that a command needs, or None.
    """

    def __init__(
        self,
        commands: SimpleQueue[Command],
        *,
        label: str,
        tokens: Callable[[], Sequence[str]] = no_tokens,
        question: Callable[[Command], str | None] = no_question,
    ) -> None:
        self._commands = commands
        self._prompt = f"[{label}] poly> "
        self._tokens = tokens
        self._question = question
        self._thread: threading.Thread | None = None
        self._session: PromptSession[str] | None = None
        self._closing = threading.Event()

    @staticmethod
    def is_possible() -> bool:
        """Tell whether there is a terminal to read from and to write to."""
        streams = (sys.stdin, sys.stdout)
        return all(each is not None and not each.closed and each.isatty() for each in streams)

    def open(self) -> bool:
        """Start reading; False, and nothing is done, when there is no terminal."""
        if not self.is_possible():
            return False
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._thread.start()
        return True

    def close(self) -> None:
        """Stop reading and leave the terminal as it was. May be called twice, from any thread."""
        self._closing.set()
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        deadline = time.monotonic() + CLOSE_S
        while thread.is_alive() and time.monotonic() < deadline:
            session = self._session  # it may just be starting, so say it again until it heard
            if session is not None and session.app.loop is not None:
                with suppress(RuntimeError):  # its loop has ended meanwhile
                    session.app.loop.call_soon_threadsafe(self._leave, session)
            thread.join(0.05)

    @staticmethod
    def _leave(session: PromptSession[str]) -> None:
        if session.app.is_running and not session.app.is_done:
            session.app.exit(exception=EOFError)

    def _run(self) -> None:
        try:
            self._read_all()
        except Exception as error:  # noqa: BLE001 - last line of the thread; trading goes on
            log.error("[ERROR]", f"console closed: {error}", exc=error, event="console_closed")

    def _read_all(self) -> None:
        from prompt_toolkit import PromptSession  # noqa: PLC0415 - only where a terminal is
        from prompt_toolkit.patch_stdout import patch_stdout  # noqa: PLC0415

        lines: PromptSession[str] = PromptSession(
            completer=_completer(self._tokens), complete_while_typing=False
        )
        answers: PromptSession[str] = PromptSession()
        with patch_stdout(raw=True):  # log lines go above the prompt, not through it
            while not self._closing.is_set():
                try:
                    self._read_one(lines, answers)
                except KeyboardInterrupt:
                    os.kill(os.getpid(), signal.SIGINT)
                except EOFError:
                    break
        if not self._closing.is_set():
            print("console closed, the program goes on", flush=True)  # noqa: T201

    def _read_one(self, lines: PromptSession[str], answers: PromptSession[str]) -> None:
        text = self._ask(lines, self._prompt)
        try:
            command = parse_command(text)
        except UsageError as error:
            print(error, flush=True)  # noqa: T201 - to the person who typed it
            return
        if command is None:
            return
        if command.verb is Verb.HELP:
            print("\n".join(MEANING.values()), flush=True)  # noqa: T201
            return
        question = self._question(command)
        if question is not None:
            answer = self._ask(answers, f"{question} [y/N] ")
            if answer.strip().lower() not in ("y", "yes"):
                print("nothing done", flush=True)  # noqa: T201
                return
            command = replace(command, confirmed=True)
        log.info("[CMD]", "received", command=text.strip())
        self._commands.put(command)

    def _ask(self, session: PromptSession[str], message: str) -> str:
        self._session = session
        return session.prompt(message, handle_sigint=False)


def completions(text: str, tokens: Iterable[str]) -> list[str]:
    """List what the last word of *text* may become."""
    words = text.split()
    is_first = not words or (len(words) == 1 and not text.endswith(" "))
    typed = "" if not words or text.endswith(" ") else words[-1]
    if is_first:
        candidates: Iterable[str] = [*Verb, *ALIASES]
    elif words[0].lower() in TAKES_TOKEN and (len(words) == 1 or typed):
        candidates = tokens
    else:
        candidates = ()
    return [str(each) for each in candidates if each.startswith(typed)]


def _completer(tokens: Callable[[], Sequence[str]]) -> Completer:
    from prompt_toolkit.completion import Completer, Completion  # noqa: PLC0415

    class Words(Completer):
        def get_completions(self, document: Document, _: CompleteEvent) -> Iterator[Completion]:
            text = document.text_before_cursor
            typed = "" if text.endswith(" ") else text.rpartition(" ")[2]
            for each in completions(text, tokens()):
                yield Completion(each, start_position=-len(typed), display=log.short(each))

    return Words()
