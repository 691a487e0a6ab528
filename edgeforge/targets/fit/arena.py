"""The tensor arena that a model takes on a 32-bit board, predicted by replaying what TFLM's allocator does.

The arena's tail holds what lives as long as the model; MicroAllocator and MicroInterpreter::AllocateTensors fill it
from the arena's end, in an order that is replayed here with the structures' 32-bit sizes and alignments. The head holds
activations and the kernels' scratch buffers; it is planned anew with TFLM's greedy planner, around the offsets that the
model itself may give its tensors (OfflineMemoryAllocation), with the lifetimes of
AllocationInfoBuilder::MarkAllocationLifetimes: a scratch buffer lives during its operator only, and what a subgraph has
during the operator that runs it. arena_used_bytes() is the sum of both. (tensorflow/lite/micro/micro_allocator.cc,
micro_interpreter.cc, micro_allocation_info.cc, micro_resource_variable.cc, kernels/assign_variable.cc.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from edgeforge.hardware.board import Kernels
from edgeforge.results.rows.fit import ArenaBuffer, ArenaRow
from edgeforge.targets.fit.memory_planner import Request, height, place
from edgeforge.targets.fit.tflm_memory import OperatorMemory, Runtime, operator_memory, tensor_bytes
from edgeforge.tflite.graph import Graph, Resource, layer_label, sources, subgraphs_run, targets
from edgeforge.tflite.passes.memory_plan import ONLINE, UnreadablePlan, read_plan

ALIGNMENT = 16  # MicroArenaBufferAlignment()
SCRATCH_REQUESTS = 12  # kMaxScratchBuffersPerOp: room for so many is kept while operators prepare
PLANNER_BYTES = 40  # of GreedyMemoryPlanner for a buffer, while it plans (per_buffer_size())


def round_up(size: int, alignment: int = ALIGNMENT) -> int:
    """Return the next multiple of `alignment`."""
    return -(-size // alignment) * alignment


def predict_arena(graph: Graph, runtime: Runtime, kernels: Kernels, core: str) -> ArenaRow:
    """Return what the arena holds on a board with these kernels and this core (`Board.core`). graph: the main one."""
    memories = memories_of(graph, runtime, kernels, core)
    plan = plan_of(graph)
    given = plan or unplanned(graph)
    lives = _Lives(graph)
    buffers, requests = planned(graph, memories, given)
    offsets = place(requests)
    buffers = [buffer.model_copy(update={"offset": at}) for buffer, at in zip(buffers, offsets, strict=True)]
    head = height(requests, offsets)
    tail = _Tail(graph, runtime, memories, given)
    live = [sum(one.bytes for one in buffers if one.first <= step <= one.last) for step in range(lives.step + 1)]
    every = [one for part in memories for one in part]
    return ArenaRow(
        used_bytes=head + tail.bytes,
        needed_bytes=_needed(runtime, tail, len(graph.parts), len(buffers), head),
        head_bytes=head,
        tail_bytes=tail.bytes,
        tail=tail.parts,
        buffers=buffers,
        steps=lives.labels[1:],
        live_bytes=live,
        peak_step=max(range(len(live)), key=lambda step: live[step]),
        plan="greedy" if plan is None else "offline",
        greedy_head_bytes=None if plan is None else greedy_head(graph, memories),
        estimated=sorted({name for name, one in zip(graph.every_name, every, strict=True) if not one.measured}),
    )


def memories_of(graph: Graph, runtime: Runtime, kernels: Kernels, core: str) -> list[list[OperatorMemory]]:
    """Return what each operator of each subgraph takes beside its tensors."""
    return [
        [operator_memory(part, n, runtime, kernels, core) for n in range(len(part.operators))] for part in graph.parts
    ]


def unplanned(graph: Graph) -> list[int]:
    """Return no offset for every tensor of all subgraphs, in their order: TFLM's planner is to choose."""
    return [ONLINE] * sum(len(part.tensors) for part in graph.parts)


def plan_of(graph: Graph) -> list[int] | None:
    """Return the offsets that the model itself gives its tensors; None where it has none that TFLM takes."""
    try:
        return read_plan(graph.model)
    except UnreadablePlan:
        return None


