"""Run many commands of ``polyshared``, each in a fork of one process that has it imported.

    python tests/support/typist.py '[["polyshared", "status"], …]'

Python's start and the imports take longer than most commands. A fork has both behind it, and
is otherwise what a user starts: arguments in, output and exit code out. Prints a JSON list of
[exit code, what was printed], in the order of the commands.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import IO, Any

from typer.testing import CliRunner

from polyshared import cli

AT_ONCE = 4
"""Most commands wait for a file to be rewritten, and not for the processor."""


def main() -> None:
    commands: list[list[str]] = json.loads(sys.argv[1])
    cli.add_doctor()
    CliRunner().invoke(cli.app, ["doctor", "--list-checks"])  # imports what the first use imports
    waiting = list(enumerate(commands))[::-1]
    running: dict[int, tuple[int, IO[bytes]]] = {}
    ended: dict[int, tuple[int, str]] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, words = waiting.pop()
            out = tempfile.TemporaryFile()  # noqa: SIM115 - closed when its process has ended
            running[_start(words, out)] = number, out
        pid, status = os.wait()
        number, written = running.pop(pid)
        with written:
            written.seek(0)
            said = written.read().decode("utf-8", "replace")
        ended[number] = os.waitstatus_to_exitcode(status), said
    sys.stdout.write(json.dumps([ended[number] for number in range(len(commands))]))


def _start(words: list[str], out: IO[bytes]) -> int:
    """Begin one command in a fork; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    code: Any = 1  # what a traceback ends with
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
        sys.argv = words
        cli.app()
    except SystemExit as asked:
        code = asked.code
    finally:
        sys.stdout.flush()
        os._exit(code or 0)


if __name__ == "__main__":
    main()
