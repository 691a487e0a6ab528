"""A compact .tflite is the same model: value for value, and byte for byte in what it computes."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import DATA
from tiny_nets import images, mobile_net

from edgeforge.errors import RecipeError
from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.static import quantize_static, quantize_weights
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.tflite.flatbuffer import ALIGNMENT, int8_checks, operators, read_model
from edgeforge.tflite.passes.compact import Compact

MODEL = DATA / "digits_int8.tflite"


def compact(model: bytes) -> bytes:
    small = Compact()(model).model
    assert operators(small) == operators(model)
    return small


def values(entry: Any) -> Any:
    """Return all that the schema's objects hold, as plain values."""
    if hasattr(entry, "__dict__"):
        return type(entry).__name__, {name: values(value) for name, value in vars(entry).items()}
    if isinstance(entry, list | tuple):
        return [values(value) for value in entry]
    return entry.tolist() if isinstance(entry, np.ndarray) else entry


def verified(model: bytes) -> bool:
    """Say whether LiteRT's verifier of flatbuffers, which its compiled models run first, takes it."""
    from ai_edge_litert.compiled_model import CompiledModel

    try:
        CompiledModel.from_buffer(model)
    except RuntimeError:
        return False
    return True


@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**16),
    channels=st.sampled_from([3, 8, 13, 24]),
    precision=st.sampled_from(["int8", "int8", "int16", "weights"]),
    per_channel=st.booleans(),
    dense=st.booleans(),
)
def test_every_value_and_every_output_stay(
    seed: int, channels: int, precision: Any, per_channel: bool, dense: bool
) -> None:
    random = np.random.default_rng(seed)
    floats, inputs = mobile_net(random, channels), images(random, 8)
    granularity = {"per_channel": per_channel, "per_channel_dense": dense}
    if precision == "weights":
        model = quantize_weights(floats, "dynamic", **granularity)
    else:
        model = quantize_static(floats, calibrate(floats, inputs), precision=precision, **granularity)
    small = compact(model)
    assert values(read_model(small)) == values(read_model(model)) and compact(small) == small and verified(small)
    assert len(small) < len(model)
    with TemporaryDirectory() as folder:
        paths = Path(folder) / "model.tflite", Path(folder) / "small.tflite"
        for path, data in zip(paths, (model, small), strict=True):
            path.write_bytes(data)
        runners = [lambda path, kind=kind: LiteRTRunner(path, kernels=kind) for kind in ("xnnpack", "builtin")]
        if precision == "int8":  # TFLM has no dynamic range, nor an int16 MEAN
            runners += [lambda path: LiteRTRunner(path, kernels="reference"), TFLMRunner]
        for runner in runners:
            before, after = (runner(path).run(inputs) for path in paths)
            assert before.tobytes() == after.tobytes()


def test_tables_of_channels_are_what_is_saved() -> None:
    floats, inputs = (model := mobile_net(np.random.default_rng(0), 24)), images(np.random.default_rng(0), 8)
    model = quantize_static(floats, calibrate(floats, inputs))
    tensors = read_model(model).subgraphs[0].tensors
    tables = [t.quantization.zeroPoint for t in tensors if t.quantization is not None]
    stored = 8 * sum(len(table) for table in tables if table is not None and len(table) > 1)
    kept = 8 * sum({len(table) for table in tables if table is not None and len(table) > 1})
    assert len(model) - len(compact(model)) > 0.9 * (stored - kept) > 2000


def test_data_lies_where_the_schema_wants_it() -> None:
    small = compact(MODEL.read_bytes())
    assert all(check["passed"] for check in int8_checks(small, "int8"))
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(small)
    starts = [small.find(data) for place in range(model.BuffersLength())
              if (buffer := model.Buffers(place)).DataLength() > 31
              for data in [buffer.DataAsNumpy().tobytes()]]  # fmt: skip
    assert starts and all(start % ALIGNMENT == 0 for start in starts)


def test_a_float_model_quantizes_as_before() -> None:
    floats, inputs = mobile_net(np.random.default_rng(1)), images(np.random.default_rng(1), 8)
    small = compact(floats)
    ranges = calibrate(floats, inputs)
    assert calibrate(small, inputs) == ranges and quantize_static(small, ranges) == quantize_static(floats, ranges)


def test_the_verifier_of_these_tests_sees_a_broken_file() -> None:
    small = compact(MODEL.read_bytes())
    assert verified(small) and not verified(small[: len(small) // 2])


def test_what_is_no_flatbuffer_is_said() -> None:
    with pytest.raises(RecipeError, match="no TFLite flatbuffer"):
        compact(b"PK\x03\x04 and so on")
