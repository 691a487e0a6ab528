import numpy as np
import pytest
from tflite_network import Network
from tiny_nets import after, conv, dense, images

from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.static import quantize_static
from edgeforge.tflite.flatbuffer import read_model, type_name

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 3)])
def test_a_limit_of_any_rank_has_the_range_of_what_it_limits(shape: tuple[int, ...]) -> None:
    net = Network(8, 8, 3)
    logits = after(net, net.input, conv(RANDOM, 3, 4, 3), dense(RANDOM, 256, 3))
    limit = net.tensor("limit", shape, "FLOAT32", values=np.full(shape, -0.25, np.float32))
    model = net.build(net.operator("MAXIMUM", [logits, limit], (1, 3)))
    made = read_model(quantize_static(model, calibrate(model, images(RANDOM, 8))))
    graph = made.subgraphs[0]
    maximum = graph.operators[-1]
    ends = [graph.tensors[place] for place in (*maximum.inputs, *maximum.outputs)]
    assert {type_name(tensor.type) for tensor in ends} == {"INT8"}
    assert len({(float(one.quantization.scale[0]), int(one.quantization.zeroPoint[0])) for one in ends}) == 1
