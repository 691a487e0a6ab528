"""LiteRT and TFLM on a small full-integer model trained on scikit-learn's digits (tests/data/digits_int8.tflite)."""

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from places import DATA
from sklearn.datasets import load_digits

from edgeforge.errors import StageFailed
from edgeforge.results.preprocessing import Preprocessing, with_preprocessing
from edgeforge.runtimes.litert import REFUSED, LiteRTRunner
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.flatbuffer import read_model, write_model

MODEL = DATA / "digits_int8.tflite"
PREPROCESSING = Preprocessing((1, 8, 8), 16.0, (0.3053,), (0.3760,), tuple("0123456789"))


def images(count: int) -> np.ndarray:
    return PREPROCESSING.apply(load_digits().images[:count, None].astype(np.uint8))


def edited(path: Path, operator: int, *, scale: float | None = None, becomes: int | None = None) -> Path:
    """Write the model with another scale of one operator's output, or with another operator in its place."""
    model = read_model(pure_flatbuffer(MODEL.read_bytes()))
    place = next(i for i, code in enumerate(model.operatorCodes) if code.builtinCode == operator)
    node = next(node for node in model.subgraphs[0].operators if node.opcodeIndex == place)
    if scale is not None:
        model.subgraphs[0].tensors[node.outputs[0]].quantization.scale = [scale]
    if becomes is not None:
        code = model.operatorCodes[place]
        code.builtinCode = becomes
        code.deprecatedBuiltinCode = min(becomes, 127)
    path.write_bytes(write_model(model))
    return path


def test_tflm_follows_litert_within_one_step() -> None:
    tflm = TFLMRunner(MODEL)
    assert tflm.output.scale is not None
    for kernels in ("xnnpack", "builtin", "reference"):
        litert = LiteRTRunner(MODEL, kernels=kernels)
        assert (litert.input, litert.output, litert.kernels) == (tflm.input, tflm.output, kernels)
        steps = np.abs(litert.run(images(40)) - tflm.run(images(40))) / tflm.output.scale
        assert steps.max() < 1.01
    arena = tflm.arena()
    assert arena.total == arena.head + arena.tail and 2000 < arena.total < 8000


@pytest.mark.parametrize("runner", [LiteRTRunner, TFLMRunner])
def test_appended_files_are_not_in_the_way(tmp_path: Path, runner: type[LiteRTRunner] | type[TFLMRunner]) -> None:
    pure, full = tmp_path / "pure.tflite", tmp_path / "full.tflite"
    pure.write_bytes(pure_flatbuffer(MODEL.read_bytes()))
    full.write_bytes(with_preprocessing(pure.read_bytes(), PREPROCESSING))
    assert (runner(pure).run(images(3)) == runner(full).run(images(3))).all()


def test_a_model_that_xnnpack_refuses_runs_on_litert_s_own_kernels(tmp_path: Path) -> None:
    path = edited(tmp_path / "dead.tflite", schema.BuiltinOperator.CONV_2D, scale=7.8e-9)  # an activation always zero
    runner = LiteRTRunner(path)
    assert runner.kernels == "builtin" and runner.run(images(2)).shape == (2, 10)
    assert runner.warnings == (REFUSED,)  # which every variant carries, so that parity calls it no XNNPACK
    assert LiteRTRunner(path, kernels="builtin").warnings == LiteRTRunner(MODEL).warnings == ()


def test_an_operator_that_tflm_lacks_is_named(tmp_path: Path) -> None:
    lrn = schema.BuiltinOperator.LOCAL_RESPONSE_NORMALIZATION
    path = edited(tmp_path / "lrn.tflite", schema.BuiltinOperator.MAX_POOL_2D, becomes=lrn)
    with pytest.raises(StageFailed, match=r"TFLM refuses the model: .*'LOCAL_RESPONSE_NORMALIZATION'"):
        TFLMRunner(path)
