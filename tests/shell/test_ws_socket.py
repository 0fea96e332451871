"""The edge to websocket-client: what it refuses, and how its errors become ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from POLYMARKET_MAKER import ws_socket
from POLYMARKET_MAKER.ws_socket import LineBroken, TextSocket
from tests.support.scripted_ws import PING, Peer, ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


class Pair:
    """A connected client and the test's end of it."""

    def __init__(self, server: ScriptedServer) -> None:
        self.client = TextSocket(server.url)
        self.peer = answering(server, lambda peer: peer.upgrade(), self.client.connect)

    def receive(self) -> str:
        """Read until a text is complete."""
        while True:
            text = self.client.receive()
            if text is not None:
                return text


def answering(
    server: ScriptedServer, answer: Callable[[Peer], object], dial: Callable[[], None]
) -> Peer:
    """Dial while another thread plays the server."""
    peers: list[Peer] = []

    def accept() -> None:
        peers.append(server.accept())
        answer(peers[0])

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        dial()
    finally:
        thread.join()
    return peers[0]


@pytest.fixture
def pair(server: ScriptedServer) -> Iterator[Pair]:
    pair = Pair(server)
    yield pair
    pair.client.close()


def test_text_goes_both_ways(pair: Pair) -> None:
    pair.client.send("PING")
    assert pair.peer.read_text() == "PING"

    pair.peer.send("PONG")
    assert pair.receive() == "PONG"


def test_frames_that_come_in_one_piece_are_read_one_by_one(pair: Pair) -> None:
    """The socket has nothing more to show for them: whoever waits there must ask first."""
    pair.peer.send_raw(b"".join(Peer.head(1) + text for text in (b"a", b"b", b"c")))

    assert pair.receive() == "a"
    assert pair.client.has_buffered()
    assert [pair.receive(), pair.receive()] == ["b", "c"]
    assert not pair.client.has_buffered()


def test_texts_of_every_length_come_as_they_were_sent(pair: Pair) -> None:
    texts = ["x" * length for length in (0, 1, 125, 126, 127, 65_535, 65_536, 70_000, 3)]
    data = b"".join(Peer.head(len(text)) + text.encode() for text in texts)
    sending = threading.Thread(target=pair.peer.send_raw, args=(data,))
    sending.start()

    assert [pair.receive() for _ in texts] == texts
    sending.join()


def test_a_text_between_two_fragments_breaks_the_rules(pair: Pair) -> None:
    pair.peer.send("a", fin=False)
    pair.peer.send("b")

    assert pair.client.receive() is None
    with pytest.raises(LineBroken):
        pair.client.receive()


def test_a_part_of_a_frame_is_waited_for_and_kept(pair: Pair) -> None:
    pair.peer.send_raw(Peer.head(4) + b"PO")
    assert pair.client.receive() is None

    pair.peer.send_raw(b"NG")
    assert pair.receive() == "PONG"


def test_fragments_are_joined(pair: Pair) -> None:
    pair.peer.send("a" * 70_000, fin=False)
    pair.peer.send(b"in between", opcode=PING)
    pair.peer.send("b", opcode=0)

    assert pair.receive() == "a" * 70_000 + "b"


def test_a_protocol_ping_is_answered_and_is_no_text(pair: Pair) -> None:
    pair.peer.send(b"are you there", opcode=PING)

    assert pair.client.receive() is None
    assert pair.peer.read() == (10, b"are you there")


def test_fragments_together_have_the_limit_of_a_frame(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws_socket, "MAX_FRAME_BYTES", 1000)
    pair.peer.send("a" * 900, fin=False)
    pair.peer.send("b" * 101, opcode=0)

    with pytest.raises(LineBroken, match="message of 1001 bytes, limit is 1000"):
        pair.receive()


def test_a_frame_is_refused_by_its_announced_length(pair: Pair) -> None:
    pair.peer.send_raw(Peer.head(1 << 40))

    with pytest.raises(LineBroken, match="frame of 1099511627776 bytes, limit is 16777216"):
        pair.receive()


def test_a_close_is_answered_and_told(pair: Pair) -> None:
    pair.peer.close(1001, "going away")

    with pytest.raises(LineBroken, match="closed by the exchange: code 1001 going away"):
        pair.receive()
    opcode, data = pair.peer.read()
    assert (opcode, data[:2]) == (8, b"\x03\xe8")


def test_a_close_without_a_code_is_told(pair: Pair) -> None:
    pair.peer.send(b"", opcode=8)

    with pytest.raises(LineBroken, match="without a code"):
        pair.receive()


def test_a_redirect_is_not_followed(server: ScriptedServer) -> None:
    """The host is the one that was configured."""
    with ScriptedServer() as elsewhere:
        client = TextSocket(server.url)

        with pytest.raises(LineBroken, match="did not open"):
            answering(
                server,
                lambda peer: peer.refuse("302 Found", f"Location: {elsewhere.url}"),
                client.connect,
            )


@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [(("Retry-After: 7.5",), 7.5), (("Retry-After: soon",), 5.0), ((), 5.0)],
)
def test_too_many_requests_says_how_long_to_wait(
    server: ScriptedServer, headers: tuple[str, ...], retry_after_s: float
) -> None:
    client = TextSocket(server.url)
    with pytest.raises(LineBroken, match="HTTP status 429") as broken:
        answering(server, lambda peer: peer.refuse("429 Too Many", *headers), client.connect)

    assert broken.value.retry_after_s == retry_after_s


def test_another_refusal_asks_for_no_wait(server: ScriptedServer) -> None:
    client = TextSocket(server.url)
    with pytest.raises(LineBroken, match="HTTP status 503") as broken:
        answering(server, lambda peer: peer.refuse("503 Unavailable"), client.connect)

    assert broken.value.retry_after_s is None


def test_an_abort_ends_a_handshake_from_another_thread(server: ScriptedServer) -> None:
    client = TextSocket(server.url)

    def abort_instead(peer: Peer) -> None:
        peer.read_request()
        client.abort()

    with pytest.raises(LineBroken):
        answering(server, abort_instead, client.connect)


def test_a_url_that_is_none_is_told(server: ScriptedServer) -> None:
    with pytest.raises(LineBroken, match="did not open"):
        TextSocket(server.url.replace("ws://", "http://")).connect()


def test_loopback_never_goes_through_a_proxy(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    pair = Pair(server)

    assert pair.peer.request.startswith(b"GET /ws/market")
    pair.client.close()


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("ws://127.0.0.1:80/ws", True),
        ("ws://127.8.9.1/ws", True),
        ("ws://[::1]:80/ws", True),
        ("ws://localhost/ws", True),
        ("wss://ws-subscriptions-clob.polymarket.com/ws/market", False),
        ("ws://10.0.0.1/ws", False),
        ("ws://localhost.example.com/ws", False),
        ("nonsense", False),
    ],
)
def test_loopback_is_told_from_the_rest(url: str, answer: bool) -> None:  # noqa: FBT001
    assert ws_socket.is_loopback(url) is answer
