"""MEAN as the Arduino libraries of 2023 compute it: NumPy's 32-bit floats are a compiler's, to the last rounding."""

import struct
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from int8_models import MODELS, Net

from edgeforge.hardware.libraries import libraries, library
from edgeforge.runtimes.float_mean import FloatMeanRunner, board_runner, float_mean
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.emulator import EMULATED, Toolchain
from edgeforge.tflite.tensor_spec import TensorSpec

PROGRAM = Path(__file__).parent / "programs" / "mean_test.cc"
OF_2023, OF_2026 = library("chirale-2.0.0"), library("tflite-micro-2026-08")


def test_numpy_rounds_as_the_compiler(toolchain: Toolchain, tmp_path: Path) -> None:
    """Cortex-M4F multiplies and adds in one step, this host in two; halfway cases are among these."""
    generator = np.random.default_rng(0)
    given, wanted = b"", []
    for case in range(4000):
        height, width = generator.integers(1, 15, 2)
        values = generator.integers(-128, 128, (1, height, width, 1)).astype(np.int8)
        scales = generator.uniform(0.003, 0.3, 2).astype(np.float32)
        if case % 2:
            scales[1] = scales[0] / np.float32(generator.integers(1, 9))  # whole ratios: results that end in a half
        zeros = generator.integers(-128, 128, 2)
        before, after = (TensorSpec((1,), "int8", float(scales[n]), int(zeros[n])) for n in (0, 1))
        found = float_mean(values, (1, 2), before, after, fused=toolchain is EMULATED)
        if (scales[0], zeros[0]) != (scales[1], zeros[1]):
            wanted.append(int(found[0, 0]))
            given += struct.pack("<2i2f2i", int(values.sum(dtype=np.int32)), values.size, *scales, *map(int, zeros))
    program = toolchain.link(toolchain.compile([PROGRAM], tmp_path, f"-I{PROGRAM.parent}"), tmp_path / "mean")
    done = toolchain.run(program, given)
    assert np.frombuffer(done.stdout, np.int32).tolist() == wanted


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
def test_quantized_alike_the_rest_is_cut_off(seed: int, height: int, width: int) -> None:
    values = np.random.default_rng(seed).integers(-128, 128, (1, height, width, 3)).astype(np.int8)
    spec = TensorSpec((1,), "int8", 0.1, 7)
    found = float_mean(values, (1, 2), spec, spec, fused=False)
    means = values.astype(int).reshape(-1, 3).sum(0) / (height * width)
    assert (found[0] == np.trunc(means)).all()


def test_a_network_is_run_in_parts_around_its_means(tmp_path: Path) -> None:
    """Two MEANs, one of them beside the main path, as squeeze and excitation has it."""
    net = Net(9, 7, 4)
    x = net.conv(net.input, 6)
    squeezed = net.conv(net.operator("RESHAPE", [net.mean(x), net.whole("s", [1, 1, 1, 6])], (1, 1, 1, 6)), 6, (1, 1))
    x = net.operator("MUL", [x, squeezed], net.shape(x))
    model = net.build(net.dense(net.mean(net.depthwise(x)), 5))
    path = tmp_path / "net.tflite"
    path.write_bytes(model)
    desk, board = TFLMRunner(path), board_runner(path, OF_2023)
    assert isinstance(board, FloatMeanRunner) and len(board.parts) == 5
    tensors = np.random.default_rng(0).integers(-128, 128, (20, 9, 7, 4)).astype(np.int8)
    found = board.run_raw(tensors).astype(int)
    assert found.shape == (20, 5) and 0 < abs(found - desk.run_raw(tensors)).max() < 12
    # Quantized alike, a MEAN by the desk's kernel and by floats differ by the rounding alone: the parts fit together.
    assert len(board.answers(tensors[0])) == 1


def test_without_a_mean_or_with_todays_library_it_is_the_desk(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(MODELS["keywords"]())
    assert type(board_runner(path, OF_2023)) is TFLMRunner
    path.write_bytes(MODELS["residual"]())
    assert type(board_runner(path, OF_2026)) is TFLMRunner
    assert isinstance(board_runner(path, OF_2023), FloatMeanRunner)


def test_the_libraries_of_2023_are_known() -> None:
    assert {key for key, one in libraries().items() if one.float_mean} == {
        "chirale-2.0.0", "microtflite-1.0.3", "tflm-cortexm-1.0.0",
    }  # fmt: skip
