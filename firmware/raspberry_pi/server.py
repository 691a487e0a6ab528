"""Serve the classifier over HTTP: a page at /, an image, a window or a recording to /classify; /health and /metrics.

python server.py                            curl -F image=@photo.png http://127.0.0.1:8000/classify
                                            curl -T photo.png http://127.0.0.1:8000/classify
                                            curl --data-binary @photo.png http://127.0.0.1:8000/classify

Bound to loopback unless --host says otherwise; whoever can reach the port can use it, there is no password.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from bundle import Bundle, BundleError
from classifier import Classifier, rounded
from hearing import Ear
from images import read_image
from options import add_model_options, number, run_script
from recordings import samples_in
from windows import one_window

try:
    import uvicorn
    from fastapi import FastAPI, Request
    from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

    from connections import HEADER_SECONDS, BoundedProtocol
    from forms import first_file
    from page import POLICY, media_type, page_of, samples_of
except ImportError as missing:
    sys.exit(f"error: {missing.name} is not installed: ./install.sh --server")

MEGABYTE = 2**20
SMALL = 64 * 1024  # bytes of each body that count for nothing: small images get in while large ones fill the room
ROOM = 16 * MEGABYTE  # of larger bodies, all together
MEGAPIXELS = 4.0  # of an image here, unless said otherwise: decoding one takes up to 16 bytes a pixel
MOST_SECONDS = 120.0  # of sound in a request
NOTHING = "nothing was heard"  # in a recording that is longer than a clip
MAX_WAITING = 64  # requests that may wait for the processor; further ones are told to come back (503)
BODY_SECONDS = 10  # a client that takes longer to send its image is told so (408)
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Refused(Exception):
    """A request that is answered with a status in the 400s or 503, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Room:
    """The bytes of bodies that may lie in memory at once; use `share` of it in a `with`."""

    def __init__(self, most: int) -> None:
        self.most, self.used = most, 0

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that takes so many bytes more, or raises Refused; all are given back at the end."""
        taken = 0

        def take(count: int) -> None:
            nonlocal taken
            if self.used + count > self.most:
                raise Refused(503, "other images fill the memory; try again in a second")
            self.used += count
            taken += count

        try:
            yield take
        finally:
            self.used -= taken


class Metrics:
    """What /metrics shows; a registry of its own, so that several apps can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("edgeforge_requests", "answers of /classify by HTTP status", ["status"],
                                registry=self.registry)  # fmt: skip
        self.request_seconds = Histogram("edgeforge_request_seconds", "from a request's first byte to its answer",
                                         buckets=SECONDS, registry=self.registry)  # fmt: skip
        self.model_seconds = Histogram("edgeforge_model_seconds", "decoding and running the model", buckets=SECONDS,
                                       registry=self.registry)  # fmt: skip
        self.waiting = Gauge("edgeforge_waiting", "images that wait or are being classified", registry=self.registry)


class Worker:
    """One thread that classifies images; onnxruntime spreads each over the cores by itself.

    batch: how many waiting images are handed over at once (1: batching off), after at most `wait` seconds. The
    models take one image a run, so a batch saves hand-overs between threads, not arithmetic.
    """

    def __init__(self, classify: Callable[[bytes], dict[str, Any]], batch: int, wait: float) -> None:
        self.classify, self.batch, self.wait = classify, batch, wait
        self.pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self.queue: list[tuple[bytes, asyncio.Future[Any]]] = []
        self.timer: asyncio.TimerHandle | None = None

    async def run(self, body: bytes) -> dict[str, Any]:
        """Return what `classify` returns for an image, or raise what it raises."""
        loop = asyncio.get_running_loop()
        if self.batch == 1:
            return await loop.run_in_executor(self.pool, self.classify, body)
        answer: asyncio.Future[dict[str, Any]] = loop.create_future()
        self.queue.append((body, answer))
        if len(self.queue) >= self.batch:
            self._send(loop)
        elif self.timer is None:
            self.timer = loop.call_later(self.wait, self._send, loop)
        return await answer

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand what waits over to the thread."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        waiting, self.queue = self.queue, []
        work = loop.run_in_executor(self.pool, self._all, [body for body, _ in waiting])
        work.add_done_callback(lambda done: _deliver(done, [answer for _, answer in waiting]))

    def _all(self, bodies: list[bytes]) -> list[Any]:
        results: list[Any] = []
        for body in bodies:
            try:
                results.append(self.classify(body))
            except Exception as error:  # one bad image of a batch is its own sender's affair
                results.append(error)
        return results


