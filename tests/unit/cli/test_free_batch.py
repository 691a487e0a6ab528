"""Files as people have them, by TensorFlow's own converter, their batch free: every verb on model files takes them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from places import HELPERS

from edgeforge.evaluate.bench import bench_models
from edgeforge.evaluate.verify import verify
from edgeforge.hardware.libraries import libraries
from edgeforge.targets.arduino.monitor.subject import subject_of
from edgeforge.targets.arduino.own.wishes import Meaning, Wishes
from edgeforge.targets.arduino.pack import Conversion, pack
from edgeforge.targets.edgetpu.judge import judge_file
from edgeforge.targets.fit.judge import fit_file
from edgeforge.tflite.flatbuffer import operators

BOARD = "arduino-nano-33-ble"
KINDS = ("keywords", "wake_words", "images", "anomalies")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NAME.float.tflite, NAME.int8.tflite and NAME.npz of four small nets like MLPerf Tiny's."""
    made = tmp_path_factory.mktemp("tiny")
    command = [sys.executable, str(HELPERS / "keras_tiny.py"), str(made)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_every_verb_takes_a_free_batch(folder: Path, tmp_path: Path, kind: str) -> None:
    model, floating, samples = folder / f"{kind}.int8.tflite", folder / f"{kind}.float.tflite", folder / f"{kind}.npz"
    (fit,) = fit_file(model, BOARD)
    assert fit.deployable and fit.changes[0].startswith("shapes that the file leaves free are fixed: keras_tensor")
    wishes = Wishes(meaning=Meaning("reconstruction")) if kind == "anomalies" else Wishes()
    packed = pack(model, (BOARD,), tmp_path, name="net", samples=samples, wishes=wishes)
    # What is packed has a memory plan of its own and equal tables once: never more than was judged.
    assert packed.fits[0].arena.used_bytes <= fit.arena.used_bytes
    assert packed.fits[0].flash.model_bytes <= fit.flash.model_bytes + 256  # the plan itself
    assert not {"SHAPE", "PACK", "SPACE_TO_BATCH_ND"} & set(operators(packed.model.read_bytes()))
    assert subject_of(None, packed.model, samples).flatbuffer
    parity = verify([floating, model], samples, None, lambda share, text: None)
    assert parity.output_sqnr_db is not None and parity.output_sqnr_db > 15
    assert all(pair.max_steps <= 1 for pair in parity.runtimes if {pair.a, pair.b} == {"litert-reference", "tflm"})
    assert [row.file for row in bench_models([model, floating], threads=1, runs=20, warmup=1)]
    assert judge_file(model).operators[0].maps
    again = pack(
        model, (BOARD,), tmp_path, name="again", samples=samples, wishes=wishes, library_key="tflite-micro-2026-08",
        conversion=Conversion(floating, samples),
    )  # fmt: skip
    assert again.library == libraries()["tflite-micro-2026-08"] and again.vectors


def test_an_onnx_file_with_a_free_batch_is_quantized_again(folder: Path, tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    weights = numpy_helper.from_array(random.normal(0, 0.05, (640, 640)).astype(np.float32), "w")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", 640)) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Gemm", ["x", "w"], ["y"])], "net", ends[:1], ends[1:], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "n.onnx")
    conversion = Conversion(tmp_path / "n.onnx", folder / "anomalies.npz")
    wishes = Wishes(meaning=Meaning("reconstruction"))
    packed = pack(
        folder / "anomalies.int8.tflite", (BOARD,), tmp_path, name="net", conversion=conversion, wishes=wishes
    )
    assert packed.operators == ("FULLY_CONNECTED",)
