import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from places import DATA
from tflite_network import Network

from edgeforge.errors import BudgetExceeded, RecipeError
from edgeforge.results.rows.report import EdgeTPURow
from edgeforge.targets.edgetpu.judge import NO_COMPILER, judge, judge_file, require_all_mapped
from edgeforge.targets.edgetpu.limits import LIMITS
from edgeforge.tflite.flatbuffer import read_model, write_model

MODEL = DATA / "digits_int8.tflite"
Change = Callable[[schema.ModelT], None]


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def changed(change: Change) -> EdgeTPURow:
    model = read_model(MODEL.read_bytes())
    change(model)
    return judge(write_model(model))


def operator(model: schema.ModelT, kind: str) -> schema.OperatorT:
    code = getattr(schema.BuiltinOperator, kind)
    return next(o for o in model.subgraphs[0].operators if model.operatorCodes[o.opcodeIndex].builtinCode == code)


def renamed(kind: str, to: str) -> Change:
    def change(model: schema.ModelT) -> None:
        code = model.operatorCodes[operator(model, kind).opcodeIndex]
        code.builtinCode = getattr(schema.BuiltinOperator, to)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)

    return change


def test_a_convolutional_classifier_maps_whole() -> None:
    row = judge_file(MODEL)
    kinds = [o.operator for o in row.operators]
    assert kinds == ["CONV_2D", "CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED"]
    assert row.mapped == 5 and row.compiler == NO_COMPILER and row.compiler_mapped is None
    require_all_mapped(row, MODEL)


def test_the_compiler_stops_at_the_first_operator_it_cannot_map() -> None:
    row = changed(renamed("MAX_POOL_2D", "L2_POOL_2D"))
    assert [o.maps for o in row.operators] == [True, True, False, False, False] and row.mapped == 2
    assert row.operators[2].reason == "no operator of the Edge TPU"
    assert row.operators[4].reason == "would map, but stands after L2_POOL_2D, where the compiler stops"
    with pytest.raises(BudgetExceeded, match="3 of 5 operators would run on the CPU") as caught:
        require_all_mapped(row, MODEL)
    assert caught.value.exit_code == 6


def fused_pool(model: schema.ModelT) -> None:
    operator(model, "MAX_POOL_2D").builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.RELU


def uneven_dilation(model: schema.ModelT) -> None:
    operator(model, "CONV_2D").builtinOptions.dilationWFactor = 2


def even_dilation(model: schema.ModelT) -> None:
    options = operator(model, "CONV_2D").builtinOptions
    options.dilationWFactor = options.dilationHFactor = 2


def shuffled_weights(model: schema.ModelT) -> None:
    operator(model, "FULLY_CONNECTED").builtinOptions.weightsFormat = 1


def two_images(model: schema.ModelT) -> None:
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape = np.array([2, 8, 8, 1], np.int32)


def sixteen_bits(model: schema.ModelT) -> None:
    model.subgraphs[0].tensors[operator(model, "CONV_2D").outputs[0]].type = schema.TensorType.INT16


def open_size(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shapeSignature = np.array([-1, 8, 8, 1], np.int32)


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        (fused_pool, 2, "it has a fused activation"),
        (uneven_dilation, 0, "dilation 1 by 2: it must be the same in x and y"),
        (shuffled_weights, 4, "its weights are not in the default format"),
        (two_images, 0, "only the three innermost dimensions may exceed 1"),
        (sixteen_bits, 0, "is int16, not 8-bit"),
        (open_size, 0, "has no fixed size"),
    ],
)
def test_what_lies_outside_the_published_limits_is_said(change: Change, place: int, reason: str) -> None:
    row = changed(change)
    assert row.mapped == place and not row.operators[place].maps and reason in row.operators[place].reason


def test_equal_dilation_maps() -> None:
    assert changed(even_dilation).mapped == 5


