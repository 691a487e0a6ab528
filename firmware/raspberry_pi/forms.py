"""Pictures in the forms that browsers and `curl -F` send: multipart/form-data, RFC 7578."""

from __future__ import annotations

import logging
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from bundle import BundleError

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # what it warns of is answered


def first_file(body: bytes, content_type: str) -> bytes:
    """Return the first file of a form; any other body as it is. Raises BundleError for a form without a file.

    It is a part of `body`, which is whole and bounded already: nothing is written to the disk.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        return body
    parser = _FirstFile(options.get(b"boundary", b""))
    try:
        parser.read(body)
    except FormParserError as error:
        raise BundleError("the form is damaged: curl -F image=@photo.png") from error
    if parser.found is None:
        raise BundleError("the form holds no file: curl -F image=@photo.png, with the @")
    return parser.found


class _FirstFile:
    """Gathers the first part of a form that has a file's name."""

    def __init__(self, boundary: bytes) -> None:
        self.found: bytes | None = None
        self._boundary = boundary
        self._parts: list[bytes] | None = None
        self._field, self._value = b"", b""

    def read(self, body: bytes) -> None:
        """Read a whole form. Raises FormParserError for a damaged one."""
        callbacks: Any = {
            "on_header_field": self._on_field, "on_header_value": self._on_value, "on_header_end": self._on_header,
            "on_part_data": self._on_data, "on_part_end": self._on_end,
        }  # fmt: skip
        parser = MultipartParser(self._boundary, callbacks)
        parser.write(body)
        parser.finalize()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        is_first = self._field.lower() == b"content-disposition" and self.found is None
        if is_first and b"filename" in parse_options_header(self._value)[1]:
            self._parts = []
        self._field, self._value = b"", b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._parts is not None:
            self._parts.append(data[start:end])

    def _on_end(self) -> None:
        if self._parts is not None:
            self.found, self._parts = b"".join(self._parts), None
