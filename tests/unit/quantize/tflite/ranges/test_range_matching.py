"""PyTorch's ranges in TFLite: matched by value, proven tensor by tensor, refused where they do not belong."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgeforge.errors import ParityError, RecipeError
from edgeforge.export.onnx import write_onnx
from edgeforge.quantize.known_ranges import KnownRanges, read_ranges, write_ranges
from edgeforge.quantize.tflite.convert import convert_variants
from edgeforge.quantize.tflite.prepared import prepared
from edgeforge.quantize.tflite.ranges.matching import match
from edgeforge.quantize.tflite.ranges.proofs import range_checks
from edgeforge.quantize.tflite.static import quantize_static
from edgeforge.quantize.torch.fx_graph import quantizable_graph
from edgeforge.quantize.torch.fx_quantize import Quantized, finish, prepare
from edgeforge.recipe.sections.quantize import TFLite
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import read_model, type_name, write_model


class Residual(nn.Module):
    """Depthwise and strided convolutions, a sum, ReLU6, pooling, and a flattened image of several pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU6())
        self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.BatchNorm2d(8), nn.ReLU6())
        self.project = nn.Conv2d(8, 8, 1)
        self.head = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(8 * 16, 5))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        stem = self.stem(images)
        return self.head(stem + self.project(self.depthwise(stem)))


class Smaller(Residual):
    """Takes an image of 17 pixels without padding it itself."""

    def __init__(self) -> None:
        super().__init__()
        self.stem[0].padding = (0, 0)


@dataclass(frozen=True)
class Made:
    """The float .tflite, the network it is of, and images."""

    float_model: bytes
    network: nn.Module
    images: np.ndarray
    origins: dict[int, tuple[str, ...]]

    def quantized(self, skip: tuple[str, ...] = ()) -> Quantized:
        graph = quantizable_graph(self.network, Path("net.py"), skip)
        images = torch.from_numpy(self.images)
        observed = prepare(graph, images[:1], training=False, per_channel_dense=False, observer="minmax")
        with torch.no_grad():
            observed(images)
        return finish(observed, graph, images)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Made:
    torch.manual_seed(1)
    network = Residual().eval()
    with torch.no_grad():
        network.stem[0].weight *= 30  # so that ReLU6 saturates
    return converted(network, tmp_path_factory.mktemp("net") / "net.onnx")


def converted(network: nn.Module, path: Path) -> Made:
    torch.backends.quantized.engine = "qnnpack"
    images = torch.rand(64, 1, 16, 16)
    write_onnx(network, Preprocessing((1, 16, 16), 1.0, (0.0,), (1.0,), ("a", "b", "c", "d", "e")), path)
    settings = TFLite(variants=("float32",))
    made = convert_variants(path, images.numpy(), settings, lambda *_: None)
    flatbuffer = made.variants["float32"]
    assert isinstance(flatbuffer, bytes)
    return Made(prepared(flatbuffer), network, images.numpy(), made.origins)


@pytest.fixture(scope="module")
def made(net: Made) -> tuple[bytes, Quantized, np.ndarray]:
    """The float .tflite, PyTorch's forms of the same network, and images."""
    return net.float_model, net.quantized(), net.images


def steps_apart(model: bytes, torch_model: Quantized, images: np.ndarray, folder: Path) -> np.ndarray:
    (folder / "net.tflite").write_bytes(model)
    found = LiteRTRunner(folder / "net.tflite").run(images)
    with torch.no_grad():
        expected = torch_model.integer(torch.from_numpy(images)).numpy()
    return abs(found - expected) / torch_model.ranges.output_scale


def changed(ranges: KnownRanges, place: int, **values: object) -> KnownRanges:
    tensors = list(ranges.tensors)
    tensors[place] = replace(tensors[place], **values)  # type: ignore[arg-type]
    return replace(ranges, tensors=tuple(tensors))


def test_scales_zero_points_and_weights_are_pytorch_s(
    made: tuple[bytes, Quantized, np.ndarray], tmp_path: Path
) -> None:
    float_model, torch_model, images = made
    write_ranges(tmp_path, torch_model.ranges)
    ranges = read_ranges(tmp_path)
    matched = match(float_model, ranges)
    model = quantize_static(float_model, matched.ranges)
    checks = range_checks(model, matched, ranges)
    assert [check["passed"] for check in checks] == [True] * 3, checks
    weights = sum(entry.values.size for entry in ranges.weights)
    assert f"{weights:,} of {weights:,} int8 weights identical" in checks[1]["detail"]
    steps = steps_apart(model, torch_model, images, tmp_path)
    assert steps.max() <= 1.01 and (steps < 0.5).mean() > 0.9


