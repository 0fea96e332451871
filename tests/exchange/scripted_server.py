"""A loopback HTTP server that answers what a test told it to, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to answer: *body* as it stands, or *value* as JSON."""

    status: int = 200
    value: object = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return json.dumps(self.value).encode() if self.body is None else self.body


class Harm:
    """Answers that are none."""

    DROP = Reply(status=-1)
    HANG = Reply(status=-2)
    TRICKLE = Reply(status=-3)
    LATE_HALF = Reply(status=-4)


Answers = Reply | list[Reply] | Callable[[Asked], Reply]


class ScriptedServer:
    """Answers by method and path; a list is answered in turn, its last entry for ever.

    Attributes:
        url: Base URL.
        asked: Every request so far, in order.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[tuple[str, str], Answers] = {}
        self._over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.script = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @contextmanager
    def running(self) -> Iterator[ScriptedServer]:
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def on(self, method: str, path: str, answer: Answers) -> None:
        self._answers[method, path] = list(answer) if isinstance(answer, list) else answer

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        answer = self._answers.get((asked.method, asked.path))
        if answer is None:
            return Reply(404, {"error": f"no script for {asked.method} {asked.path}"})
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer if isinstance(answer, Reply) else answer(asked)

    def wait_until_over(self) -> None:
        self._over.wait()

    def pause(self, seconds: float) -> bool:
        """Wait; true when the server ends meanwhile."""
        return self._over.wait(seconds)


class _Server(ThreadingHTTPServer):
    script: ScriptedServer
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of many tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def answer(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        asked = Asked(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        reply = self.server.script.reply(asked)
        if reply.status < 0:
            self._harm(reply)
            return
        head = f"HTTP/1.1 {reply.status} X\r\nContent-Length: {len(reply.content)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        self.wfile.write(head.encode() + b"\r\n" + reply.content)  # one write, no delayed ACK

    def _harm(self, harm: Reply) -> None:
        self.close_connection = True
        if harm is Harm.HANG:
            self.server.script.wait_until_over()
        if harm is Harm.LATE_HALF and not self.server.script.pause(0.7):
            self.wfile.write(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n")
            self.server.script.wait_until_over()
        if harm is Harm.TRICKLE:
            self.wfile.write(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n")
            while not self.server.script.pause(0.02):
                self.wfile.write(b" ")
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Stay silent."""