def _deliver(done: asyncio.Future[Any], answers: list[asyncio.Future[Any]]) -> None:
    for answer, result in zip(answers, done.result()):
        if answer.done():  # its client has gone
            continue
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)


def create_app(
    classifier: Classifier,
    *,
    max_bytes: int = 4 * MEGABYTE,
    max_pixels: int = int(MEGAPIXELS * 1e6),
    fit: bool = False,
    batch: int = 1,
    wait: float = 0.002,
    max_waiting: int = MAX_WAITING,
) -> FastAPI:
    """Return the application: a page at /, /classify, /health, /metrics."""
    app = FastAPI(title=classifier.bundle.name, docs_url=None, redoc_url=None, openapi_url=None)
    metrics, room = Metrics(), Room(max(ROOM, 2 * max_bytes))
    ear = Ear(classifier.bundle) if classifier.bundle.sound else None
    waiting = 0

    def work(body: bytes) -> dict[str, Any]:
        started = time.perf_counter()
        if ear is not None:
            found = heard_in(body, ear, classifier)
        else:
            if classifier.bundle.sampling:
                pixels = one_window(body, classifier.bundle)
            else:
                pixels = read_image(body, classifier.bundle, fit=fit, name="the image", most=max_pixels)
            found = rounded(classifier.classify(pixels))
        seconds = time.perf_counter() - started
        metrics.model_seconds.observe(seconds)
        return {**found, "variant": classifier.variant, "ms": round(1000 * seconds, 3)}

    worker = Worker(work, batch, wait)

    async def answer(request: Request) -> dict[str, Any]:
        with room.share() as take:
            return await classified(request, take)

    async def classified(request: Request, take: Callable[[int], None]) -> dict[str, Any]:
        nonlocal waiting
        try:
            body = await asyncio.wait_for(_body(request, max_bytes, take), BODY_SECONDS)
            body = first_file(body, request.headers.get("content-type", ""))
        except BundleError as error:
            raise Refused(400, str(error)) from error
        except asyncio.TimeoutError:
            raise Refused(408, f"the image did not arrive within {BODY_SECONDS} s") from None
        if waiting >= max_waiting:
            raise Refused(503, f"{waiting} images are waiting already; try again in a second")
        waiting += 1
        metrics.waiting.set(waiting)
        try:
            return await worker.run(body)
        except BundleError as error:
            raise Refused(422, str(error)) from error
        finally:
            waiting -= 1
            metrics.waiting.set(waiting)

    # curl -T sends a PUT, and adds the file's name to an address that ends in a slash.
    @app.post("/classify")
    @app.put("/{name:path}")
    async def classify(request: Request) -> JSONResponse:
        started = time.perf_counter()
        try:
            response = JSONResponse(await answer(request))
        except Refused as refused:
            headers = {"Retry-After": "1"} if refused.status == 503 else None
            response = JSONResponse({"error": refused.reason}, refused.status, headers)
        metrics.requests.labels(str(response.status_code)).inc()
        metrics.request_seconds.observe(time.perf_counter() - started)
        return response

    page, samples = page_of(classifier), samples_of(classifier.bundle)

    @app.get("/")
    async def show_page() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    @app.get("/samples/{name}")
    async def sample(name: str) -> Response:
        if name not in samples:
            return JSONResponse({"error": "no such sample"}, 404)
        return Response(samples[name], media_type=media_type(name))

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "model": classifier.bundle.name, "variant": classifier.variant,
                "providers": classifier.providers, "input": list(classifier.bundle.shape)}  # fmt: skip

    @app.get("/metrics")
    async def show_metrics() -> PlainTextResponse:
        return PlainTextResponse(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


def heard_in(body: bytes, ear: Ear, classifier: Classifier) -> dict[str, Any]:
    """Return label and score of a recording no longer than a clip; of a longer one all that is heard, and when."""
    found = list(ear.judged(classifier, samples_in(body, ear.rate_hz, "the recording", MOST_SECONDS), "the recording"))
    if len(found) == 1 and found[0].seconds is None:
        return {"label": found[0].label, "score": rounded(found[0].score)}
    heard = [{"at_s": one.seconds, "label": one.label, "score": rounded(one.score)} for one in found]
    said = ", ".join(one.label for one in found) or NOTHING
    return {"label": said, "score": max((one["score"] for one in heard), default=0.0), "heard": heard}


async def _body(request: Request, limit: int, take: Callable[[int], None]) -> bytes:
    """Return the request's body; raise Refused as soon as it is, or claims to be, too large, or is empty."""
    claimed = request.headers.get("content-length", "")
    parts, size = [], int(claimed) if claimed.isdecimal() and len(claimed) < 16 else 0
    if size <= limit:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > limit:
                break
            take(max(0, size - SMALL) - max(0, size - len(part) - SMALL))
            parts.append(part)
    if size > limit:
        raise Refused(413, f"the image has more than {limit:,} bytes")
    if not size:
        raise Refused(400, "no image in the request's body: curl -F image=@photo.png")
    return b"".join(parts)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises BundleError.

    Its protocol is named: asyncio switches Nagle's algorithm off for such sockets alone, and with it every answer on
    a connection kept open would wait 40 ms for the client's acknowledgement.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise BundleError(f"{host}:{port} cannot be listened on: {reason}") from error
    return listener


def give_memory_back() -> None:
    """Have the C library give what an image took back to the system, and not keep it for the next one (glibc)."""
    mmap_threshold, arena_max = -3, -8
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(mmap_threshold, MEGABYTE)
        library.mallopt(arena_max, 2)


def main() -> int:
    """Serve until interrupted."""
    options = parse()
    give_memory_back()
    classifier = Classifier(Bundle.read(), options.variant, threads=options.threads, provider=options.provider)
    app = create_app(classifier, max_bytes=int(options.max_mb * MEGABYTE), fit=options.fit, batch=options.batch,
                     max_pixels=int(options.max_megapixels * 1e6), wait=options.wait_ms / 1000)  # fmt: skip
    listener = listen(options.host, options.port)
    address = listener.getsockname()
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    print(f"http://{host}:{address[1]}", flush=True)
    print(classifier.introduction, file=sys.stderr)
    if not (address[0].startswith("127.") or address[0] == "::1"):
        print("warning: reachable from the network, without a password", file=sys.stderr)
    config = uvicorn.Config(app, http=BoundedProtocol, ws="none", log_level="error", access_log=False,
                            timeout_keep_alive=int(HEADER_SECONDS), h11_max_incomplete_event_size=16384)  # fmt: skip
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def parse() -> argparse.Namespace:
    """Return the command line's values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    add("--port", type=number(int, 0, 65535), default=8000, help="0: any free one; the first line printed names it")
    add("--max-mb", type=number(float, 0.001, 1024), default=4.0, help="largest request, in MB of 2**20 bytes")
    add(
        "--max-megapixels",
        type=number(float, 0.001, 64),
        default=MEGAPIXELS,
        help="largest image: 16 MB of memory each",
    )
    add("--fit", action="store_true", help="convert images of another size or mode, where training did not")
    add("--batch", type=number(int, 1, 64), default=1, help="images handed over at once (1: batching off)")
    add("--wait-ms", type=number(float, 0, 10_000), default=2.0, help="longest wait for a batch to fill")
    add_model_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
