"""A .tflite file without what it stores twice: the same model, value for value, in fewer bytes.

Per-channel quantization writes a scale (4 bytes) and a zero point (8 bytes, always 0) for each channel of a layer's
weights, and the same again for its bias. A FlatBuffers table names a vector by its offset, and nothing forbids two
tables to name one (https://flatbuffers.dev/internals): equal vectors are stored once here. No table is left out, so
every reader sees what it saw before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers

from edgeforge.tflite.flatbuffer import read_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUFFER_ALIGNMENT = 16  # `force_align: 16` of a Buffer's data in TFLite's schema


def compact(flatbuffer: bytes) -> bytes:
    """Return the model with equal vectors and strings stored once; the same bytes every time.

    flatbuffer: a .tflite without appended files. Raises RecipeError when it is none.
    """
    builder = _SharingBuilder(len(flatbuffer))
    builder.Finish(read_model(flatbuffer).Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """A Builder that writes each vector and each string once, and returns its offset from then on."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802
        data = x.tobytes()
        key = (x.dtype.str, data)
        if key not in self.written:
            if x.dtype.itemsize == 1:  # the bytes of a tensor: a board's kernels read them as 32-bit numbers, too
                self.Prep(BUFFER_ALIGNMENT, len(data))
            self.written[key] = super().CreateNumpyVector(x)
        return self.written[key]

    def CreateString(self, s: str | bytes, encoding: str = "utf-8", errors: str = "strict") -> int:  # noqa: N802
        text = s.encode(encoding, errors) if isinstance(s, str) else s
        key = ("string", text)
        if key not in self.written:
            self.written[key] = super().CreateString(text)
        return self.written[key]
