"""One WebSocket connection: the edge to websocket-client, where its errors become ours.

Not shared between threads, except that :meth:`TextSocket.abort` may be called from any.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import websocket
from websocket._abnf import ABNF, frame_buffer

CONNECT_TIMEOUT_S = 10.0
RECEIVE_TIMEOUT_S = 0.5
"""A frame that stops in its middle holds the thread for no longer than this."""
CLOSE_TIMEOUT_S = 0.3
MAX_FRAME_BYTES = 16 * 1024 * 1024
"""A first answer of 100 deep books has about 3 MB."""
READ_BYTES = 64 * 1024
"""Asked of the system at a time: the library's own buffer asks three times for each frame."""
_WHOLE_TEXT = 0x81
"""First byte of a text frame that is a whole message (RFC 6455, 5.2)."""
_TWO_BYTE_LENGTH = 126

USER_AGENT = "User-Agent: Mozilla/5.0"
NO_PROXY = {"http_proxy_host": "unused", "http_no_proxy": ["*"]}
"""websocket-client looks at its no-proxy list only when a proxy was named to it."""
TOO_MANY_REQUESTS = 429
DEFAULT_RETRY_AFTER_S = 5.0


class LineBroken(Exception):
    """The connection is gone or could not be made.

    Attributes:
        retry_after_s: What the server asked us to wait; None when it asked nothing.
    """

    def __init__(self, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class _BoundedBuffer(frame_buffer):
    """Refuse a frame by its announced length, before a byte of it is kept."""

    def recv_length(self) -> None:
        super().recv_length()
        if (self.length or 0) > MAX_FRAME_BYTES:
            raise LineBroken(f"frame of {self.length} bytes, limit is {MAX_FRAME_BYTES}")


class _ReadAhead:
    """Gives out in pieces what was received in one, raising as the socket does."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._data = b""
        self._taken = 0

    @property
    def has_some(self) -> bool:
        """Whether something was received and not given out."""
        return self._taken < len(self._data)

    def fill(self) -> None:
        """Wait until there is something to give out."""
        if not self.has_some:
            self._data, self._taken = self._receive(READ_BYTES), 0

    def take(self, most: int) -> bytes:
        """Return at least one byte and *most* at most."""
        self.fill()
        start = self._taken
        self._taken = min(start + most, len(self._data))
        return self._data[start : self._taken]

    def take_text(self) -> bytes | None:
        """Return the text of the next frame, where that is a plain one that has come whole.

        Nearly all are: one message, not masked, below 64 KB. None: the library must read it.
        """
        data, start = self._data, self._taken + 2
        if len(data) < start or data[start - 2] != _WHOLE_TEXT:
            return None
        length = data[start - 1]
        if length == _TWO_BYTE_LENGTH:
            length, start = int.from_bytes(data[start : start + 2]), start + 2
        elif length > _TWO_BYTE_LENGTH:
            return None
        end = start + length
        if len(data) < end:
            return None
        self._taken = end
        return data[start:end]


class TextSocket:
    """A connection that carries text frames.

    The socket object is made before the connection, so that another thread can abort
    the handshake.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._aborted = False
        self._fragments = 0
        self._is_within = False  # a frame or message that the library has a part of
        self._ws: Any = websocket.WebSocket(skip_utf8_validation=True)
        self._ahead = _ReadAhead(self._ws._recv)  # noqa: SLF001
        self._ws.frame_buffer = _BoundedBuffer(self._ahead.take, skip_utf8_validation=True)

    def connect(self) -> None:
        """Open the connection.

        A redirect is not followed: the host is the one that was configured. Hosts on
        this machine are never reached through a proxy.

        Raises:
            LineBroken: It did not open within 10 s, or the server refused.
        """
        try:
            self._ws.connect(
                self.url,
                timeout=CONNECT_TIMEOUT_S,
                redirect_limit=0,
                header=[USER_AGENT],
                **(NO_PROXY if is_loopback(self.url) else {}),
            )
        except websocket.WebSocketBadStatusException as error:
            raise LineBroken(
                f"refused with HTTP status {error.status_code} ({self.url})",
                retry_after_s=_retry_after(error),
            ) from error
        except (OSError, ValueError, websocket.WebSocketException) as error:
            raise LineBroken(f"did not open: {error} ({self.url})") from error
        if self._aborted:
            self.close()
            raise LineBroken("aborted")
        self._ws.settimeout(RECEIVE_TIMEOUT_S)

    def fileno(self) -> int:
        return int(self._ws.fileno())

    def has_buffered(self) -> bool:
        """Whether a read need not wait although the system sees nothing to read."""
        inner = self._ws.sock
        return self._ahead.has_some or (isinstance(inner, ssl.SSLSocket) and inner.pending() > 0)

    def send(self, text: str) -> None:
        """Send one text frame.

        Raises:
            LineBroken: It could not be sent.
        """
        try:
            self._ws.send(text)
        except (OSError, websocket.WebSocketException) as error:
            raise LineBroken(f"could not send: {error}") from error

    def receive(self) -> str | None:
        """Read one frame that is waiting.

        Returns:
            Its text; None when only a part of it has come, or it was not for us.

        Raises:
            LineBroken: The connection is closed or broke a rule of the protocol.
        """
        try:
            self._ahead.fill()
            if not self._is_within and (text := self._ahead.take_text()) is not None:
                return text.decode("utf-8", errors="replace")
            self._is_within = True
            taken = self._take(self._ws.recv_frame())
            self._is_within = self._fragments > 0
        except websocket.WebSocketTimeoutException:
            return None
        except (OSError, websocket.WebSocketException) as error:
            raise LineBroken(f"connection lost: {error}") from error
        return taken

    def _take(self, frame: Any) -> str | None:
        if frame.opcode == ABNF.OPCODE_CLOSE:
            with suppress(OSError, websocket.WebSocketException):
                self._ws.send_close()
            raise LineBroken(_close_reason(frame.data))
        if frame.opcode == ABNF.OPCODE_PING:
            self._ws.pong(frame.data)
            return None
        if frame.opcode == ABNF.OPCODE_PONG:
            return None
        return self._join(frame)

    def _join(self, frame: Any) -> str | None:
        """Put the fragments of a message together, within the same limit."""
        parts = self._ws.cont_frame
        parts.validate(frame)
        self._fragments += len(frame.data)
        if self._fragments > MAX_FRAME_BYTES:
            raise LineBroken(f"message of {self._fragments} bytes, limit is {MAX_FRAME_BYTES}")
        parts.add(frame)
        if not parts.is_fire(frame):
            return None
        self._fragments = 0
        whole: bytes = parts.extract(frame)[1].data
        return whole.decode("utf-8", errors="replace")

    def close(self) -> None:
        """Close politely, for at most 0.3 s; never raises."""
        self._ws.close(timeout=CLOSE_TIMEOUT_S)
        self._ws.shutdown()

    def abort(self) -> None:
        """Wake whoever waits on this connection, from any thread."""
        self._aborted = True
        inner = self._ws.sock
        if inner is not None:
            with suppress(OSError):
                inner.shutdown(socket.SHUT_RDWR)


def is_loopback(url: str) -> bool:
    """Whether *url* names this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _close_reason(data: bytes) -> str:
    if len(data) < 2:  # noqa: PLR2004 - a close frame without a code is allowed
        return "closed by the exchange without a code"
    (code,) = struct.unpack("!H", data[:2])
    text = data[2:].decode("utf-8", errors="replace")
    return f"closed by the exchange: code {code} {text}".rstrip()


def _retry_after(error: websocket.WebSocketBadStatusException) -> float | None:
    if error.status_code != TOO_MANY_REQUESTS:
        return None
    value = (error.resp_headers or {}).get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        return DEFAULT_RETRY_AFTER_S