def greedy_head(graph: Graph, memories: list[list[OperatorMemory]]) -> int:
    """Return the bytes of the head as TFLM's own planner lays it out, whatever plan the model has."""
    _, requests = planned(graph, memories, unplanned(graph))
    return height(requests, place(requests))


def planned(
    graph: Graph, memories: list[list[OperatorMemory]], given: Sequence[int]
) -> tuple[list[ArenaBuffer], list[Request]]:
    """Return the buffers in the order in which TFLM plans them: the tensors of all subgraphs, then scratch buffers.

    given: each tensor's offset, subgraph by subgraph, ONLINE where the planner is to choose.
    """
    lives = _Lives(graph)
    found, requests, offsets = [], [], iter(given)
    for part in graph.parts:
        for tensor in range(len(part.tensors)):
            offset = next(offsets)
            if is_planned(part, tensor, offset):
                first, last = lives.of_tensors.get((part.part, tensor), (-1, -1))
                found.append(_buffer(part.name(tensor), "tensor", tensor_bytes(part, tensor), first, last))
                requests.append(_request(found[-1], offset))
    for part in graph.parts:
        for n, memory in enumerate(memories[part.part]):
            for size in memory.scratch:
                first, last = lives.of_operators.get((part.part, n), (-1, -1))
                found.append(_buffer(f"scratch of {layer_label(part, n)}", "scratch", size, first, last))
                requests.append(_request(found[-1], ONLINE))
    return found, requests


def is_planned(graph: Graph, tensor: int, given: int) -> bool:
    """Tell whether a tensor lies in the arena's head; variables do only where the model gives them an offset.

    A handle of a resource variable points into the data of its VAR_HANDLE.
    """
    variable = graph.tensors[tensor].isVariable and given == ONLINE
    elsewhere = variable or _stored(graph, tensor) or tensor in graph.handles
    return tensor_bytes(graph, tensor) > 0 and not elsewhere


def _request(buffer: ArenaBuffer, offset: int) -> Request:
    return Request(buffer.bytes, buffer.first, buffer.last, None if offset == ONLINE else offset)


def _buffer(name: str, kind: Any, size: int, first: int, last: int) -> ArenaBuffer:
    return ArenaBuffer(name=name, kind=kind, bytes=round_up(size), offset=0, first=first, last=last)


def _stored(graph: Graph, tensor: int) -> bool:
    """Whether a tensor's values are in the model, so that they stay in flash."""
    data = graph.model.buffers[graph.tensors[tensor].buffer].data
    return data is not None and len(data) > 0


class _Lives:
    """Each tensor's and operator's first and last step, by subgraph and place (MarkAllocationLifetimes).

    Tensors that nobody touches have none. step: the last one; labels: of all of them, the input's first.
    """

    def __init__(self, graph: Graph) -> None:
        self.graphs = graph.parts
        self.of_tensors: dict[tuple[int, int], tuple[int, int]] = {}
        self.of_operators: dict[tuple[int, int], tuple[int, int]] = {}
        self.labels = ["the input"]
        self._mark(graph)

    @property
    def step(self) -> int:
        return len(self.labels) - 1

    def _touch(self, graph: Graph, tensors: Iterable[int]) -> None:
        for tensor in tensors:
            first, _ = self.of_tensors.get((graph.part, tensor), (self.step, self.step))
            self.of_tensors[graph.part, tensor] = first, self.step

    def _mark(self, graph: Graph) -> None:
        self._touch(graph, graph.inputs)
        for n, operator in enumerate(graph.operators):
            self.labels.append(layer_label(graph, n))
            begun = self.step
            self._touch(graph, targets(operator))
            for part in subgraphs_run(graph, n):
                self.labels.append(f"subgraph {part} of {layer_label(graph, n)}")
                self._mark(self.graphs[part])
            self._touch(graph, [*sources(operator), *targets(operator)])
            self.of_operators[graph.part, n] = begun, self.step
        self._touch(graph, graph.outputs)


