"""Whatever stands in the place of a file, opening it neither waits nor follows."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from polyshared._board import Geometry, encode_header
from polyshared._codec import Layout, encode_head
from polyshared._files import (
    NotRegularError,
    find_board_epoch,
    find_epoch,
    open_regular,
    read_at,
    read_up_to,
)
from tests.polyshared.kit import Clock
from tests.polyshared.test_board import GEOMETRY


def test_a_fifo_a_link_a_directory_a_socket_and_a_device_are_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain open of a FIFO waits for its other end, for ever perhaps."""
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    os.mkfifo("fifo")
    Path("link").symlink_to("target")
    Path("target").write_bytes(b"")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for name in ("fifo", "link", ".", "socket", "/dev/null"):
            with pytest.raises(NotRegularError):
                open_regular(Path(name))


def test_another_error_of_the_system_keeps_its_kind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")


def test_reading_stops_at_the_limit_and_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")

    assert read_up_to(path, 4) == b"0123"
    assert read_up_to(path, 100) == b"0123456789"


def test_a_short_read_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, length, offset: real(fd, min(length, 3), offset))

    with path.open("rb") as file:
        assert read_at(file.fileno(), 8, 1) == b"12345678"
        assert read_at(file.fileno(), 20, 5) == b"56789"


@pytest.mark.parametrize(
    ("content", "epoch"),
    [
        (b'{"schema": 1, "epoch": 1795180001123}', 1795180001123),
        (b'{"schema":99,"other":[],"epoch":7,"tok', 7),
        (b"", 0),
        (b"garbage", 0),
        (b'{"epoch":99999999999999999999}', 0),
        (b'{"epoch":9999999999999999}', 0),
        (b'{"epoch":-5}', 0),
    ],
)
def test_the_epoch_is_found_in_whatever_is_left_of_a_file(
    tmp_path: Path, content: bytes, epoch: int
) -> None:
    path = tmp_path / "ws_cache.json"
    path.write_bytes(content)

    assert find_epoch(path) == epoch


def test_the_epoch_is_found_in_our_own_head(tmp_path: Path) -> None:
    path = tmp_path / "ws_cache.json"
    layout = Layout(512, 64, 0)
    path.write_bytes(
        encode_head(epoch=7, flush_seq=1, change_seq=0, written=Clock()(), layout=layout)
    )

    assert find_epoch(path) == 7


def test_no_file_has_no_epoch(tmp_path: Path) -> None:
    assert find_epoch(tmp_path / "none") == 0
    assert find_board_epoch(tmp_path / "none") == 0


def test_the_epoch_of_a_board_stands_in_its_header(tmp_path: Path) -> None:
    geometry: Geometry = GEOMETRY._replace(epoch=9)
    (tmp_path / "board").write_bytes(encode_header(geometry))
    (tmp_path / "garbage").write_bytes(b"x" * 400)

    assert find_board_epoch(tmp_path / "board") == 9
    assert find_board_epoch(tmp_path / "garbage") == 0


def test_the_reason_of_a_refusal_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(NotRegularError) as caught:
        open_regular(tmp_path)

    assert caught.value.errno == errno.EINVAL
