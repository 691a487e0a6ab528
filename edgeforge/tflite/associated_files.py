"""Labels and preprocessing inside a .tflite file, as TFLite's metadata has it: a zip after the flatbuffer.

Interpreters read the flatbuffer and never look further; any unzip program lists the files.
"""

from __future__ import annotations

import io
import zipfile

from edgeforge.results.variant import PREPROCESSING_FILE, Preprocessing

LABELS_FILE = "labels.txt"
ALIGNMENT = 16  # keeps what follows at an aligned address when the file is memory-mapped


def append_files(flatbuffer: bytes, preprocessing: Preprocessing) -> bytes:
    """Return the flatbuffer with labels.txt and preprocessing.json appended; the same bytes every time."""
    labels = "\n".join(preprocessing.classes) + "\n"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as writer:
        for name, text in ((LABELS_FILE, labels), (PREPROCESSING_FILE, preprocessing.to_json())):
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


def read_preprocessing_of(data: bytes) -> Preprocessing | None:
    """Return the preprocessing inside a .tflite file; None when it carries none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return Preprocessing.from_json(archive.read(PREPROCESSING_FILE).decode())
    except (zipfile.BadZipFile, KeyError):
        return None
