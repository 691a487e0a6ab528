"""The graph that is quantized: what passes values on has no range of its own, ReLU6 is fused, skipped layers stay."""

from pathlib import Path

import pytest
import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.quantize.torch.fx_graph import quantizable_graph
from edgeforge.quantize.torch.fx_quantize import finish, prepare
from edgeforge.quantize.torch.qat import require_whole_layers

IMAGES = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU6(),
            nn.MaxPool2d(2),
            nn.Dropout(0.5),
            nn.Identity(),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(images))


def network() -> Net:
    torch.manual_seed(0)
    return Net().eval()


def calibrated(net: nn.Module, images: torch.Tensor = IMAGES, **settings: object):  # type: ignore[no-untyped-def]
    torch.backends.quantized.engine = "qnnpack"  # the default saturates on processors without VNNI
    graph = quantizable_graph(net, Path("net.py"), **settings)  # type: ignore[arg-type]
    prepared = prepare(graph, images[:1], training=False, per_channel_dense=False, observer="histogram")
    with torch.no_grad():
        prepared(images)
    return finish(prepared, graph, images)


def test_pooling_and_flatten_share_their_input_s_range() -> None:
    tensors = {tensor.name: tensor for tensor in calibrated(network()).ranges.tensors}
    assert list(tensors) == ["images", "body_0", "body_3", "flatten", "head_1", "head_4"]
    assert tensors["body_0"].bounds == tensors["body_3"].bounds == tensors["flatten"].bounds


def test_relu6_is_fused_and_its_range_ends_at_6() -> None:
    net = network()
    with torch.no_grad():
        net.body[0].weight *= 100  # far beyond 6
    made = calibrated(net)
    fused = next(tensor for tensor in made.ranges.tensors if tensor.name == "body_0")
    assert fused.bounds[0] == 0.0 and 5.9 < fused.bounds[1] <= 6.0 + 1e-6
    assert fused.values.max() == 6.0
    assert torch.allclose(made.float_twin(IMAGES), net(IMAGES), atol=1e-3)
    step = made.ranges.output_scale
    assert step and (made.integer(IMAGES) - made.fake_quant(IMAGES)).abs().max() <= 1.01 * step


def test_the_float_twin_is_the_network() -> None:
    net = network()
    assert torch.allclose(calibrated(net).float_twin(IMAGES), net(IMAGES), atol=1e-6)


def test_dense_weights_have_one_scale_unless_asked_for() -> None:
    scales = {entry.module: len(entry.scale) for entry in calibrated(network()).ranges.weights}
    assert scales == {"body.0": 4, "head.1": 1, "head.4": 1}
    assert all(abs(entry.values.astype(int)).max() == 127 for entry in calibrated(network()).ranges.weights)


def test_a_skipped_module_stays_in_float() -> None:
    made = calibrated(network(), skip=("head.1",))
    assert made.ranges.float_modules == ("head.1", "head.2")
    assert "head.1" not in {entry.module for entry in made.ranges.weights}
    only_reader_is_float = calibrated(network(), skip=("head",))
    assert next(tensor for tensor in only_reader_is_float.ranges.tensors if tensor.name == "head_1").scale is None


def test_a_skipped_relu6_stays_one() -> None:
    net = network()
    with torch.no_grad():
        net.body[0].weight *= 100
        assert torch.allclose(calibrated(net, skip=("body",)).fake_quant(IMAGES), net(IMAGES), atol=0.2)


def test_skip_that_names_no_module_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"no module 'heda.1' \(did you mean 'head.1'\?\)"):
        quantizable_graph(network(), Path("net.py"), ("heda.1",))


def test_a_model_that_fx_cannot_trace_is_named_with_its_line(branching: tuple[Path, nn.Module]) -> None:
    file, network = branching
    with pytest.raises(RecipeError, match=rf"{file}:6: FX cannot trace it"):
        quantizable_graph(network, file)


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act, self.dense = nn.Conv2d(1, 4, 3, padding=1), nn.SiLU(), nn.Linear(256, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.dense(torch.flatten(nn.functional.silu(self.act(self.conv(images))), 1))


def test_silu_is_a_sigmoid_on_steps_of_1_256_and_a_product() -> None:
    torch.manual_seed(0)
    net = Gated().eval()
    with torch.no_grad():
        assert torch.allclose(quantizable_graph(net, Path("net.py")).network(IMAGES), net(IMAGES), atol=1e-6)
    made = calibrated(net)
    tensors = {tensor.name: tensor for tensor in made.ranges.tensors}
    assert list(tensors) == ["images", "conv", "act_sigmoid", "mul", "silu_sigmoid", "mul_1", "flatten", "dense"]
    for name in ("act_sigmoid", "silu_sigmoid"):
        assert (tensors[name].scale, tensors[name].zero_point) == (1 / 256, -128)
    with torch.no_grad():
        steps = (made.integer(IMAGES) - made.fake_quant(IMAGES)).abs() / (tensors["dense"].scale or 1)
    assert steps.max() < 1.01


def test_a_transposed_convolution_of_groups_is_told_before_anything_is_learned() -> None:
    network = nn.Sequential(nn.ConvTranspose2d(4, 4, 2), nn.ConvTranspose2d(4, 4, 2, groups=2))
    with pytest.raises(RecipeError, match=r"'1' is a transposed convolution of 2 groups.*only in pieces"):
        require_whole_layers(network)
    require_whole_layers(network[:1])


def test_an_upsampled_tensor_keeps_its_range() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 1)
    ).eval()
    tensors = calibrated(net).ranges.tensors
    assert len(tensors) == 4 and tensors[1].bounds == tensors[2].bounds
    rows = nn.Sequential(nn.Conv1d(1, 4, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv1d(4, 2, 1))
    calibrated(rows.eval(), IMAGES[:, :, 0]).integer(IMAGES[:1, :, 0])
