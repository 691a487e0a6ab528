"""Archives whose bytes depend on their files alone."""

from __future__ import annotations

import gzip
import io
import tarfile


def tar_gz(top: str, files: dict[str, bytes], executable: frozenset[str] = frozenset()) -> bytes:
    """Return a .tar.gz of `files` (path → content) below the folder `top`: sorted, without times, users or hosts."""
    buffer = io.BytesIO()
    # The header's time is 0 and it holds no file name.
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0, compresslevel=9) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name in sorted(files):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(files[name])
            entry.mode = 0o755 if name in executable else 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
    return buffer.getvalue()
