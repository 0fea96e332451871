"""A WebSocket server whose every step is the test's: accept, answer, keep silent, break."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
from types import TracebackType
from typing import Any, Self

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TIMEOUT_S = 5.0
TEXT, CLOSE, PING = 1, 8, 9


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(TIMEOUT_S)
        self._socket = connection
        self._buffer = b""
        self.request = b""

    def read_request(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        self.request, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        return self.request

    def upgrade(self) -> Self:
        """Answer the handshake."""
        lines = self.read_request().split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines[1:])
        key = next(value for name, value in headers.items() if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())  # noqa: S324 - RFC 6455
        self.send_raw(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        return self

    def refuse(self, status: str, *headers: str) -> None:
        """Answer the handshake with an HTTP error and close."""
        self.read_request()
        head = "\r\n".join([f"HTTP/1.1 {status}", "Content-Length: 0", *headers])
        self.send_raw(f"{head}\r\n\r\n".encode())
        self.drop()

    def read(self) -> tuple[int, bytes]:
        """Read one frame of the client, unmasked."""
        first, second = self._take(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._take(8))
        mask = self._take(4)
        data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self._take(length)))
        return first & 0x0F, data

    def read_text(self) -> str:
        opcode, data = self.read()
        assert opcode == TEXT
        return data.decode()

    def read_json(self) -> Any:
        return json.loads(self.read_text())

    def send(self, message: Any, *, opcode: int = TEXT, fin: bool = True) -> None:
        """Send a text as it is, anything else as JSON."""
        if isinstance(message, bytes):
            data = message
        else:
            data = (message if isinstance(message, str) else json.dumps(message)).encode()
        self.send_raw(self.head(len(data), opcode=opcode, fin=fin) + data)

    @staticmethod
    def head(length: int, *, opcode: int = TEXT, fin: bool = True) -> bytes:
        first = bytes([fin << 7 | opcode])
        if length < 126:
            return first + bytes([length])
        if length < 1 << 16:
            return first + b"\x7e" + struct.pack("!H", length)
        return first + b"\x7f" + struct.pack("!Q", length)

    def send_raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close by the protocol."""
        self.send(struct.pack("!H", code) + reason.encode(), opcode=CLOSE)

    def drop(self) -> None:
        """Close the TCP connection without a word."""
        self._socket.close()

    def is_gone(self) -> bool:
        """Read until the client's end is closed."""
        try:
            while self._socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _more(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the client closed the connection")
        self._buffer += data


class ScriptedServer:
    """Listens on a free port of this machine."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT_S)
        self._peers: list[Peer] = []
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/ws/market"

    def accept(self) -> Peer:
        """Take the next TCP connection; the handshake is the test's."""
        connection, _ = self._listener.accept()
        peer = Peer(connection)
        self._peers.append(peer)
        return peer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for peer in self._peers:
            peer.drop()
        self._listener.close()
