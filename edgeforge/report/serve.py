"""`edgeforge report --serve`: a page on this machine that follows a build while it runs, then shows its report.

It reads the build folder and writes nothing. It listens on the loopback address alone, and answers only requests made
to that name, so that no page from elsewhere can read it through the browser.
"""

from __future__ import annotations

import errno
import json
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edgeforge.builder.state import read_state
from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.foreign.wording import cause
from edgeforge.inputs.regular import read_regular
from edgeforge.results.files import HTML_FILE, JSON_FILE

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
FILES = {f"/{HTML_FILE}": "text/html; charset=utf-8", f"/{JSON_FILE}": "application/json"}


class BuildServer(ThreadingHTTPServer):
    """Serves one build folder. Raises RecipeError where no build is, EdgeForgeError where the port is taken."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        if read_state(folder) is None and not (folder / HTML_FILE).is_file():
            fix = "name the folder that a build has written or is writing, such as build/digits; start the build first"
            raise RecipeError(f"{folder}: no build there", fix=fix)
        self.folder = folder
        try:
            super().__init__((HOST, port), partial(_Handler, folder))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            fix = "--port 0 takes one that is free"
            raise EdgeForgeError(f"port {port} cannot be used: {cause(error)}", fix=fix) from error

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def serve_until_interrupted(self) -> None:
        """Say where it is, and answer until Ctrl-C."""
        try:
            print(f"{self.address} shows {self.folder}; Ctrl-C ends it", flush=True)
            self.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            print()


class _Handler(BaseHTTPRequestHandler):
    """Answers GET: the page, the build's state, its report."""

    def __init__(self, folder: Path, *connection: Any) -> None:
        self.folder = folder
        super().__init__(*connection)

    def do_GET(self) -> None:
        """Answer one request."""
        path = self.path.partition("?")[0]
        if (self.headers.get("Host") or "").partition(":")[0] not in NAMES:
            self._send(403, "text/plain", b"ask for 127.0.0.1")
        elif path == "/":
            page = (Path(__file__).parent / "templates" / "live.html").read_bytes()
            self._send(200, "text/html; charset=utf-8", page)
        elif path == "/state.json":
            self._send(200, "application/json", json.dumps(_answer(self.folder)).encode())
        elif path in FILES and (self.folder / path[1:]).is_file():
            self._send(200, FILES[path], read_regular(self.folder / path[1:]))
        else:
            self._send(404, "text/plain", b"not there")

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the page asks every second."""

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)


def _answer(folder: Path) -> dict[str, Any]:
    """Return what the page shows: the build's state, now, and which report lies in the folder (its time of change)."""
    state = read_state(folder)
    try:
        report = (folder / HTML_FILE).stat().st_mtime
    except OSError:
        report = None
    return {
        "folder": folder.resolve().name,
        "now": time.time(),
        "report": report,
        "build": state.model_dump() if state else None,
    }
