"""Load the HTTP endpoint on loopback and measure: latency under load, requests a second, and every status met.

python loadtest.py                    starts server.py, tests it, ends it
python loadtest.py --json --clients 1,4,8 --requests 400 -- --batch 4     (what follows -- goes to server.py)

Every loop is bounded, by requests and by seconds. Needs nothing but Python's own library and what server.py needs.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from bundle import HERE, BundleError
from options import counts, number, positive, run_script, table

TIMEOUT = 10.0
COLUMNS = {"clients": ("clients", ">7"), "requests": ("requests", ">8"), "p50 ms": ("p50_ms", ">7.2f"),
           "p90 ms": ("p90_ms", ">7.2f"), "p99 ms": ("p99_ms", ">7.2f"), "req/s": ("requests_per_second", ">7.1f"),
           "statuses": ("statuses", "")}  # fmt: skip


def main() -> int:
    """Print a row for every number of clients; 1 when the server gave an answer in the 500s or none."""
    options = parse()
    bodies = [path.read_bytes() for path in sorted((HERE / "samples").glob("*.*"))]
    if not bodies:
        raise BundleError("samples/ holds no image to send: copy the bundle again")
    with Serving(options.server) as server:
        rows = [load(server.url, bodies, clients, options.requests, options.seconds) for clients in options.clients]
        malformed = send_malformed(server.url, bodies[0])
    result = {"rows": rows, "malformed": malformed, "server_options": options.server}
    print(json.dumps(result) if options.json else as_text(result))
    bad = [status for row in (*rows, malformed) for status in row["statuses"] if not status.startswith(("2", "4"))]
    return 1 if bad or not malformed["alive"] else 0


class Serving:
    """server.py as a process of its own on a free port of loopback, ended when the `with` block ends."""

    def __init__(self, options: list[str]) -> None:
        command = [sys.executable, str(HERE / "server.py"), "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> Serving:
        assert self.process.stdout and self.process.stderr
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            self.process.wait()
            last = (self.process.stderr.read().strip() or "server.py ended without a word").splitlines()[-1]
            raise BundleError(last.partition("error: ")[2] or last)
        for _ in range(100):  # it listens at once; its application starts a moment later
            try:
                request(self.url, "GET", "/health")
                return self
            except OSError:
                time.sleep(0.05)
        raise BundleError("the server did not answer within 5 s")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def request(url: str, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Send one request on a connection of its own; return status and body."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def load(url: str, bodies: list[bytes], clients: int, requests: int, seconds: float) -> dict[str, Any]:
    """Return the figures of `clients` connections that send one image after the other, until a bound is met."""
    times: list[float] = []
    statuses: Counter[str] = Counter()
    share = [requests // clients + (place < requests % clients) for place in range(clients)]
    end = time.perf_counter() + seconds

    def client(count: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
        for turn in range(count):
            started = time.perf_counter()
            if started > end:
                break
            try:
                connection.request("POST", "/classify", bodies[turn % len(bodies)])
                answer = connection.getresponse()
                answer.read()
                statuses[str(answer.status)] += 1
                times.append((time.perf_counter() - started) * 1000)
            except (OSError, http.client.HTTPException) as error:
                statuses[type(error).__name__] += 1
                connection.close()
        connection.close()

    threads = [threading.Thread(target=client, args=(count,)) for count in share]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - started
    times.sort()
    return {
        "clients": clients, "requests": sum(statuses.values()), "statuses": dict(statuses), "seconds": wall,
        "requests_per_second": len(times) / wall, "p50_ms": at(times, 0.50), "p90_ms": at(times, 0.90),
        "p99_ms": at(times, 0.99),
    }  # fmt: skip


def at(ordered: list[float], share: float) -> float:
    """Return the smallest value that `share` of the values do not exceed; NaN is no JSON, so 0 when there is none."""
    if not ordered:
        return 0.0
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def send_malformed(url: str, image: bytes) -> dict[str, Any]:
    """Send what is no image; return the statuses and whether the server is still there."""
    bodies = [b"", b"\0", b"no image", image[: len(image) // 2], image[:8] + b"\xff" * 64, image[:60] + bytes(60),
              b"GIF89a" + b"\xff" * 20, b"\xff\xd8\xff\xe0" + bytes(100), b"BM" + b"\xff" * 60]  # fmt: skip
    statuses = Counter(str(request(url, "POST", "/classify", body)[0]) for body in bodies)
    alive = request(url, "POST", "/classify", image)[0] == 200
    return {"requests": len(bodies), "statuses": dict(statuses), "alive": alive}


def as_text(result: dict[str, Any]) -> str:
    """Return the figures as a table."""
    lines = table(result["rows"], COLUMNS)
    malformed = result["malformed"]
    alive = "still serving" if malformed["alive"] else "NOT SERVING ANY MORE"
    lines.append(f"malformed images: {malformed['requests']} sent, statuses {malformed['statuses']}, {alive}")
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    """Return the command line's values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=counts, default="1,4,8", help="numbers of connections at once")
    parser.add_argument("--requests", type=positive, default=400, help="requests of each test at most")
    parser.add_argument("--seconds", type=number(float, 0.1, 86_400), default=20.0, help="seconds of each test at most")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("server", nargs="*", help="options of server.py, after --")
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