class _Tail:
    """Replays the persistent allocations; `bytes` taken so far, `parts` of what."""

    def __init__(
        self, graph: Graph, runtime: Runtime, memories: list[list[OperatorMemory]], given: Sequence[int]
    ) -> None:
        self.bytes, self.parts, self.sizes = 0, dict[str, int](), runtime.structures
        self.tensors = len(given)
        self.scratch_handles = sum(len(memory.scratch) for part in memories for memory in part)
        for name in ("SingleArenaBufferAllocator", "GreedyMemoryPlanner", "MicroAllocator"):
            self.take("TFLM itself", self.sizes[name], 4)
        if resources := graph.resources:  # MicroResourceVariables::Create, which the sketch calls
            self.take("variables", self.sizes["MicroResourceVariables"], ALIGNMENT)
            self.take("variables", self.sizes["MicroResourceVariable"] * len(resources), ALIGNMENT)
        self.take("TFLM itself", self.sizes["MicroBuiltinDataAllocator"], 4)
        self.take("TFLM itself", self.sizes["SubgraphAllocations"] * len(graph.parts), 4)
        for part in graph.parts:
            self.take("tensors", self.sizes["TfLiteEvalTensor"] * len(part.tensors), 4)
        for part in graph.parts:
            self.take("operators", self.sizes["NodeAndRegistration"] * len(part.operators), 4)
        for name in graph.every_name:
            self.take("parameters", *runtime.parameters.get(name, (0, 1)))
        for memory in (one for part in memories for one in part):
            if memory.data:
                self.take("operators' own data", memory.data, ALIGNMENT)
        assigned = set[Resource]()
        for part in graph.parts:
            for n, memory in enumerate(memories[part.part]):
                for size in memory.persistent:
                    self.take("multipliers, shifts and tables", size, ALIGNMENT)
                self._take_resource(part, n, assigned)
        self.take("scratch handles", self.sizes["ScratchBufferHandle"] * self.scratch_handles, 4)
        offsets = iter(given)
        for part in graph.parts:
            for tensor, one in enumerate(part.tensors):
                if next(offsets) == ONLINE and one.isVariable:
                    self.take("variables", tensor_bytes(part, tensor), ALIGNMENT)
        self.before_planning = self.bytes
        for ends in (graph.inputs, graph.outputs):
            self.take("input and output tensors", 4 * len(ends), ALIGNMENT)
            for tensor in ends:
                self.take("input and output tensors", self.sizes["TfLiteTensor"], 4)
                if scales := _scales(graph, tensor):
                    self.take("input and output tensors", self.sizes["TfLiteAffineQuantization"], 4)
                    self.take("input and output tensors", 4 + 4 * scales, 4)

    def _take_resource(self, graph: Graph, operator: int, assigned: set[Resource]) -> None:
        """Take a resource variable's memory where the first operator that assigns it is prepared."""
        if graph.names[operator] != "ASSIGN_VARIABLE":
            return
        handle, value = sources(graph.operators[operator])
        resource = graph.handles.get(handle)
        if resource is not None and resource not in assigned:
            assigned.add(resource)
            self.take("variables", tensor_bytes(graph, value), ALIGNMENT)

    def take(self, part: str, size: int, alignment: int) -> None:
        """Allocate from the end, downwards: SingleArenaBufferAllocator::AllocatePersistentBuffer."""
        before, self.bytes = self.bytes, round_up(self.bytes + size, alignment)
        self.parts[part] = self.parts.get(part, 0) + self.bytes - before


def _scales(graph: Graph, tensor: int) -> int:
    quantization = graph.tensors[tensor].quantization
    if quantization is None or quantization.scale is None or quantization.zeroPoint is None:
        return 0
    return len(quantization.scale) if len(quantization.zeroPoint) else 0


def _needed(runtime: Runtime, tail: _Tail, subgraphs: int, buffers: int, head: int) -> int:
    """Return the smallest arena that is enough: while the plan is made, its own tables lie where the head will be."""
    sizes, scratch = runtime.structures, tail.scratch_handles
    requests = sizes["ScratchBufferRequest"] * (scratch + SCRATCH_REQUESTS)
    tables = requests + 4 * subgraphs + sizes["AllocationInfo"] * (tail.tensors + scratch)
    planning = round_up(tables) + PLANNER_BYTES * buffers + round_up(tail.before_planning)
    return max(head + tail.bytes, planning)
