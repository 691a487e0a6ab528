"""What LiteRT, TFLM and TensorFlow's converter refuse, provoked for real, and what EdgeForge says instead."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import DATA
from provoked import raised, require_provoked
from tflite_network import ACTIVATIONS

from edgeforge.errors import EdgeForgeError
from edgeforge.foreign.kinds import TFLITE
from edgeforge.foreign.wording import cause


def edited(folder: Path, change: Callable[[Any], None]) -> Path:
    from edgeforge.tflite.flatbuffer import read_model, write_model

    made = read_model((DATA / "digits_int8.tflite").read_bytes())
    change(made)
    path = folder / "edited.tflite"
    path.write_bytes(write_model(made))
    return path


def operator(code: int, custom: bytes | None = None, version: int = 1) -> Callable[[Any], None]:
    def change(made: Any) -> None:
        first = made.operatorCodes[0]
        first.builtinCode, first.deprecatedBuiltinCode, first.customCode = code, min(code, 127), custom
        first.version = version

    return change


def no_scale(made: Any) -> None:
    graph = made.subgraphs[0]
    graph.tensors[graph.operators[0].inputs[1]].quantization = None


def larger(made: Any) -> None:
    tensor = made.subgraphs[0].tensors[made.subgraphs[0].operators[0].inputs[1]]
    tensor.shape = [*(int(size) for size in tensor.shape[:-1]), 99]


def clamp_out_of_reach(made: Any) -> None:
    graph = made.subgraphs[0]
    first = graph.operators[0]
    first.builtinOptions.fusedActivationFunction = ACTIVATIONS["RELU6"]
    graph.tensors[first.outputs[0]].quantization.scale = [1e-12]


@pytest.mark.parametrize(
    ("change", "litert", "tflm"),
    [
        (
            clamp_out_of_reach,
            "layer 0 (CONV_2D) has types or shapes that its kernel does not take",
            "layer CONV_2D (0) hardly answers: in steps of its output's scale its clamp, such as ReLU6's 6, exceeds 32 "
            "bits",
        ),
        (
            operator(32, b"Mine"),
            "its operator Mine is a custom one, which nothing but its maker's runtime has",
            "it holds an operator of TensorFlow's or of somebody's own",
        ),
        (
            operator(32, b"FlexErf"),
            "it holds an operator of TensorFlow's or of somebody's own",
            "it holds an operator of TensorFlow's or of somebody's own",
        ),
        (operator(3, version=99), "LiteRT here does not know operator CONV_2D in version 99", None),
        (
            operator(150, version=9),
            "LiteRT here does not know operator GELU in version 9",
            "there is no kernel for operator 'GELU'",
        ),
        (
            no_scale,
            "layer 0 (CONV_2D) has types or shapes that its kernel does not take",
            "a layer has types or a quantization that its kernel does not take",
        ),
        (larger, "tensor 7 has fewer values than its shape says", None),
    ],
)
def test_what_litert_and_tflm_refuse_is_told_in_our_words(
    tmp_path: Path, change: Callable[[Any], None], litert: str, tflm: str | None
) -> None:
    from edgeforge.runtimes.litert import LiteRTRunner
    from edgeforge.runtimes.tflm import TFLMRunner

    path = edited(tmp_path, change)
    refused = raised(lambda: LiteRTRunner(path))
    assert isinstance(refused, EdgeForgeError) and refused.reason == f"{path} cannot be loaded: {litert}"
    if tflm:
        assert cause(raised(lambda: TFLMRunner(path))) == f"TFLM refuses the model: {tflm}"


def test_litert_s_and_tflm_s_other_words(tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter
    from tflite_micro.python.tflite_micro import runtime

    data = (DATA / "digits_int8.tflite").read_bytes()
    (tmp_path / "garbage.tflite").write_bytes(b"garbage" * 100)
    (tmp_path / "empty.tflite").write_bytes(b"")
    interpreter = Interpreter(str(DATA / "digits_int8.tflite"))
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]
    for expected, call in (
        ("it is no .tflite file", lambda: Interpreter(str(tmp_path / "garbage.tflite"))),
        ("it is empty", lambda: Interpreter(str(tmp_path / "empty.tflite"))),
        ("there is no such file", lambda: Interpreter(str(tmp_path / "none.tflite"))),
        (
            "its input takes 8 in dimension 1 and is given 3",
            lambda: interpreter.set_tensor(place, np.zeros((1, 3, 3, 3), np.int8)),
        ),
        (
            "its input is INT8, not FLOAT32",
            lambda: interpreter.set_tensor(place, np.zeros((1, 8, 8, 1), np.float32)),
        ),
        (
            "its tensors do not fit into the arena, or a layer is not supported",
            lambda: runtime.Interpreter.from_bytes(data, arena_size=1000),
        ),
    ):
        assert cause(raised(call)) == expected


def test_an_operator_that_tensorflow_s_converter_refuses_is_named() -> None:
    code = (
        "import tensorflow as tf\nfrom edgeforge.foreign.wording import cause\n"
        "graph = tf.function(lambda x: tf.linalg.det(x)).get_concrete_function(tf.TensorSpec((1, 4, 4), tf.float32))\n"
        "try: tf.lite.TFLiteConverter.from_concrete_functions([graph]).convert()\n"
        "except Exception as error: print(cause(error))"
    )  # in a process of its own: TensorFlow and torch do not share one
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "TFLite has no operator for tf.MatrixDeterminant\n", done.stderr


def test_every_known_kind_is_provoked() -> None:
    texts = [node.value for node in ast.walk(ast.parse(Path(__file__).read_text())) if isinstance(node, ast.Constant)]
    require_provoked(TFLITE, [text.strip() for text in texts if isinstance(text, str)])
