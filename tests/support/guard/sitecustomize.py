"""Keep every process that a test starts on this machine: connecting anywhere else fails."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any


class LeftLoopback(OSError):
    """A test, or a program that it started, tried to reach another machine."""


def _check(family: int, address: Any) -> None:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = address[0]
    if host == "localhost":
        return
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise LeftLoopback(f"tests stay on this machine, but {host!r} was dialled")


class _GuardedSocket(socket.socket):
    def connect(self, address: Any) -> None:
        _check(self.family, address)
        super().connect(address)

    def connect_ex(self, address: Any) -> int:
        _check(self.family, address)
        return super().connect_ex(address)


def install() -> None:
    """Guard every socket made from now on in this process."""
    socket.socket = _GuardedSocket  # type: ignore[misc]


install()
