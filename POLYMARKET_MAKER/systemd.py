"""Tell systemd how the service is: ``Type=notify`` and the watchdog, without its library.

The protocol is one datagram of ``NAME=value`` lines to the socket named in the
environment (sd_notify(3)). Without that variable nothing is sent.
"""

from __future__ import annotations

import socket
import time
from collections.abc import MutableMapping

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.supervisor import Supervisor

BEAT_S = 10.0
"""Often enough for any watchdog of a minute and more."""
VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class ServiceManager:
    """The service manager that started this process, if one did."""

    def __init__(self, env: MutableMapping[str, str]) -> None:
        """Take the socket out of *env*: no child may speak in our name."""
        address, *_ = (env.pop(name, "") for name in VARIABLES)
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._state = self._status = ""
        self._beat_mono = float("-inf")

    def ready(self, status: str) -> None:
        """Say that start-up is over."""
        self._send(f"READY=1\nSTATUS={status}")

    def beat(self, status: str) -> None:
        """Say that the loop still turns. A loop that does not is killed by the watchdog."""
        self._send(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self, reason: str) -> None:
        """Say that the end has begun; the stop time-out of the unit counts from here."""
        self._send(f"STOPPING=1\nSTATUS=stopping: {reason}")

    def report(self, supervisor: Supervisor) -> None:
        """Say what is new; call it once a second."""
        if supervisor.state == "running":
            running = sum(1 for _ in supervisor.fleet.children())
            status = f"{supervisor.settings.mode}, {running} children"
            if self._state != "running":
                self.ready(status)
            mono = time.monotonic()
            if status != self._status or mono - self._beat_mono >= BEAT_S:
                self._status, self._beat_mono = status, mono
                self.beat(status)
        elif supervisor.state == "stopping" and self._state != "stopping":
            self.stopping(supervisor.stop_reason or "fault")
        self._state = supervisor.state

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)  # noqa: FBT003 - a manager that hangs must not hang us
                out.sendto(text.encode(), self._address)
        except OSError as error:
            if log.every(60, "systemd"):
                log.warning("[RUN]", event="systemd_not_told", reason=str(error))
