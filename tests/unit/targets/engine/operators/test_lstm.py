"""UNIDIRECTIONAL_SEQUENCE_LSTM: the bytes of TFLM, also in what is remembered from one inference to the next."""

import numpy as np
import pytest
from engine_program import require_the_bytes_of_tflm
from tflite_network import Network

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model

HIDDEN_SCALE, CELL_SCALE = 1 / 128, 2.0**-11


def lstm(
    *, batches: int = 1, steps: int = 5, inputs: int = 6, cells: int = 7, time_major: bool = False, clip: float = 0.0,
    peepholes: bool = False, cell_scale: float = CELL_SCALE, seed: int = 0,
) -> bytes:  # fmt: skip
    """Return a model of one LSTM with random weights."""
    random = np.random.default_rng(seed)
    net = Network(1, kind="INT8")
    shape = (steps, batches) if time_major else (batches, steps)
    net.graph.tensors.clear()
    net.input = net.tensor("input", (*shape, inputs), "INT8", [0.02], 3)

    def weights(width: int) -> int:
        return net.tensor("weights", (cells, width), "INT8", [0.01], 0,
                          random.integers(-127, 128, (cells, width)).astype(np.int8))  # fmt: skip

    def bias() -> int:
        return net.tensor("bias", (cells,), "INT32", [0.0002], 0, random.integers(-9000, 9000, cells).astype(np.int32))

    def state(kind: str, scale: float, zero: int) -> int:
        place = net.tensor("state", (batches, cells), kind, [scale], zero)
        net.graph.tensors[place].isVariable = True
        return place

    inputs_ = [net.input, *(weights(inputs) for _ in range(4)), *(weights(cells) for _ in range(4)), -1, -1, -1]
    inputs_ += [*(bias() for _ in range(4)), -1, -1, state("INT8", HIDDEN_SCALE, -4), state("INT16", cell_scale, 0)]
    inputs_ += [-1, -1, -1, -1]
    if peepholes:
        inputs_[9] = bias()
    output = net.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs_, (*shape, cells), cellClip=clip, projClip=0.0,
                          timeMajor=time_major)  # fmt: skip
    net.graph.operators[-1].builtinOptions.fusedActivationFunction = 4
    tensor = net.graph.tensors[output]
    tensor.quantization.scale, tensor.quantization.zeroPoint = np.array([HIDDEN_SCALE], np.float32), np.array([-4])
    return net.build(output)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batches": 2, "time_major": True},
        {"batches": 2, "seed": 1},
        {"clip": 1.5, "seed": 2},
        {"cell_scale": 2.0**-14, "seed": 3},
    ],
)
def test_it_has_the_bytes_of_tflm(settings: dict[str, object]) -> None:
    require_the_bytes_of_tflm(lstm(**settings), 8)


def test_what_tflm_has_not_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"UNIDIRECTIONAL_SEQUENCE_LSTM 0 .*: it has peepholes"):
        compile_model(lstm(peepholes=True), "net")


def test_its_states_are_kept_apart_from_all_else() -> None:
    network = compile_model(lstm(), "net")
    hidden, cells = network.operators[0].state
    assert network.arena_bytes >= hidden.bytes + cells.bytes
    assert network.places[hidden.number] != network.places[cells.number]
