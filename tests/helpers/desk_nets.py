"""The .tflite of four convolutions that `edgeforge doctor` runs; `python tests/helpers/desk_nets.py` writes it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from tflite_network import Network

from edgeforge.evaluate.desk.nets import CHANNELS, SHAPE, TFLITE


def four_convolutions() -> bytes:
    """Return a full-integer .tflite whose values keep their size from layer to layer."""
    random = np.random.default_rng(0)
    net = Network(*SHAPE[1:], SHAPE[0], kind="INT8")
    x = net.input
    for inputs, outputs in pairwise(CHANNELS):
        kernel = random.normal(0, 100 / np.sqrt(9 * inputs), (outputs, 3, 3, inputs)).round().clip(-127, 127)
        x = net.conv(x, kernel.astype(np.int8), random.integers(-900, 900, outputs), activation="RELU")
    return net.build(x)


if __name__ == "__main__":
    TFLITE.write_bytes(four_convolutions())
