"""A memory plan inside a .tflite file: where TFLM is to place each tensor in its arena.

TFLM reads it from the model's metadata named OfflineMemoryAllocation: a buffer of int32, which are a version, a
subgraph, how many tensors the model has, and for each its offset in bytes from the arena's start, or -1 where TFLM is
to place it itself. (tensorflow/lite/micro/docs/memory_management.md, and GetOfflinePlannedOffsets of
micro_allocation_info.cc, which takes the last of several and looks at the count alone.) LiteRT does not look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeforge.tflite.flatbuffer import read_model, write_model

METADATA = b"OfflineMemoryAllocation"
ONLINE = -1
VERSION, SUBGRAPH = 1, 0


class UnreadablePlan(ValueError):
    """The plan is not of this model: TFLM refuses to allocate its tensors. offsets: how many it says that it has."""

    def __init__(self, offsets: int, tensors: int) -> None:
        super().__init__(offsets, tensors)
        self.offsets, self.tensors = offsets, tensors


def read_plan(model: Any) -> list[int] | None:
    """Return each tensor's offset (-1: TFLM's to choose) in a ModelT; None without a plan. Raises UnreadablePlan."""
    import numpy as np

    found = None
    for entry in model.metadata or ():
        if entry.name == METADATA:
            data = model.buffers[entry.buffer].data
            numbers = np.asarray([] if data is None else data, np.uint8).tobytes()
            words = np.frombuffer(numbers[: len(numbers) // 4 * 4], "<i4").tolist()
            tensors = sum(len(graph.tensors) for graph in model.subgraphs)
            if len(words) < 3 or words[2] != tensors or len(words) < 3 + tensors:
                raise UnreadablePlan(words[2] if len(words) > 2 else 0, tensors)
            found = words[3 : 3 + tensors]
    return found


def with_plan(flatbuffer: bytes, offsets: Sequence[int] | None) -> bytes:
    """Return a model with this plan in place of any that it had; None: without one."""
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(flatbuffer)
    kept = [entry for entry in model.metadata or () if entry.name != METADATA]
    if offsets is not None:
        words = np.asarray([VERSION, SUBGRAPH, len(offsets), *offsets], "<i4")
        buffer, entry = schema.BufferT(), schema.MetadataT()
        buffer.data = np.frombuffer(words.tobytes(), np.uint8)
        entry.name, entry.buffer = METADATA, len(model.buffers)
        model.buffers.append(buffer)
        kept.append(entry)
    model.metadata = kept or None
    return write_model(model)
