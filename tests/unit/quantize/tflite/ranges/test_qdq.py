"""Quantized ONNX files in TFLite: every scale, zero point and integer is the file's, and so are the outputs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from onnxruntime.quantization import QuantFormat, QuantType
from qdq_nets import CLASSES, IMAGES, SHAPE, Net, float_file, quantized_file, without_range

from edgeforge.errors import RecipeError
from edgeforge.quantize.tflite.ranges.qdq import Carried, carry
from edgeforge.recipe.schema import Model
from edgeforge.recipe.sections.quantize import TFLite
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.litert import Kernels, LiteRTRunner
from edgeforge.runtimes.onnxruntime import run_as_it_is
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.tflite.flatbuffer import operators, read_model
from edgeforge.train.network.onnx_file import OnnxFile, check_onnx, open_onnx

PREPROCESSING = Preprocessing(SHAPE, 255.0, (0.0,) * 3, (1.0,) * 3, tuple(CLASSES))


def carried(path: Path, settings: TFLite | None = None, **keys: Any) -> tuple[OnnxFile, Carried]:
    model = Model(name=str(path), **keys)
    check_onnx(path, PREPROCESSING, model, IMAGES)
    file = open_onnx(path, PREPROCESSING, model)
    assert file.parts is not None
    return file, carry(file.parts, IMAGES[:4], settings or TFLite())


def steps_apart(path: Path, file: OnnxFile, made: Carried, kernels: Kernels | None) -> np.ndarray:
    """Return how far the .tflite is from ONNX Runtime on the very file, in steps of the output."""
    expected = run_as_it_is(path, IMAGES, channels_last=file.layout == "nhwc", optimized=False)
    model = path.with_suffix(".tflite")
    model.write_bytes(made.model)
    runner = LiteRTRunner(model, kernels=kernels) if kernels else TFLMRunner(model)
    return np.asarray(abs(runner.run(IMAGES) - expected) / made.matched.output_scale)


def proofs(made: Carried) -> dict[str, str]:
    assert all(check["passed"] for check in made.checks), [check for check in made.checks if not check["passed"]]
    return {check["name"]: check["detail"] for check in made.checks}


FORMS: dict[str, dict[str, Any]] = {
    "uint8": {},
    "int8": {"activation_type": QuantType.QInt8},
    "symmetric": {"activation_type": QuantType.QInt8, "extra_options": {"ActivationSymmetric": True}},
    "per channel": {"per_channel": True},
    "uint8 weights": {"per_channel": True, "weight_type": QuantType.QUInt8},
    "int4 weights": {"weight_type": QuantType.QInt4},
    "float weights": {"extra_options": {"AddQDQPairToWeight": True}},
    "a pair a reader": {"extra_options": {"DedicatedQDQPair": True}},
    "operators of integers": {"form": QuantFormat.QOperator, "per_channel": True},
}


@pytest.mark.parametrize("form", FORMS)
def test_ranges_integers_and_outputs_are_the_file_s(tmp_path: Path, form: str) -> None:
    path = quantized_file(float_file(tmp_path / "net.onnx"), **FORMS[form])
    file, made = carried(path)
    proven = proofs(made)
    total = sum(tensor.numel() for name, tensor in Net().state_dict().items() if tensor.ndim > 1)
    assert f"{total} of {total} int8 weights identical" in proven["the ONNX file's weight scales"]
    assert "no conversion inside" in proven and not made.matched.float_layers and not made.warnings
    assert file.parts and {tensor.name for tensor in made.matched.tensors.values()} <= {*file.parts.ranges}
    for kernels in ("xnnpack", "reference", None):
        steps = steps_apart(path, file, made, kernels)
        largest, identical = (1.01, 0.97) if kernels == "xnnpack" else (2.01, 0.6)  # the others round in fixed point
        assert steps.max() < largest and (steps < 0.5).mean() > identical, kernels


def test_scales_are_the_file_s_to_the_bit(tmp_path: Path) -> None:
    path = quantized_file(float_file(tmp_path / "net.onnx"))
    known = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    activations = {known[n.input[1]].item() for n in onnx.load(path).graph.node if n.op_type == "QuantizeLinear"}
    _, made = carried(path)
    graph = read_model(made.model).subgraphs[0]
    places = {*graph.inputs, *(int(place) for operator in graph.operators for place in operator.outputs)}
    assert {float(graph.tensors[place].quantization.scale[0]) for place in places} == activations


def test_the_float_network_has_the_activations_that_ranges_stand_for(tmp_path: Path) -> None:
    path = float_file(tmp_path / "net.onnx")
    expected = run_as_it_is(path, IMAGES, channels_last=False, optimized=True)
    file = open_onnx(quantized_file(path), PREPROCESSING, Model(name="x.onnx"))
    kinds = [node.op_type for node in file.network.graph.node]
    assert kinds.count("Relu") == 2 and kinds.count("Clip") == 1
    onnx.save(file.network, tmp_path / "float.onnx")
    found = run_as_it_is(tmp_path / "float.onnx", IMAGES, channels_last=False, optimized=True)
    assert abs(found - expected).max() < 0.05 * np.ptp(expected)  # weights are rounded


def test_channels_last_is_turned(tmp_path: Path) -> None:
    path = quantized_file(float_file(tmp_path / "net.onnx", channels_last=True))
    file, made = carried(path)
    assert file.layout == "nhwc" and file.changed == ("N,H,W,C as N,C,H,W",)
    assert "TRANSPOSE" not in operators(made.model)
    assert proofs(made) and steps_apart(path, file, made, "xnnpack").max() < 1.01


def test_integers_at_the_ends(tmp_path: Path) -> None:
    path = quantized_file(float_file(tmp_path / "net.onnx"))
    model = onnx.load(path)
    graph = model.graph
    first = next(node for node in graph.node if node.input and node.input[0] == "x")
    last = next(node for node in graph.node if node.output[0] == "scores")
    for node, value, name in ((first, graph.input[0], first.output[0]), (last, graph.output[0], last.input[0])):
        graph.node.remove(node)
        value.name, value.type.tensor_type.elem_type = name, TensorProto.UINT8
    onnx.save(model, path)
    file, made = carried(path)
    assert proofs(made) and steps_apart(path, file, made, "xnnpack").max() < 1.01


def test_weights_around_another_zero_point_are_rounded_anew_and_named(tmp_path: Path) -> None:
    options = {"weight_type": QuantType.QUInt8, "extra_options": {"WeightSymmetric": False}}
    path = quantized_file(float_file(tmp_path / "net.onnx"), **options)
    file, made = carried(path)
    assert "rounded anew around 0" in made.warnings[0] and "/project/Conv" in made.warnings[0]
    assert proofs(made) and steps_apart(path, file, made, "xnnpack").max() < 4


def test_per_channel_dense_weights_stay_or_are_rounded_as_asked(tmp_path: Path) -> None:
    path = quantized_file(float_file(tmp_path / "net.onnx"), per_channel=True)
    for asked, scales in ((None, 5), (True, 5), (False, 1)):
        _, made = carried(path, TFLite(per_channel_dense=asked))
        model = read_model(made.model)
        dense = model.subgraphs[0].operators[-1]
        assert len(model.subgraphs[0].tensors[dense.inputs[1]].quantization.scale) == scales
        assert proofs(made) and bool(made.warnings) == (asked is False)
    assert "per channel in the file: rounded anew to one scale" in made.warnings[0]


def test_a_layer_that_is_float_in_the_file_stays_so(tmp_path: Path) -> None:
    source = float_file(tmp_path / "net.onnx")
    path = quantized_file(source, nodes_to_exclude=["/project/Conv"])
    file, made = carried(path)
    assert [*made.matched.float_layers] == [name for name in made.matched.float_layers if name.startswith("conv_2d")]
    assert {"DEQUANTIZE", "QUANTIZE"} <= {*operators(made.model)}
    assert all(check["passed"] for check in made.checks[:4])
    assert steps_apart(path, file, made, "xnnpack").max() < 1.01


def test_a_range_that_is_missing_is_asked_for_and_taken(tmp_path: Path) -> None:
    path = quantized_file(float_file(tmp_path / "net.onnx"))
    without_range(without_range(path, "x"), "scores_QuantizeLinear_Input")
    with pytest.raises(RecipeError) as caught:
        carried(path)
    assert (
        "has no range of 'input' (of the model's input), 'logits' (of Gemm '/head/head.2/Gemm')" in caught.value.reason
    )
    assert "model.ranges: {input: [0, 1], logits: [" in caught.value.fix and "48 training images" in caught.value.fix
    file, made = carried(path, ranges={"x": (0, 1), "logits": (-2, 2)})  # by the file's name, and by ours
    assert proofs(made) and steps_apart(path, file, made, "xnnpack").max() < 2.01
    for ranges, said in (
        ({"inputs": (0, 1)}, "has no tensor 'inputs' (did you mean 'input'?)"),
        ({"/stem/stem.3/MaxPool_output_0": (0, 1)}, "has a range in the file: 0 to"),
    ):
        with pytest.raises(RecipeError) as refused:
            carried(path, ranges=ranges)
        assert said in refused.value.reason


def test_what_tflite_has_not_is_named(tmp_path: Path) -> None:
    source = float_file(tmp_path / "net.onnx")
    path = quantized_file(source, activation_type=QuantType.QUInt16)
    with pytest.raises(RecipeError, match=r"activation 'input' is quantized with uint16"):
        carried(path)
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(source.with_suffix(".prepared.onnx"), path)
    with pytest.raises(RecipeError, match=r"DynamicQuantizeLinear '.*' is quantized dynamically"):
        carried(path)


def test_two_ranges_where_tflite_has_one_are_a_rescaling(tmp_path: Path) -> None:
    """A pool whose output has a range of its own in the file."""
    path = quantized_file(float_file(tmp_path / "net.onnx"))
    model = onnx.load(path)
    behind = next(n for n in model.graph.node if n.op_type == "QuantizeLinear" and "MaxPool" in n.input[0])
    scale = next(t for t in model.graph.initializer if t.name == behind.input[1])
    other = onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(scale) * np.float32(1.25), "another_scale")
    model.graph.initializer.append(other)
    for node in model.graph.node:
        if node.input and (node is behind or node.input[0] == behind.output[0] or node.name == behind.name):
            node.input[1] = "another_scale"
    onnx.save(model, path)
    file, made = carried(path)
    assert "max_pool_2d" in proofs(made)["rescaled where the file is"] and operators(made.model)["QUANTIZE"] == 1
    assert steps_apart(path, file, made, "xnnpack").max() < 2.01


def test_pytorch_s_fake_quantized_networks(tmp_path: Path) -> None:
    """As QAT leaves them: float weights behind Q, divided by batch norm's factor, scales that are lists of one."""
    from torch.ao import quantization as ao
    from torch.ao.quantization import quantize_fx

    warnings.simplefilter("ignore")
    activations = ao.FakeQuantize.with_args(observer=ao.MovingAverageMinMaxObserver, quant_min=0, quant_max=255)
    weights = ao.FakeQuantize.with_args(
        observer=ao.MovingAveragePerChannelMinMaxObserver, quant_min=-128, quant_max=127, dtype=torch.qint8,
        qscheme=torch.per_channel_symmetric,
    )  # fmt: skip
    mapping = ao.QConfigMapping().set_global(ao.QConfig(activations, weights))
    images = torch.from_numpy(IMAGES)
    network = quantize_fx.prepare_qat_fx(Net().train(), mapping, (images[:1],))
    for _ in range(3):
        network(images)
    network.eval().apply(ao.disable_observer)
    path = tmp_path / "qat.onnx"
    names = {"input_names": ["x"], "output_names": ["scores"]}
    torch.onnx.export(network, (images[:1],), path, dynamo=False, opset_version=17, **names)  # type: ignore[arg-type]
    file, made = carried(path)
    assert proofs(made) and steps_apart(path, file, made, "xnnpack").max() < 2.01
