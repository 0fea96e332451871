"""Post warnings and errors to the address that the operator named, never in anybody's way.

A thread of its own sends; who logs only leaves a line. What cannot be sent is counted
and told with the next message that arrives. The address is a secret.
"""

from __future__ import annotations

import os
import threading
from collections import deque

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.errors import VenueUnreachable
from POLYMARKET_MAKER.exchange.http import Http

TAG = "[ALERT]"
"""Our own lines are not posted: a post that fails would cause the next."""
LINES_KEPT = 200
LINES_A_POST = 20
PAUSE_S = 10.0
LONGEST_PAUSE_S = 300.0
DEADLINE_S = 10.0
STOP_S = 3.0
TRY_LATER = (408, 425, 429)
SERVER_ERROR = 500


class Webhook:
    """Collects lines and posts them, at most one message each 10 s.

    A message is ``{"text", "content", "mode", "host", "at", "lines", "left_out"}``: chat
    services show the first or the second.

    Attributes:
        url: Where to; None: nothing is collected. May change while it runs.
    """

    def __init__(self, url: str | None, *, mode: str, clock: Clock) -> None:
        """Start the thread."""
        self.url = url
        self._mode = mode
        self._clock = clock
        self._lines: deque[str] = deque()
        self._left_out = 0
        self._http = Http(deadline_s=DEADLINE_S)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def take(self, tag: str, line: str) -> None:
        """Take a line of the log, secrets already hidden; for ``log.listen``. Never waits."""
        if self.url is None or tag == TAG:
            return
        with self._lock:
            if len(self._lines) >= LINES_KEPT:
                self._lines.popleft()
                self._left_out += 1
            self._lines.append(line)
        self._wake.set()

    def close(self) -> None:
        """Send what waits, once, and end; takes 3 s at most."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        pause_s = PAUSE_S
        while True:
            self._wake.wait()
            self._wake.clear()
            is_sent = self._send()
            if self._stopping.is_set():
                return
            pause_s = PAUSE_S if is_sent else min(2 * pause_s, LONGEST_PAUSE_S)
            self._stopping.wait(pause_s)
            if self._lines:
                self._wake.set()

    def _send(self) -> bool:
        with self._lock:
            lines = [self._lines.popleft() for _ in range(min(len(self._lines), LINES_A_POST))]
            left_out = self._left_out
        url = self.url
        if not lines or url is None:
            return True
        try:
            self._post(url, lines, left_out)
        except VenueUnreachable as error:
            with self._lock:
                self._lines.extendleft(reversed(lines))
            if log.every(600, "webhook"):
                # Without its beginning, which names the address.
                log.warning(TAG, event="not_posted", reason=str(error).partition(": ")[2])
            return False
        except Exception as error:  # noqa: BLE001 - the last line of a thread
            with self._lock:
                self._left_out += len(lines)
            log.error(TAG, event="webhook_fault", kind=type(error).__name__)
            return False
        with self._lock:
            self._left_out -= left_out
        return True

    def _post(self, url: str, lines: list[str], left_out: int) -> None:
        said = "\n".join(lines) + (f"\n({left_out} more lines were left out)" if left_out else "")
        body = {
            "text": said,
            "content": said[:2000],
            "mode": self._mode,
            "host": os.uname().nodename,
            "at": self._clock.now(),
            "lines": lines,
            "left_out": left_out,
        }
        answer = self._http.ask("POST", url, body=msgspec.json.encode(body))
        if answer.status_code in TRY_LATER or answer.status_code >= SERVER_ERROR:
            raise VenueUnreachable(f"webhook: answered {answer.status_code}")
        if not answer.is_success and log.every(600, "webhook_refused"):
            log.warning(TAG, event="refused", status=answer.status_code)