@pytest.mark.parametrize("skip", ["depthwise", "project", "stem", "head.3"])
def test_a_module_left_in_float_is_left_in_float(net: Made, skip: str, tmp_path: Path) -> None:
    torch_model = net.quantized((skip,))
    matched = match(net.float_model, torch_model.ranges)
    assert 1 <= len(matched.float_layers) <= 2  # the stem's padding too
    model = quantize_static(net.float_model, matched.ranges, exceptions=matched.float_layers)
    checks = range_checks(model, matched, torch_model.ranges)
    assert all(check["passed"] for check in checks), checks
    types = {type_name(tensor.type) for tensor in read_model(model).subgraphs[0].tensors}
    assert "FLOAT32" in types
    if skip != "head.3":  # whose float outputs have no steps
        assert steps_apart(model, torch_model, net.images, tmp_path).max() <= 2.01


@pytest.mark.parametrize("skip", [(), ("1.head.3",)])
def test_an_input_that_is_padded_first_has_the_range_behind_its_padding(skip: tuple[str, ...], tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = converted(nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), Smaller()).eval(), tmp_path / "net.onnx")
    torch_model = net.quantized(skip)
    matched = match(net.float_model, torch_model.ranges)
    model = quantize_static(net.float_model, matched.ranges, exceptions=matched.float_layers)
    assert all(check["passed"] for check in range_checks(model, matched, torch_model.ranges))
    if not skip:
        assert steps_apart(model, torch_model, net.images, tmp_path).max() <= 1.01


def test_tensors_are_found_by_their_names_and_values_prove_it(net: Made) -> None:
    ranges = net.quantized().ranges
    expected, found = match(net.float_model, ranges), match(net.float_model, ranges, net.origins)
    assert found == expected
    graph = read_model(net.float_model).subgraphs[0]
    named = {graph.tensors[place].name.decode(): names for place, names in net.origins.items()}
    by_name = [name for name, tensor in found.tensors.items() if {tensor.name, tensor.module} & {*named.get(name, ())}]
    assert len(by_name) >= 5 and {"stem.0", "depthwise.0", "project", "head.3", "add"} <= {
        word for names in named.values() for word in names
    }
    # Twins: the values of two tensors are the same, and names alone can tell which is which.
    place = next(i for i, tensor in enumerate(ranges.tensors) if tensor.module == "project")
    twin = replace(ranges.tensors[place], name="twin", module="twin", scale=7.0)
    twins = replace(ranges, tensors=(*ranges.tensors[:place], twin, *ranges.tensors[place:]))
    scales = [
        matched.tensors["conv_2d_3"].scale
        for matched in (match(net.float_model, twins), match(net.float_model, twins, net.origins))
    ]
    assert scales == [7.0, ranges.tensors[place].scale]


def test_a_namesake_of_other_values_is_an_error(net: Made) -> None:
    ranges = net.quantized().ranges
    place = next(i for i, tensor in enumerate(ranges.tensors) if tensor.module == "project")
    wrong = changed(ranges, place, values=ranges.tensors[place].values * 1.01)
    with pytest.raises(ParityError, match=r"'conv_2d_\d+' is PyTorch's 'project' by its name, and its values are not"):
        match(net.float_model, wrong, net.origins)


def test_a_tensor_that_pytorch_does_not_have_is_named(made: tuple[bytes, Quantized, np.ndarray]) -> None:
    float_model, torch_model, _ = made
    place = next(i for i, tensor in enumerate(torch_model.ranges.tensors) if tensor.name == "add")
    wrong = torch_model.ranges.tensors[place].values * 1.01
    with pytest.raises(ParityError, match=r"tensor 'add_\d+' \(the output of ADD behind .* the nearest, 'add', is"):
        match(float_model, changed(torch_model.ranges, place, values=wrong))


@pytest.mark.parametrize(("scale", "said"), [(float("nan"), "not finite"), (0.0, "no width")])
def test_a_range_without_width_or_of_nan_is_named(
    made: tuple[bytes, Quantized, np.ndarray], scale: float, said: str
) -> None:
    float_model, torch_model, _ = made
    ranges = match(float_model, changed(torch_model.ranges, 1, scale=scale)).ranges
    with pytest.raises(RecipeError, match=rf"'conv_2d_\d+'.* is .*{said}"):
        quantize_static(float_model, ranges)


def test_a_missing_range_is_named(made: tuple[bytes, Quantized, np.ndarray]) -> None:
    float_model, torch_model, _ = made
    ranges = dict(match(float_model, torch_model.ranges).ranges)
    del ranges["input"]
    with pytest.raises(RecipeError, match="'input' has no activation range"):
        quantize_static(float_model, ranges)


def test_another_scale_in_the_file_is_found(made: tuple[bytes, Quantized, np.ndarray]) -> None:
    float_model, torch_model, _ = made
    matched = match(float_model, torch_model.ranges)
    model = read_model(quantize_static(float_model, matched.ranges))
    add = next(tensor for tensor in model.subgraphs[0].tensors if tensor.name.startswith(b"add_"))
    add.quantization.scale = add.quantization.scale * np.float32(1.0001)
    checks = range_checks(write_model(model), matched, torch_model.ranges)
    assert not checks[0]["passed"] and "'add_" in checks[0]["detail"]
