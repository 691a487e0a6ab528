"""The tensor arena that a model takes on a 32-bit board, predicted by replaying what TFLM's allocator does.

The arena's tail holds what lives as long as the model; MicroAllocator and MicroInterpreter::AllocateTensors fill it
from the arena's end, in an order that is replayed here with the structures' 32-bit sizes and alignments. The head holds
activations and the kernels' scratch buffers; it is planned anew with TFLM's greedy planner, around the offsets that the
model itself may give its tensors (OfflineMemoryAllocation), with the lifetimes of
AllocationInfoBuilder::MarkAllocationLifetimes: a scratch buffer lives during its operator only.
arena_used_bytes() is the sum of both. (tensorflow/lite/micro/micro_allocator.cc, micro_interpreter.cc,
micro_allocation_info.cc.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeforge.hardware.board import Kernels
from edgeforge.results.rows.fit import ArenaBuffer, ArenaRow
from edgeforge.targets.fit.memory_planner import Request, height, place
from edgeforge.targets.fit.tflm_memory import OperatorMemory, Runtime, operator_memory, tensor_bytes
from edgeforge.tflite.graph import Graph, layer_label, sources, targets
from edgeforge.tflite.passes.memory_plan import ONLINE, UnreadablePlan, read_plan

ALIGNMENT = 16  # MicroArenaBufferAlignment()
SCRATCH_REQUESTS = 12  # kMaxScratchBuffersPerOp: room for so many is kept while operators prepare
PLANNER_BYTES = 40  # of GreedyMemoryPlanner for a buffer, while it plans (per_buffer_size())


def round_up(size: int, alignment: int = ALIGNMENT) -> int:
    """Return the next multiple of `alignment`."""
    return -(-size // alignment) * alignment


def predict_arena(graph: Graph, runtime: Runtime, kernels: Kernels, core: str) -> ArenaRow:
    """Return what the arena holds on a board with these kernels and this core (`Board.core`)."""
    memories = [operator_memory(graph, n, runtime, kernels, core) for n in range(len(graph.operators))]
    plan = plan_of(graph)
    given = plan or [ONLINE] * len(graph.tensors)
    buffers, requests = planned(graph, memories, given)
    offsets = place(requests)
    buffers = [buffer.model_copy(update={"offset": at}) for buffer, at in zip(buffers, offsets, strict=True)]
    head = height(requests, offsets)
    tail = _Tail(graph, runtime, memories, given)
    steps = [layer_label(graph, n) for n in range(len(graph.operators))]
    live = [sum(one.bytes for one in buffers if one.first <= step <= one.last) for step in range(len(steps) + 1)]
    return ArenaRow(
        used_bytes=head + tail.bytes,
        needed_bytes=_needed(runtime, memories, tail, len(buffers), head),
        head_bytes=head,
        tail_bytes=tail.bytes,
        tail=tail.parts,
        buffers=buffers,
        steps=steps,
        live_bytes=live,
        peak_step=max(range(len(live)), key=lambda step: live[step]),
        plan="greedy" if plan is None else "offline",
        greedy_head_bytes=None if plan is None else greedy_head(graph, memories),
        estimated=sorted({graph.names[n] for n, memory in enumerate(memories) if not memory.measured}),
    )


def plan_of(graph: Graph) -> list[int] | None:
    """Return the offsets that the model itself gives its tensors; None where it has none that TFLM takes."""
    try:
        return read_plan(graph.model)
    except UnreadablePlan:
        return None


def greedy_head(graph: Graph, memories: list[OperatorMemory]) -> int:
    """Return the bytes of the head as TFLM's own planner lays it out, whatever plan the model has."""
    _, requests = planned(graph, memories, [ONLINE] * len(graph.tensors))
    return height(requests, place(requests))


def planned(
    graph: Graph, memories: list[OperatorMemory], given: Sequence[int]
) -> tuple[list[ArenaBuffer], list[Request]]:
    """Return the buffers in the order in which TFLM adds them to the plan: tensors, then scratch buffers.

    given: each tensor's offset, ONLINE where the planner is to choose.
    """
    first, last = _lifetimes(graph)
    found, requests = [], []
    for tensor in range(len(graph.tensors)):
        if is_planned(graph, tensor, given[tensor]):
            size = tensor_bytes(graph, tensor)
            found.append(_buffer(graph.name(tensor), "tensor", size, first.get(tensor, -1), last.get(tensor, -1)))
            requests.append(_request(found[-1], given[tensor]))
    for n, memory in enumerate(memories):
        for size in memory.scratch:
            found.append(_buffer(f"scratch of {layer_label(graph, n)}", "scratch", size, n + 1, n + 1))
            requests.append(_request(found[-1], ONLINE))
    return found, requests


