"""Boards that chatter, lie or fall silent, at the other end of a pseudo-terminal."""

from __future__ import annotations

import os
import random
import struct
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from board_frames import frame
from hostile_cases import Case, Content
from hostile_seeds import packed_tflite, samples_npz

Board = Callable[[int, threading.Event], None]
HELLO_ANSWER, RESULT, ERROR = 0x81, 0x82, 0xFF


def hello(name: bytes = b"digits", **changed: int) -> bytes:
    facts = {"version": 1, "input": 0, "output": 0, "raw": 1, "raw_bytes": 64, "input_bytes": 64, "output_bytes": 10,
             "crc": 0, "used": 2692, "size": 3072} | changed  # fmt: skip
    head = struct.pack("<BBBBIIIIII", *facts.values())
    return frame(HELLO_ANSWER, head + bytes([len(name) & 255]) + name + bytes([3]) + b"lib")


def _flood(data: bytes) -> Board:
    def speak(port: int, over: threading.Event) -> None:
        while not over.is_set():
            _write(port, data)

    return speak


def _answer(data: bytes, pause: float = 0.05) -> Board:
    """Say the same to every question."""

    def speak(port: int, over: threading.Event) -> None:
        while not over.is_set():
            if _read(port):
                _write(port, data)
            time.sleep(pause)

    return speak


def _write(port: int, data: bytes) -> None:
    try:
        os.write(port, data)
    except BlockingIOError:
        time.sleep(0.002)
    except OSError:
        time.sleep(0.05)


def _read(port: int) -> bytes:
    try:
        return os.read(port, 65536)
    except OSError:
        return b""


def _drip(port: int, over: threading.Event) -> None:
    """A frame that never ends: a byte now and then."""
    _write(port, b"\xe5\xf0\x01\x82" + struct.pack("<I", 4000))
    while not over.is_set():
        _write(port, b"x")
        time.sleep(0.2)


def _noise(seed: int) -> Board:
    def speak(port: int, over: threading.Event) -> None:
        source = random.Random(seed)
        while not over.is_set():
            _write(port, source.randbytes(512))

    return speak


def _silent(port: int, over: threading.Event) -> None:
    while not over.wait(0.05):
        _read(port)


BOARDS: dict[str, Board] = {
    "chatter": _flood(b"hello world, I am a board and I talk and talk\r\n"),
    "magic": _flood(b"\xe5\xf0"),
    "long frame": _flood(b"\xe5\xf0\x01\x82" + struct.pack("<I", 4000) + b"x" * 100),
    "hellos": _flood(hello()),
    "errors": _answer(frame(ERROR, b"\x01text")),
    "error flood": _flood(frame(ERROR, b"\x01text")),
    "unknown error": _answer(frame(ERROR, b"\xee\x1b[31m\xff\xfe")),
    "empty error": _answer(frame(ERROR, b"")),
    "short hello": _answer(frame(HELLO_ANSWER, b"\x01")),
    "huge output": _answer(hello(output_bytes=0xFFFFFFFF)),
    "huge input": _answer(hello(input_bytes=0xFFFFFFFF, raw_bytes=0xFFFFFFFF)),
    "types": _answer(hello(input=200)),
    "version": _answer(hello(version=77)),
    "name": _answer(hello(b"\xff\x1b[2J<b>\n")),
    "wrong name length": _answer(
        frame(HELLO_ANSWER, struct.pack("<BBBBIIIIII", 1, 0, 0, 1, 64, 64, 10, 0, 1, 2) + b"\xff\xff")
    ),
    "drip": _drip,
    "noise": _noise(1),
    "silent": _silent,
    "echo": _answer(frame(0x01, b"\x01")),
}


@contextmanager
def speaking(board: Board) -> Iterator[str]:
    """Yield the path of a terminal at whose other end this board is."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    over = threading.Event()
    thread = threading.Thread(target=board, args=(ours, over), daemon=True)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        over.set()
        thread.join(5)
        os.close(ours)
        os.close(theirs)


def on_boards(random: random.Random) -> Case:
    name = random.choice(list(BOARDS))
    words = (
        "monitor",
        "--port",
        "PORT",
        "--model",
        "out/m.tflite",
        "--samples",
        "s.npz",
        "--timeout",
        "0.3",
        "--images",
        "2",
    )
    files: dict[str, Content] = {"out/m.tflite": packed_tflite(), "s.npz": samples_npz()}
    return Case("monitor", f"board {name}", words, files, must_refuse=True, board=BOARDS[name])  # type: ignore[arg-type]
