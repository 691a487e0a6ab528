"""What libraries in C++ print past Python: it is for a log, not for a person."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import IO


class CapturedOutput:
    """Captures what C++ writes to standard output and error, which Python's own redirection does not see."""

    def __enter__(self) -> CapturedOutput:
        sys.stdout.flush()
        sys.stderr.flush()
        self.file: IO[bytes] = tempfile.TemporaryFile()
        self.saved = os.dup(1), os.dup(2)
        os.dup2(self.file.fileno(), 1)
        os.dup2(self.file.fileno(), 2)
        return self

    def __exit__(self, *_: object) -> None:
        for place, descriptor in enumerate(self.saved, start=1):
            os.dup2(descriptor, place)
            os.close(descriptor)

    def text(self) -> str:
        """Return what was written so far."""
        self.file.seek(0)
        return self.file.read().decode(errors="replace")
