"""The Raspberry Pi's server, really run: hostile clients are refused, others answered, and memory stays small.

The fast sample is in `make test`; `make soak` runs it in the issue's own numbers.
"""

from __future__ import annotations

import argparse
import http.client
import io
import math
import socket
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from hostile_seeds import png
from raspberry_pi_bundle import FIRMWARE, make_bundle, on_path

pytest.importorskip("fastapi", reason="needs the server: pip install 'edgeforge-toolchain[serve]'")
MOST_MEMORY = 200 * 2**20


class Served:
    """server.py in a process of its own, and what it takes."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "server.py", "--port", "0", *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, cwd=folder, text=True, **pipes)  # type: ignore[call-overload]
        self.port = int(self.process.stdout.readline().strip().rpartition(":")[2])
        self.image = sorted((folder / "samples").glob("*.png"))[0].read_bytes()
        for _ in range(200):
            try:
                assert self.health() == 200
                return
            except OSError:
                time.sleep(0.05)

    def memory(self, name: str = "VmHWM") -> int:
        """Return the most resident bytes that it ever had, or (VmRSS) that it has."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def health(self) -> int:
        return self.ask("GET", "/health")

    def classify(self, body: bytes, **headers: str) -> int:
        try:
            return self.ask("POST", "/classify", body, **headers)
        except (BrokenPipeError, ConnectionResetError):  # it has answered and closed before the body's end
            return 413

    def raw(self, data: bytes) -> socket.socket:
        """Return a connection that has said this, and holds."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(data)
        return connection

    def said(self, data: bytes) -> int:
        """Return the status that is answered to some bytes; 0: the connection is closed without one."""
        with self.raw(data) as connection:
            connection.shutdown(socket.SHUT_WR)
            try:
                line = connection.recv(100)
            except ConnectionResetError:
                return 0
        return int(line.split()[1]) if line.startswith(b"HTTP/") else 0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("server") / "made")


@pytest.fixture(scope="module")
def served(bundle: Path) -> Iterator[Served]:
    server = Served(bundle, "--fit")
    try:
        yield server
        assert server.process.poll() is None
    finally:
        server.process.terminate()
        server.process.wait(20)


def hold_unfinished_headers(served: Served, count: int) -> None:
    """Others are answered all the while, and within twelve seconds every one of these is gone."""
    with ExitStack() as stack:
        held = [stack.enter_context(served.raw(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: ")) for _ in range(count)]
        assert [served.classify(served.image) for _ in range(5)] == [200] * 5
        for one in held:
            one.settimeout(15)
            assert one.recv(100).startswith(b"HTTP/1.1 408")
    assert served.health() == 200


def hold_bodies(served: Served, count: int, size: int = 4 * 2**20) -> Counter[int]:
    """Return how clients are answered that send all of their image but its last byte."""
    head = f"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()

    def client(number: int) -> int:
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
            try:
                connection.sendall(head + bytes(size - 1))
                answer = connection.recv(100)
            except OSError:
                return 0
        return int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0

    with ThreadPoolExecutor(count) as pool:
        answers = [pool.submit(client, number) for number in range(count)]
        time.sleep(1)
        assert [served.classify(served.image) for _ in range(3)] == [200] * 3
    return Counter(answer.result() for answer in answers)


def text_bomb() -> bytes:
    """A PNG whose text chunks unpack to hundreds of megabytes."""
    right = png(8, 8)
    text = zlib.compress(bytes(1_000_000), 9)
    name = b"zTXt" + b"k\0\0" + text
    chunk = (len(name) - 4).to_bytes(4, "big") + name + zlib.crc32(name).to_bytes(4, "big")
    return right[:33] + chunk * 300 + right[33:]


def picture(kind: str, width: int, height: int, mode: str = "RGB", **settings: object) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, kind, **settings)
    return buffer.getvalue()


MULTIPART = b'--x\r\nContent-Disposition: form-data; name="a"; filename="\r\n\r\n'
NO_IMAGES = (
    MULTIPART,
    MULTIPART * 1000,
    b"--x--",
    b"\0" * 100,
    b"GIF89a" + b"\xff" * 60,
    b"%!PS {} loop",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"BM" + b"\xff" * 60,
)
POST = b"POST /classify HTTP/1.1\r\nHost: x\r\n"
NO_REQUESTS = (
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01",
    b"GET /health HTTP/x\r\n\r\n",
    b"A" * 70_000,
    POST + b"Content-Length: -1\r\n\r\n",
    POST + b"Content-Length: 9\r\nContent-Length: 10\r\n\r\n123456789",
    POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffff\r\nab",
    POST + b"".join(b"a%d: b\r\n" % number for number in range(9000)),
)


def test_what_is_no_image_or_no_request_is_refused(served: Served) -> None:
    for body in NO_IMAGES:
        assert served.classify(body, Content_Type="multipart/form-data; boundary=x") in (400, 413, 422)
    for data in NO_REQUESTS:
        assert served.said(data) in (0, 400, 408, 413, 422), data[:60]
    assert served.classify(served.image) == 200 and served.memory() < MOST_MEMORY


def test_bombs_are_refused_by_what_they_say_of_themselves(served: Served) -> None:
    bombs = [png(7800, 7800), png(7800, 7800, colour=2)[:200], text_bomb(), picture("TIFF", 7800, 7800, "1"),
             picture("GIF", 7800, 7800, "L"), picture("JPEG", 7800, 7800, "L")]  # fmt: skip
    for body in bombs:
        assert served.classify(body) in (413, 422)
    assert served.memory() < MOST_MEMORY


def test_pictures_as_large_as_are_taken_do_not_fill_the_memory(served: Served) -> None:
    kinds = {
        "JPEG": ("RGB", "L", "CMYK"),
        "PNG": ("RGB", "RGBA", "P", "I;16"),
        "WEBP": ("RGB", "RGBA"),
    }
    photos = [picture(kind, 2304, 1728, mode) for kind, modes in kinds.items() for mode in modes]
    photos += [picture("JPEG", 2304, 1728, mode, progressive=True, subsampling=0) for mode in ("RGB", "CMYK")]
    photos.append(picture("TIFF", 2304, 1728, compression="tiff_lzw"))
    assert [served.classify(photo) for photo in photos] == [200] * len(photos)
    assert served.memory() < MOST_MEMORY, f"{served.memory() >> 20} MB"


def test_a_sample_of_hostile_clients(served: Served, record_property: pytest.RecordProperty) -> None:
    hold_unfinished_headers(served, 80)
    answers = hold_bodies(served, 24)
    assert set(answers) <= {0, 408, 413, 503}, answers
    assert [served.classify(served.image) for _ in range(100)] == [200] * 100
    assert served.memory() < MOST_MEMORY
    record_property("server, fast sample", f"{served.memory() >> 20} MB at the most")


@pytest.mark.soak
def test_the_worst_clients(bundle: Path, record_property: pytest.RecordProperty) -> None:
    """300 unfinished headers, 240 clients holding 4 MB, 200 pictures of 62 megapixels, then 10,000 requests."""
    server = Served(bundle, "--fit")
    try:
        found = {"at rest": server.memory("VmRSS")}
        hold_unfinished_headers(server, 300)
        found["300 unfinished headers"] = server.memory()
        answers = hold_bodies(server, 240)
        assert set(answers) <= {0, 408, 413, 503}, answers
        found["240 bodies of 4 MB"] = server.memory()
        bomb = png(7880, 7880)
        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(server.classify, [bomb] * 200)) <= {413, 422, 503}
        found["200 pictures of 62 megapixels"] = server.memory()
        early = 0
        for number in range(10_000):
            assert server.classify(server.image) == 200
            if number == 1000:
                early = server.memory("VmRSS")
        late = server.memory("VmRSS")
        found |= {"after 1,000 requests": early, "after 10,000": late, "at the most": server.memory()}
        record_property("server", ", ".join(f"{name}: {value >> 20} MB" for name, value in found.items()))
        assert server.memory() < MOST_MEMORY and late - early < 8 * 2**20, found
    finally:
        server.process.terminate()
        server.process.wait(20)


def options_of(name: str) -> list[argparse.Action]:
    """Return the options of one of the bundle's scripts that take a value."""
    found: list[argparse.Action] = []

    class Stop(Exception):
        pass

    def parse(self: argparse.ArgumentParser, *_: object) -> None:
        found.extend(self._actions)
        raise Stop

    with on_path(FIRMWARE), pytest.MonkeyPatch.context() as patch:
        module = __import__(name)
        patch.setattr(argparse.ArgumentParser, "parse_args", parse)
        with pytest.raises(Stop):
            (getattr(module, "parse", None) or module.main)()
    return [action for action in found if action.type is not None]


@pytest.mark.parametrize("name", ["server", "loadtest", "bench", "run", "selftest"])
def test_numbers_of_the_scripts_have_bounds(name: str) -> None:
    for action in options_of(name):
        assert callable(action.type)
        for value in (math.nan, math.inf, -math.inf, 1e308, 10**30, -1, "", "x", "1_0x"):
            with pytest.raises(argparse.ArgumentTypeError):
                action.type(str(value))
