"""What an operator of a .tflite costs by its shapes alone: multiply-accumulates, work, parameters, bytes."""

from __future__ import annotations

from math import prod

from edgeforge.tflite.graph import Graph, sources, targets

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
REDUCTIONS = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "ARG_MAX", "ARG_MIN")
LSTMS = ("UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM")


def operator_macs(graph: Graph, place: int) -> int:
    """Return the multiply-accumulates of an operator in one inference; 0 of one that has none.

    Of a window that reaches over the edge all are counted, as is usual; those of an LSTM are its eight gates' products.
    """
    name, operator = graph.names[place], graph.operators[place]
    read, written = sources(operator), targets(operator)
    if not written:
        return 0
    outputs = prod(graph.shape(written[0]))
    if name == "BATCH_MATMUL":
        inner = graph.shape(read[0])
        turned = operator.builtinOptions is not None and operator.builtinOptions.adjX
        return outputs * inner[-2 if turned else -1]
    if name in LSTMS:
        steps = prod(graph.shape(read[0])[:-1])
        weights = [one for one in read if one in graph.constants and len(graph.shape(one)) == 2]
        return steps * sum(prod(graph.shape(one)) for one in weights)
    if name not in CONVOLUTIONS or len(read) < 2:
        return 0
    kernel = graph.shape(read[1])
    if name == "TRANSPOSE_CONV":  # each input value meets every weight of its channel
        return prod(graph.shape(read[2])) * prod(kernel[:3])
    if name == "DEPTHWISE_CONV_2D":  # weights: 1,h,w,channels
        return outputs * prod(kernel[1:3])
    return outputs * prod(kernel[1:])  # weights: outputs,h,w,inputs or outputs,inputs


def macs(model: bytes | Graph) -> int:
    """Return the multiply-accumulates of one inference of a model."""
    graph = Graph(model) if isinstance(model, bytes) else model
    return sum(operator_macs(graph, place) for place in range(len(graph.operators)))


def work(graph: Graph, place: int) -> int:
    """Return how many values an operator takes up, one by one: its multiply-accumulates, the values under a pool's
    window, those that a reduction reads; 0 where there is no more to do than to write its outputs.
    """
    operator = graph.operators[place]
    name, read, written = graph.names[place], sources(operator), targets(operator)
    if not written:
        return 0
    if name in POOLS:
        options = operator.builtinOptions
        return prod(graph.shape(written[0])) * int(options.filterHeight) * int(options.filterWidth)
    if name in REDUCTIONS:
        return prod(graph.shape(read[0]))
    return operator_macs(graph, place)


def parameters(graph: Graph, place: int) -> int:
    """Return how many constant numbers an operator reads: weights, biases, tables, sizes."""
    return sum(prod(graph.shape(one)) for one in sources(graph.operators[place]) if stored_bytes(graph, one))


def stored_bytes(graph: Graph, tensor: int) -> int:
    """Return the bytes that a tensor's values take in the file; 0 for one that is computed."""
    data = graph.model.buffers[graph.tensors[tensor].buffer].data
    return 0 if data is None else len(data)
