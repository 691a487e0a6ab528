"""Files inside a .tflite file, as TFLite's metadata has them: a zip after the flatbuffer.

Interpreters read the flatbuffer and never look further; any unzip program lists the files.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from edgeforge.inputs.archive import UNREADABLE, opened, text_of

ALIGNMENT = 16  # keeps what follows at an aligned address when the file is memory-mapped


def append_files(flatbuffer: bytes, files: Mapping[str, str]) -> bytes:
    """Return the flatbuffer with text files (name → text) appended; the same bytes every time."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as writer:
        for name, text in files.items():
            writer.writestr(zipfile.ZipInfo(name), text)  # ZipInfo's own date is fixed
    return flatbuffer + bytes(-len(flatbuffer) % ALIGNMENT) + archive.getvalue()


def pure_flatbuffer(data: bytes) -> bytes:
    """Return a .tflite file's bytes without what was appended: what belongs into a board's flash."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # Offsets in the directory are corrected for what stands before the archive.
            return data[: min(entry.header_offset for entry in archive.infolist())]
    except (zipfile.BadZipFile, ValueError):
        return data


def associated_file(data: bytes, name: str) -> str | None:
    """Return the text of a file inside a .tflite file; None when it carries none of that name."""
    return associated_files(data, name).get(name)


def associated_files(data: bytes, ending: str) -> dict[str, str]:
    """Return the text files inside a .tflite file whose names end so; empty where it carries none.

    Raises RecipeError for texts that are too large, or none.
    """
    try:
        with opened(io.BytesIO(data)) as archive:
            return {name: text_of(archive, name) for name in archive.namelist() if name.endswith(ending)}
    except UNREADABLE:
        return {}
