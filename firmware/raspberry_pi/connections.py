"""Bounds of connections: how many there are at once, and how long each may take to send the header of a request.

uvicorn alone waits for ever for a header's end, and answers everybody with 503 while too many do.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 64  # connections at once; with each, at most its header and a part of its body lie in memory
HEADER_SECONDS = 10.0  # from a connection's beginning, or from the answer before, to the end of a header
LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(H11Protocol):
    """A connection that is closed when it takes too long, or has waited longest when another one comes."""

    deadline: asyncio.TimerHandle | None = None
    since = 0.0  # when it began to wait for a header

    def connection_made(self, transport: Any) -> None:
        """Make room: the connection that has waited longest for its header goes; this one, where all are at work."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MOST:
            waiting = [one for one in self.connections if isinstance(one, BoundedProtocol) and one.deadline]
            others = [one for one in waiting if one is not self]
            (min(others, key=lambda one: one.since) if others else self).leave(LATE if others else BUSY)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived; the time for a header stands still while a request is answered."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self.deadline is None and not self.transport.is_closing():
            self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next header, or for what is left of a body that was refused."""
        super().on_response_complete()
        if self.deadline is None and not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop()
        super().connection_lost(exc)

    def leave(self, answer: bytes) -> None:
        """Say why, and close."""
        self._stop()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def _wait(self) -> None:
        self.since = self.loop.time()
        self.deadline = self.loop.call_later(HEADER_SECONDS, self.leave, LATE)

    def _stop(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
