"""A .tflite file without what it stores twice: the same model, value for value, in fewer bytes.

Per-channel quantization writes a scale (4 bytes) and a zero point (8 bytes, always 0) for each channel of a layer's
weights, and the same again for its bias. A FlatBuffers table names a vector by its offset, and nothing forbids two
tables to name one (https://flatbuffers.dev/internals): equal vectors are stored once here. No table is left out, so
every reader sees what it saw before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.flatbuffer import ALIGNMENT, AlignedBuilder, read_model

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Compact(Pass[bytes]):
    """Store equal vectors and strings once; the same bytes every time.

    Requires a flatbuffer without appended files. Ensures the same operators, tensors and buffers, in no more bytes but
    for what aligns the buffers: a file with little to share may grow by a few.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model in fewer bytes. Raises RecipeError when it is no flatbuffer."""
        builder = _SharingBuilder(len(model))
        builder.Finish(read_model(model).Pack(builder), b"TFL3")
        return Rewritten(bytes(builder.Output()), ("the file",))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield what is missing or larger."""
        if _counts(before) != _counts(after.model):
            yield f"operators, tensors and bytes of each buffer were {_counts(before)}, are {_counts(after.model)}"
        if len(after.model) > len(before) + ALIGNMENT * len(_counts(before)[2]):
            yield f"{len(after.model)} bytes, of {len(before)}"


def _counts(model: bytes) -> tuple[int, int, tuple[int, ...]]:
    """Return how many operators and tensors a model has, and the bytes of each buffer; nothing is unpacked."""
    from ai_edge_litert import schema_py_generated as schema

    root = schema.Model.GetRootAs(model)
    graphs = [root.Subgraphs(n) for n in range(root.SubgraphsLength())]
    sizes = tuple(root.Buffers(n).DataLength() for n in range(root.BuffersLength()))
    return sum(g.OperatorsLength() for g in graphs), sum(g.TensorsLength() for g in graphs), sizes


class _SharingBuilder(AlignedBuilder):
    """A Builder that writes each vector and each string once, and returns its offset from then on."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802
        data = x.tobytes()
        key = (x.dtype.str, data)
        if key not in self.written:
            self.written[key] = super().CreateNumpyVector(x)
        return self.written[key]

    def CreateString(self, s: str | bytes, encoding: str = "utf-8", errors: str = "strict") -> int:  # noqa: N802
        text = s.encode(encoding, errors) if isinstance(s, str) else s
        key = ("string", text)
        if key not in self.written:
            self.written[key] = super().CreateString(text)
        return self.written[key]
