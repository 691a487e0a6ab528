"""A board that writes for ever: one clear error, after bounded bytes and time, in bounded memory."""

import os
import pty
import threading
import tty
from collections.abc import Iterator

import pytest

from edgeforge.errors import StageFailed
from edgeforge.targets.arduino.serial_link import Link
from edgeforge.targets.arduino.serial_protocol import KEPT_TEXT, MAGIC, VERSION, Reader

CHATTER = {
    "an endless line": b"x" * 4096,
    "endless lines": b"value 17\r\n" * 400,
    "binary": bytes(range(256)) * 16,
    "starts of frames": MAGIC * 2048,
    "frames that never end": MAGIC + bytes([VERSION, 1]) + b"\xff\x00" * 2000,
}


@pytest.fixture
def port(request: pytest.FixtureRequest) -> Iterator[str]:
    """A port at whose other end somebody writes the same again and again."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    stop = threading.Event()

    def chatter() -> None:
        while not stop.is_set():
            try:
                os.write(ours, CHATTER[request.param])
            except OSError:
                return

    thread = threading.Thread(target=chatter, daemon=True)
    thread.start()
    yield os.ttyname(theirs)
    stop.set()
    os.close(theirs)
    os.close(ours)
    thread.join(5)


@pytest.mark.parametrize("port", CHATTER, indirect=True)
def test_it_is_one_clear_error(port: str) -> None:
    with pytest.raises(StageFailed) as caught:
        Link(port, timeout=1.0, boot=2.0)
    assert "without end" in caught.value.reason or "not reliable" in caught.value.reason
    assert len(caught.value.reason) < 3000 and caught.value.reason.isprintable() and caught.value.fix


@pytest.mark.parametrize("kind", CHATTER)
def test_what_is_kept_of_it_is_bounded(kind: str) -> None:
    reader = Reader()
    for _ in range(500):
        reader.feed(CHATTER[kind])
    assert len(reader.text) <= KEPT_TEXT
    assert len(reader._bytes) <= 2 * reader.largest + 4096
