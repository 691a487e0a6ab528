"""PT2E beside FX: the same ranges and weights, calibrated and trained; a file that loads without torchao."""

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from edgeforge.errors import MissingDependency, RecipeError, StageFailed
from edgeforge.quantize.known_ranges import KnownRanges
from edgeforge.quantize.torch import fx_quantize
from edgeforge.quantize.torch.available import require_torch_ao, require_torchao
from edgeforge.quantize.torch.fx_graph import quantizable_graph
from edgeforge.quantize.torch.fx_quantize import Quantized
from edgeforge.quantize.torch.int8 import Baselines, _or_reason
from edgeforge.quantize.torch.pt2e import quantize as pt2e
from edgeforge.quantize.torch.pt2e.graph import exported_network
from edgeforge.recipe.sections.quantize import TorchObserver
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.torch_script import save_torch_script
from edgeforge.train.qat_callback import observe_activations

IMAGES = torch.rand(64, 1, 16, 16, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(64) % 5


class Residual(nn.Module):
    """Convolution, batch norm with an eps of its own, ReLU6, depthwise, a sum, SiLU, global average pool, dense."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU6(inplace=True))
        self.depthwise = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8, eps=1e-2), nn.ReLU6()
        )
        self.project = nn.Conv2d(8, 8, 1)
        self.act = nn.SiLU()
        self.head = nn.Sequential(
            nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(8, 5)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        stem = self.stem(images)
        return self.head(self.act(stem + self.project(self.depthwise(stem))))


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.backends.quantized.engine = "qnnpack"  # the default saturates on processors without VNNI
    torch.manual_seed(1)
    network = Residual()
    with torch.no_grad():
        network(IMAGES)  # batch norm's statistics
    return network.eval()


def source(how: ModuleType, network: nn.Module, skip: tuple[str, ...] = ()) -> object:
    if how is pt2e:
        return exported_network(network, Path("net.py"), IMAGES[:1], skip)
    return quantizable_graph(network, Path("net.py"), skip)


def calibrated(how: ModuleType, network: nn.Module, observer: TorchObserver = "minmax") -> Quantized:
    graph = source(how, network)
    prepared = how.prepare(graph, IMAGES[:1], training=False, per_channel_dense=False, observer=observer)
    with torch.no_grad():
        for batch in IMAGES.split(16):
            prepared(batch)
    made: Quantized = how.finish(prepared, graph, IMAGES)
    return made


def trained(how: ModuleType, network: nn.Module, skip: tuple[str, ...] = (), *, steps: int = 5) -> Quantized:
    graph = source(how, network, skip)
    prepared = how.prepare(graph, IMAGES[:1], training=True, per_channel_dense=False).train()
    optimizer = torch.optim.SGD(prepared.parameters(), 0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(prepared(IMAGES), CLASSES).backward()
        optimizer.step()
    again = how.prepare(graph, IMAGES[:1], training=True, per_channel_dense=False)
    again.load_state_dict(prepared.state_dict())  # as out of a checkpoint
    made: Quantized = how.finish(again, graph, IMAGES)
    return made


def assert_equal(found: KnownRanges, expected: KnownRanges) -> None:
    assert [t.zero_point for t in found.tensors] == [t.zero_point for t in expected.tensors]
    scales = [[tensor.scale for tensor in ranges.tensors] for ranges in (found, expected)]
    np.testing.assert_allclose(*scales, rtol=1e-6)
    for one, other in zip(found.tensors, expected.tensors, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-5)
    assert [w.module for w in found.weights] == [w.module for w in expected.weights]
    for weights, others in zip(found.weights, expected.weights, strict=True):
        np.testing.assert_allclose(weights.scale, others.scale, rtol=1e-6)
        np.testing.assert_array_equal(weights.values, others.values)


@pytest.mark.parametrize("observer", ["minmax", "moving-average", "histogram"])
def test_calibrated_ranges_and_weights_are_fx_s(net: nn.Module, observer: TorchObserver) -> None:
    found, expected = calibrated(pt2e, net, observer), calibrated(fx_quantize, net, observer)
    assert_equal(found.ranges, expected.ranges)
    with torch.no_grad():
        assert torch.allclose(found.float_twin(IMAGES), net(IMAGES), atol=1e-5)
        steps = (found.integer(IMAGES) - expected.fake_quant(IMAGES)).abs() / (expected.ranges.output_scale or 0)
    assert steps.max() < 1.01 and (steps < 0.5).float().mean() > 0.8


def test_learned_ranges_and_weights_are_fx_s(net: nn.Module) -> None:
    found, expected = trained(pt2e, net), trained(fx_quantize, net)
    assert_equal(found.ranges, expected.ranges)
    with torch.no_grad():
        assert torch.allclose(found.float_twin(IMAGES), expected.float_twin(IMAGES), atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in found.float_twin.modules())


def test_a_saturating_relu6_ends_at_6_and_what_follows_sees_no_more(net: nn.Module) -> None:
    wide = copy.deepcopy(net)
    with torch.no_grad():
        wide.stem[1].weight *= 30  # type: ignore[index, operator, union-attr]
    tensors = {tensor.module: tensor for tensor in calibrated(pt2e, wide).ranges.tensors}
    assert tensors["stem.0"].bounds == (0.0, pytest.approx(6.0))
    assert tensors["project"].bounds[1] == pytest.approx(max(tensors["project"].values.max(), 0.0), rel=0.5)


def test_a_skipped_module_stays_in_float_with_what_is_fused_into_it(net: nn.Module) -> None:
    ranges = trained(pt2e, net, ("stem", "project"), steps=1).ranges
    assert ranges.float_modules == ("stem.0", "project")
    assert [weights.module for weights in ranges.weights] == ["depthwise.0", "head.4"]
    tensors = {tensor.name: tensor for tensor in ranges.tensors}
    assert "images" not in tensors  # only the stem reads it
    assert tensors["hardtanh"].scale is not None  # the depthwise layer reads it


def test_observers_and_norms_come_to_rest(net: nn.Module) -> None:
    prepared = pt2e.prepare(source(pt2e, net), IMAGES[:1], training=True, per_channel_dense=False)  # type: ignore[arg-type]
    prepared.train()(IMAGES)
    observe_activations(prepared, False)
    prepared.freeze_bn_stats()  # type: ignore[operator]
    prepared(IMAGES)  # the weights' ranges, which never rest, are those of the last statistics
    before = {name: value.clone() for name, value in prepared.state_dict().items()}
    prepared(5 * IMAGES)
    after = prepared.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    observe_activations(prepared, True)
    prepared(5 * IMAGES)
    assert any(not torch.equal(after[name], value) for name, value in before.items())


class Mixed(nn.Module):
    """A concatenation, a sigmoid passed on to a product, a tensor written in place, padding."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        images = nn.functional.pad(images, (0, 1, 0, 1))
        both = torch.cat([self.a(images), self.b(images)], 1)
        gate = torch.sigmoid(both.mean((2, 3))).view(-1, 8, 1, 1)
        both *= gate
        return torch.flatten(both, 1)


def test_a_concatenation_has_one_scale_and_a_sigmoid_that_of_its_kernels() -> None:
    torch.manual_seed(0)
    network = Mixed().eval()
    made = calibrated(pt2e, network)
    scales = {tensor.name: tensor.scale for tensor in made.ranges.tensors}
    assert scales["conv2d"] == scales["conv2d_1"] == scales["cat"] == scales["mean"]
    assert scales["sigmoid"] == scales["view"] == 1 / 256
    assert scales["images"] == scales["pad"] and scales["mul_"] == scales["flatten"] == made.ranges.output_scale
    with torch.no_grad():
        assert torch.allclose(made.float_twin(IMAGES), network(IMAGES), atol=1e-6)
        error = (made.integer(IMAGES) - network(IMAGES)).abs().max() / (made.ranges.output_scale or 0)
    assert error < 4


def test_the_file_loads_where_torchao_was_never_imported(net: nn.Module, tmp_path: Path) -> None:
    made = calibrated(pt2e, net)
    file = tmp_path / "pt2e.pt"
    preprocessing = Preprocessing((1, 16, 16), 1.0, (0.0,), (1.0,), ("a", "b", "c", "d", "e"))
    save_torch_script(file, made.integer, IMAGES[:1], preprocessing)
    np.save(tmp_path / "images.npy", IMAGES.numpy())
    code = (
        "import sys, numpy as np; from pathlib import Path; from edgeforge.runtimes.torch_script import TorchRunner\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "np.save(folder / 'found.npy', TorchRunner(folder / 'pt2e.pt').run(np.load(folder / 'images.npy')))\n"
        "assert 'torchao' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with torch.no_grad():
        expected = made.integer(IMAGES).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, atol=(made.ranges.output_scale or 0) * 1.01)


def test_a_model_that_torch_export_cannot_follow_is_named_with_its_line(branching: tuple[Path, nn.Module]) -> None:
    file, network = branching
    with pytest.raises(RecipeError, match=rf"{file}:6: torch.export cannot follow it"):
        exported_network(network, file, IMAGES[:1])


@pytest.mark.parametrize(
    ("missing", "require", "said"),
    [
        ("torch.ao.quantization.quantize_fx", lambda: require_torch_ao("FX", "use pt2e"), "no longer has FX"),
        ("torch.ao.quantization.quantize", lambda: require_torch_ao("eager", "use pt2e"), "no longer has eager"),
        ("torch.ao.quantization.quantize", lambda: require_torch_ao("dynamic", "use pt2e"), "no longer has dynamic"),
        ("torchao.quantization.pt2e.quantize_pt2e", require_torchao, "torchao, which has PT2E, is not installed"),
    ],
)
def test_what_an_installation_lacks_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str, require: Callable[[], None], said: str
) -> None:
    require()
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises((StageFailed, MissingDependency), match=said):
        require()


