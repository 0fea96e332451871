"""Warnings reach the operator, and never get in anybody's way."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import pytest

from POLYMARKET_MAKER import log, webhook
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.webhook import LINES_KEPT, Webhook


class Chat:
    """A chat service that answers what it is told to and keeps what it was sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.statuses: list[int] = []
        self.got: Queue[dict[str, Any]] = Queue()


@contextmanager
def chat_service() -> Iterator[Chat]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status = service.statuses.pop(0) if service.statuses else 200
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")
            service.got.put({**body, "status": status})

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service = Chat(f"http://127.0.0.1:{server.server_port}/secret-path")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    monkeypatch.setattr(webhook, "PAUSE_S", 0.05)
    with chat_service() as found:
        yield found
    log.listen(None)
    log.configure()


def test_a_warning_of_the_log_is_posted_and_other_lines_are_not(chat: Chat) -> None:
    log.configure(stream=None)
    hook = Webhook(chat.url, mode="paper", clock=Clock())
    log.listen(hook.take)
    log.info("[PX]", bid=1)
    log.warning("[CHILD]", event="quarantined", token="1")
    got = chat.got.get(timeout=10)
    hook.close()

    assert len(got["lines"]) == 1
    assert "event=quarantined" in got["text"]
    assert got["content"] == got["text"]
    assert (got["mode"], got["left_out"]) == ("paper", 0)


def test_what_could_not_be_posted_is_posted_later_in_its_order(chat: Chat) -> None:
    chat.statuses = [503, 429]
    hook = Webhook(chat.url, mode="paper", clock=Clock())
    hook.take("[A]", "first")
    posts = [chat.got.get(timeout=10)]
    hook.take("[A]", "second")
    while posts[-1]["status"] != 200:
        posts.append(chat.got.get(timeout=10))
    hook.close()

    assert len(posts) == 3
    assert posts[-1]["lines"] == ["first", "second"]


def test_a_refused_post_is_not_repeated_and_its_address_is_not_told(chat: Chat) -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    chat.statuses = [404]
    hook = Webhook(chat.url, mode="paper", clock=Clock())
    hook.take("[A]", "refused")
    assert chat.got.get(timeout=10)["lines"] == ["refused"]
    hook.take("[A]", "next")
    assert chat.got.get(timeout=10)["lines"] == ["next"]
    hook.close()

    assert "secret-path" not in stream.getvalue()


def test_a_dead_service_costs_the_log_nothing_and_hides_its_address() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    hook = Webhook("http://127.0.0.1:9/secret-path", mode="paper", clock=Clock())
    log.listen(hook.take)
    for number in range(LINES_KEPT + 10):
        log.warning("[WARN]", number=number)
    hook.close()
    log.listen(None)
    log.configure()

    assert stream.getvalue().count("number=") == LINES_KEPT + 10
    assert "secret-path" not in stream.getvalue()


def test_lines_that_had_no_room_are_counted(chat: Chat) -> None:
    hook = Webhook(None, mode="paper", clock=Clock())
    hook.take("[A]", "nobody listens")
    hook.url = chat.url
    with hook._lock:  # nothing is sent while so many come
        hook._lines.extend(f"line {number}" for number in range(LINES_KEPT))
    hook.take("[A]", "the last straw")
    got = chat.got.get(timeout=10)
    hook.close()

    assert got["left_out"] == 1
    assert got["lines"][0] == "line 1"


def test_its_own_trouble_is_not_posted(chat: Chat) -> None:
    hook = Webhook(chat.url, mode="paper", clock=Clock())
    hook.take(webhook.TAG, "not posted")
    hook.take("[A]", "posted")

    assert chat.got.get(timeout=10)["lines"] == ["posted"]
    hook.close()
