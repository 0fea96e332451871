"""Whose socket it is: that of the process that holds it, and of no other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from POLYMARKET_MAKER.sim.peer import owns_port

DIALS = """
import socket, sys
dialled = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sys.stdin.read()
"""


def test_a_connection_belongs_to_the_process_that_dialled() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", DIALS, str(server.getsockname()[1])]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as dialler:
            accepted, (_, port) = server.accept()
            with accepted:
                assert owns_port(dialler.pid, port)
                assert not owns_port(os.getpid(), port)
                assert dialler.stdin is not None
                dialler.stdin.close()
                dialler.wait(15)

        assert not owns_port(dialler.pid, port)