@pytest.mark.parametrize(
    ("missing", "kind", "reason"),
    [
        ("torch.ao.quantization.quantize_fx", "static_fx", "this PyTorch no longer has FX quantization"),
        ("torch.ao.quantization.quantize", "static_eager", "this PyTorch no longer has eager quantization"),
        ("torch.ao.quantization.quantize", "dynamic", "this PyTorch no longer has dynamic quantization"),
        ("torchao.quantization.pt2e.quantize_pt2e", "pt2e", "torchao, which has PT2E, is not installed"),
    ],
)
def test_a_variant_that_this_installation_cannot_make_is_a_row_with_its_reason(
    net: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, kind: str, reason: str
) -> None:
    preprocessing = Preprocessing((1, 16, 16), 1.0, (0.0,), (1.0,), ("a", "b", "c", "d", "e"))
    baselines = Baselines(net, IMAGES, preprocessing, tmp_path, Path("net.py"), "minmax", per_channel_dense=False)
    settings = {"static_fx": {"engine": "qnnpack", "reference": True}, "pt2e": {}}.get(kind, {"engine": "qnnpack"})
    monkeypatch.setitem(sys.modules, missing, None)
    row = _or_reason("torch-int8", lambda: getattr(baselines, kind)(**settings))
    assert row.file is None and row.reason.startswith(reason)