def lone(
    kind: str, inputs: list[tuple[list[int], list[int] | None]], output: list[int], options: dict[str, int]
) -> str:
    """Return why a model of one operator does not map. inputs: shape and, of an int32 constant, its values."""
    net = Network(kind="INT8")
    places = [
        net.activation("input", tuple(shape)) if values is None else net.whole("constant", np.reshape(values, shape))
        for shape, values in inputs
    ]
    row = judge(net.build(net.operator(kind, places, tuple(output), **options))).operators[0]
    return "" if row.maps else row.reason


def packing(axis: int) -> dict[str, int]:
    return {"axis": axis, "valuesCount": 2}


def sliced(strides: list[int]) -> list[tuple[list[int], list[int] | None]]:
    return [(IMAGE, None), ([4], [0] * 4), ([4], [1, 4, 4, 6]), ([4], strides)]


IMAGE = [1, 8, 8, 6]
CASES: list[tuple[str, list[tuple[list[int], list[int] | None]], list[int], dict[str, int], str]] = [
    ("MEAN", [(IMAGE, None), ([2], [1, 2])], [1, 6], {}, ""),
    ("MEAN", [(IMAGE, None), ([1], [-1])], [1, 8, 8], {}, "z-dimension of 6, no multiple of 4"),
    ("MEAN", [([1, 8, 8, 8], None), ([1], [3])], [1, 8, 8], {}, ""),
    ("SUM", [(IMAGE, None), ([1], [0])], [8, 8, 6], {}, "reduces the batch"),
    ("REDUCE_MAX", [(IMAGE, None), ([1], [1])], [1, 8, 6], {}, ""),
    ("SOFTMAX", [([1, 10], None)], [1, 10], {}, ""),
    ("SOFTMAX", [([1, 4, 10], None)], [1, 4, 10], {}, "not one-dimensional"),
    ("SOFTMAX", [([1, 16_001], None)], [1, 16_001], {}, "more than 16,000"),
    ("PAD", [(IMAGE, None), ([4, 2], [0, 0, 1, 1, 1, 1, 0, 0])], [1, 10, 10, 6], {}, ""),
    ("PAD", [(IMAGE, None), ([4, 2], [0, 1, 0, 0, 0, 0, 0, 0])], IMAGE, {}, "pads the batch"),
    ("SQUEEZE", [([1, 5, 10], None)], [5, 10], {}, ""),
    ("SQUEEZE", [([5, 1, 10], None)], [5, 10], {}, "not only leading ones"),
    ("SPLIT", [([1], [3]), (IMAGE, None)], [1, 8, 8, 3], {}, ""),
    ("SPLIT", [([1], [0]), (IMAGE, None)], IMAGE, {}, "splits the batch"),
    ("PACK", [([8, 6], None), ([8, 6], None)], [8, 2, 6], packing(1), ""),
    ("PACK", [([8, 6], None), ([8, 6], None)], [2, 8, 6], packing(0), "packs in the batch"),
    ("PRELU", [(IMAGE, None), ([1, 1, 6], [1] * 6)], IMAGE, {}, ""),
    ("PRELU", [(IMAGE, None), ([8, 8, 6], [1] * 384)], IMAGE, {}, "only its innermost dimension"),
    ("STRIDED_SLICE", sliced([1] * 4), [1, 4, 4, 6], {"ellipsisMask": 0}, ""),
    ("STRIDED_SLICE", sliced([1, 2, 2, 1]), [1, 4, 4, 6], {"ellipsisMask": 0}, "strides are not all 1"),
    ("STRIDED_SLICE", sliced([1] * 4), [1, 4, 4, 6], {"ellipsisMask": 1}, "ellipsis"),
    ("CONCATENATION", [(IMAGE, None), (IMAGE, [0] * 384)], [1, 8, 8, 12], {}, ""),
    ("CONCATENATION", [(IMAGE, None), (IMAGE, [1] * 384)], [1, 8, 8, 12], {}, "must be all zeros"),
    ("CONCATENATION", [(IMAGE, None), (IMAGE, None), (IMAGE, [0] * 384)], IMAGE, {}, "only be two inputs"),
    ("FULLY_CONNECTED", [([4, 8], None)], [4, 8], {}, "output of shape [4, 8] is not one-dimensional"),
    ("CONV_2D", [(IMAGE, None), ([1, 3, 3, 6], None)], [1, 8, 8, 8], {}, "parameters must be constant"),
    ("HARD_SWISH", [(IMAGE, None)], IMAGE, {}, "no operator of the Edge TPU"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{case[4] or 'maps'}" for case in CASES])
def test_each_limit(case: tuple[str, list[tuple[list[int], list[int] | None]], list[int], dict[str, int], str]) -> None:
    kind, inputs, output, options, reason = case
    found = lone(kind, inputs, output, options)
    assert reason in found if reason else found == "", found


def test_every_name_of_the_table_is_one_of_the_schema() -> None:
    assert all(hasattr(schema.BuiltinOperator, kind) for kind in LIMITS)


def all_float(model: schema.ModelT) -> None:
    for tensor in model.subgraphs[0].tensors:
        tensor.type = schema.TensorType.FLOAT32


def test_a_float_model_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"computes in floating point \(5 of 5 operators\)") as caught:
        changed(all_float)
    assert "int8 under quantize.tflite.variants" in caught.value.fix
    (tmp_path / "x.tflite").write_bytes(b"nonsense")
    with pytest.raises(RecipeError, match=r"x\.tflite: this is no TFLite flatbuffer"):
        judge_file(tmp_path / "x.tflite")


def test_a_float_input_costs_its_conversion_only() -> None:
    def change(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        source = schema.TensorT()
        source.shape, source.type, source.buffer, source.name = [1, 8, 8, 1], schema.TensorType.FLOAT32, 0, b"float"
        graph.tensors.append(source)
        convert, code = schema.OperatorT(), schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
        convert.opcodeIndex, convert.inputs, convert.outputs = len(model.operatorCodes), [len(graph.tensors) - 1], [
            int(graph.inputs[0])
        ]  # fmt: skip
        model.operatorCodes.append(code)
        graph.operators.insert(0, convert)
        graph.inputs = [len(graph.tensors) - 1]

    row = changed(change)
    assert [o.maps for o in row.operators] == [False] + 5 * [True] and "is float32" in row.operators[0].reason


# The compiler is proprietary and not here. What it prints is laid out as users quote it; tested is how it is called
# and how that table is read.
COMPILER = """#!/bin/sh
[ "$1" = -s ] && [ "$2" = -o ] && [ -d "$3" ] && [ -s "$4" ] || exit 9
cat << END
Edge TPU Compiler version 16.0.384591198
{said}
END
exit {code}
"""
PARTLY = """Model successfully compiled but not all operations are supported by the Edge TPU.
Number of operations that will run on Edge TPU: 6
Number of operations that will run on CPU: 2

Operator                       Count      Status

RESHAPE                        1          Mapped to Edge TPU
CONV_2D                        2          Mapped to Edge TPU
SOFTMAX                        1          Mapped to Edge TPU
QUANTIZE                       1          Operation is otherwise supported, but not mapped due to some unspecified limitation
DEQUANTIZE                     1          Operation is working on an unsupported data type
MAX_POOL_2D                    2          Mapped to Edge TPU
"""  # noqa: E501
WHOLLY = "\n".join(line for line in PARTLY.splitlines() if "Mapped" in line)


@pytest.mark.parametrize(
    ("said", "code", "counts", "expected"),
    [
        (PARTLY, 0, (6, 2), "edgetpu_compiler 16.0.384591198 maps 6 operators and leaves 2 to the CPU"),
        (WHOLLY, 0, (6, 0), "maps 6 operators and leaves 0 to the CPU"),
        ("Invalid model: model.tflite", 1, (None, None), "refused the model: Invalid model: model.tflite"),
    ],
)
def test_a_compiler_on_the_path_is_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    code: int,
    counts: tuple[int | None, int | None],
    expected: str,
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.defpath}")
    program = tmp_path / "bin" / "edgetpu_compiler"
    program.parent.mkdir()
    program.write_text(COMPILER.format(said=said, code=code))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    row = judge_file(MODEL)
    assert expected in row.compiler and (row.compiler_mapped, row.compiler_cpu) == counts
    assert json.loads(row.model_dump_json())["compiler"] == row.compiler
