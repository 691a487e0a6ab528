"""Small networks whose batch the file leaves free, as TensorFlow's converter writes them of Keras models."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tflite_models import weights
from tflite_network import Network


class FreeBatch(Network):
    """A network whose activations have a free batch, and Keras's own way to flatten and to dilate."""

    def activation(self, name: str, shape: tuple[int, ...]) -> int:
        place = super().activation(name, shape)
        self.graph.tensors[place].shapeSignature = np.array([-1, *shape[1:]], np.int32)
        return place

    def flat(self, x: int) -> int:
        """Flatten as Keras does: the batch is asked for."""
        size = int(np.prod(self.shape(x)[1:]))
        shape = self.shape_of(x)
        ends = [self.whole(name, [value]) for name, value in (("begin", 0), ("end", 1), ("strides", 1))]
        batch = self._of_shapes("STRIDED_SLICE", [shape, *ends], (), shrinkAxisMask=1)
        wanted = self._of_shapes("PACK", [batch, self.whole("size", size)], (2,), valuesCount=2)
        return self.operator("RESHAPE", [x, wanted], (1, size))

    def dilated(self, x: int, kernel: np.ndarray, dilation: int = 2, pads: tuple[int, int] = (2, 2)) -> int:
        """Convolve as Keras does: batches of every `dilation`-th value. kernel: outputs,height,width,inputs."""
        block = self.whole("block", [dilation, dilation])
        rows, depth = self.shape(x)[1] + sum(pads), self.shape(x)[3]
        part = -(-rows // dilation)
        spread = self.operator(
            "SPACE_TO_BATCH_ND", [x, block, self.whole("pads", [pads, pads])], (1, part, part, depth)
        )
        y = self.conv(spread, kernel, same=False)
        edge = rows - (kernel.shape[1] - 1) * dilation
        return self.operator(
            "BATCH_TO_SPACE_ND", [y, block, self.whole("crops", [[0, 0], [0, 0]])], (1, edge, edge, len(kernel))
        )

    def shape_of(self, x: int) -> int:
        return self._of_shapes("SHAPE", [x], (len(self.shape(x)),), outType=schema.TensorType.INT32)

    def _of_shapes(self, name: str, inputs: list[int], shape: tuple[int, ...], **settings: object) -> int:
        made = self.operator(name, inputs, shape or (1,), **settings)
        tensor = self.graph.tensors[made]
        tensor.type, tensor.shape, tensor.shapeSignature = schema.TensorType.INT32, list(shape), None
        tensor.quantization = None
        return made


def free(kind: str = "INT8") -> bytes:
    """Return a network with a dilated convolution and a flatten, its batch free."""
    net = FreeBatch(8, 8, 3, kind=kind)
    scale = 1 if kind == "FLOAT32" else 100
    x = net.dilated(net.input, scale * weights(4, 3, 3, 3, seed=1))
    return net.build(net.dense(net.flat(x), scale * weights(5, 256, seed=2)))
