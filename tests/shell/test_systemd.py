"""What systemd is told, over a socket of its kind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from POLYMARKET_MAKER.systemd import ServiceManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The end at which systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def said(manager: socket.socket) -> set[str]:
    return set(manager.recv(1000).decode().splitlines())


def test_start_life_and_end_are_told(manager: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": manager.getsockname()})

    service.ready("running")
    assert said(manager) == {"READY=1", "STATUS=running"}
    service.beat("4 children")
    assert said(manager) == {"WATCHDOG=1", "STATUS=4 children"}
    service.stopping("sigterm")
    assert said(manager) == {"STOPPING=1", "STATUS=stopping: sigterm"}


def test_an_abstract_address_is_understood() -> None:
    name = f"polymaker-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready("running")

        assert "READY=1" in said(manager)


def test_no_child_inherits_the_socket() -> None:
    env = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}
    ServiceManager(env)

    assert env == {"HOME": "/"}


def test_without_systemd_and_with_a_dead_one_nothing_happens(tmp_path: Path) -> None:
    ServiceManager({}).ready("running")
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready("running")