def is_planned(graph: Graph, tensor: int, given: int) -> bool:
    """Tell whether a tensor lies in the arena's head; variables do only where the model gives them an offset."""
    variable = graph.tensors[tensor].isVariable and given == ONLINE
    return tensor_bytes(graph, tensor) > 0 and not _stored(graph, tensor) and not variable


def _request(buffer: ArenaBuffer, offset: int) -> Request:
    return Request(buffer.bytes, buffer.first, buffer.last, None if offset == ONLINE else offset)


def _buffer(name: str, kind: Any, size: int, first: int, last: int) -> ArenaBuffer:
    return ArenaBuffer(name=name, kind=kind, bytes=round_up(size), offset=0, first=first, last=last)


def _stored(graph: Graph, tensor: int) -> bool:
    """Whether a tensor's values are in the model, so that they stay in flash."""
    data = graph.model.buffers[graph.tensors[tensor].buffer].data
    return data is not None and len(data) > 0


def _lifetimes(graph: Graph) -> tuple[dict[int, int], dict[int, int]]:
    """Return each tensor's first and last step (MarkAllocationLifetimes); tensors that nobody touches are left out."""
    first, last = dict.fromkeys(graph.inputs, 0), dict.fromkeys(graph.inputs, 0)
    for step, operator in enumerate(graph.operators, start=1):
        for tensor in targets(operator):
            first.setdefault(tensor, step)
        for tensor in (*sources(operator), *targets(operator)):
            last[tensor] = step
    for tensor in graph.outputs:
        first.setdefault(tensor, len(graph.operators))
        last[tensor] = len(graph.operators)
    return first, last


class _Tail:
    """Replays the persistent allocations; `bytes` taken so far, `parts` of what."""

    def __init__(self, graph: Graph, runtime: Runtime, memories: list[OperatorMemory], given: Sequence[int]) -> None:
        self.bytes, self.parts, self.sizes = 0, dict[str, int](), runtime.structures
        self.channels = [_scales(graph, tensor) for tensor in range(len(graph.tensors))]
        self.scratch_handles = sum(len(memory.scratch) for memory in memories)
        for name in ("SingleArenaBufferAllocator", "GreedyMemoryPlanner", "MicroAllocator"):
            self.take("TFLM itself", self.sizes[name], 4)
        self.take("TFLM itself", self.sizes["MicroBuiltinDataAllocator"], 4)
        self.take("TFLM itself", self.sizes["SubgraphAllocations"], 4)
        self.take("tensors", self.sizes["TfLiteEvalTensor"] * len(graph.tensors), 4)
        self.take("operators", self.sizes["NodeAndRegistration"] * len(graph.operators), 4)
        for name in graph.names:
            self.take("parameters", *runtime.parameters.get(name, (0, 1)))
        for memory in memories:
            if memory.data:
                self.take("operators' own data", memory.data, ALIGNMENT)
        self.before_preparing = self.bytes
        for memory in memories:
            for size in memory.persistent:
                self.take("multipliers, shifts and tables", size, ALIGNMENT)
        self.take("scratch handles", self.sizes["ScratchBufferHandle"] * self.scratch_handles, 4)
        for tensor, one in enumerate(graph.tensors):
            if one.isVariable and given[tensor] == ONLINE:
                self.take("variables", tensor_bytes(graph, tensor), ALIGNMENT)
        self.before_planning = self.bytes
        for ends in (graph.inputs, graph.outputs):
            self.take("input and output tensors", 4 * len(ends), ALIGNMENT)
            for tensor in ends:
                self.take("input and output tensors", self.sizes["TfLiteTensor"], 4)
                if scales := self.channels[tensor]:
                    self.take("input and output tensors", self.sizes["TfLiteAffineQuantization"], 4)
                    self.take("input and output tensors", 4 + 4 * scales, 4)

    def take(self, part: str, size: int, alignment: int) -> None:
        """Allocate from the end, downwards: SingleArenaBufferAllocator::AllocatePersistentBuffer."""
        before, self.bytes = self.bytes, round_up(self.bytes + size, alignment)
        self.parts[part] = self.parts.get(part, 0) + self.bytes - before


def _scales(graph: Graph, tensor: int) -> int:
    quantization = graph.tensors[tensor].quantization
    if quantization is None or quantization.scale is None or quantization.zeroPoint is None:
        return 0
    return len(quantization.scale) if len(quantization.zeroPoint) else 0


def _needed(runtime: Runtime, memories: list[OperatorMemory], tail: _Tail, buffers: int, head: int) -> int:
    """Return the smallest arena that is enough: while the plan is made, its own tables lie where the head will be."""
    sizes, scratch = runtime.structures, tail.scratch_handles
    requests = sizes["ScratchBufferRequest"] * (scratch + SCRATCH_REQUESTS)
    tables = requests + 4 + sizes["AllocationInfo"] * (len(tail.channels) + scratch)
    planning = round_up(tables) + PLANNER_BYTES * buffers + round_up(tail.before_planning)
    return max(head + tail.bytes, planning)
