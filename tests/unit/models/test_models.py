"""The ready models: their published sizes, and that quantization can trace and fuse them."""

import importlib.util
import inspect

import pytest
import torch
from places import ROOT
from torch import nn

from edgeforge.errors import RecipeError

MODELS = ROOT / "models"


def model(file: str, **arguments: object) -> nn.Module:
    spec = importlib.util.spec_from_file_location(file, MODELS / f"{file}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    classes = [c for name, c in inspect.getmembers(module, inspect.isclass)
               if c.__module__ == file and not name.startswith("_")]  # fmt: skip
    assert len(classes) == 1, "a recipe names the file alone"
    return classes[0](**arguments).eval()


# Parameters of MLPerf Tiny's Keras models without what batch norm makes superfluous: its statistics (counted there)
# and the biases of convolutions before it. Keras: 78,666, 24,908, 221,794 and 269,992. Then
# torchvision's and timm's.
TINY = [
    ("resnet8", {}, (3, 32, 32), 10, 78_666 - 3 * 240),
    ("ds_cnn", {}, (1, 49, 10), 12, 24_908 - 3 * 576),
    ("ds_cnn_1d", {}, (40, 30, 1), 3, None),
    ("mobilenet_v1", {}, (3, 96, 96), 2, 221_794 - 3 * 2_736),
    ("autoencoder", {}, (1, 1, 640), 640, 269_992 - 2 * 1_032),
    ("dense", {"classes": 2, "channels": 10}, (10,), 2, 32 * 11 + 16 * 33 + 34),
    ("mobilenet_v3_small", {"classes": 1000}, (3, 64, 64), 1000, 2_542_856),
    ("mcunet_block", {}, (3, 64, 64), 2, None),
    ("once_for_all", {}, (3, 64, 64), 2, None),
    ("mnist_separable", {}, (1, 28, 28), 10, 5_002),
    ("efficientnet_v2", {}, (3, 64, 64), 1000, 7_139_704),
]


@pytest.mark.parametrize(("file", "arguments", "shape", "outputs", "parameters"), TINY, ids=[row[0] for row in TINY])
def test_each_has_its_published_size_and_can_be_traced(file, arguments, shape, outputs, parameters) -> None:  # type: ignore[no-untyped-def]
    network = model(file, **arguments)
    images = torch.rand(2, *shape)
    with torch.no_grad():
        expected = network(images)
        assert expected.shape == (2, outputs)
        assert torch.equal(torch.fx.symbolic_trace(network)(images), expected)
    assert parameters is None or sum(p.numel() for p in network.parameters()) == parameters


def test_other_channels_classes_and_widths() -> None:
    for file, shape in (("resnet8", (1, 32, 32)), ("ds_cnn", (2, 49, 10)), ("mobilenet_v1", (1, 96, 96)),
                        ("mobilenet_v3_small", (1, 32, 32)), ("mcunet_block", (1, 32, 32)),
                        ("efficientnet_v2", (1, 32, 32))):  # fmt: skip
        wide = {"resnet8": 8, "ds_cnn": 32}.get(file, 0.5)
        network = model(file, classes=3, channels=shape[0], width=wide)
        assert network(torch.rand(1, *shape)).shape == (1, 3), file


# What a search may change in each, and two values of it; the first is the default.
SEARCHED: list[tuple[str, tuple[int, int, int], dict[str, tuple[float, float]]]] = [
    ("digits_cnn", (1, 8, 8), {"width": (8, 3), "depth": (2, 3), "kernel": (3, 5)}),
    ("mnist_small", (1, 28, 28), {"width": (8, 4), "depth": (3, 5), "kernel": (3, 5)}),
    ("mnist_separable", (1, 28, 28), {"width": (12, 8), "depth": (5, 3)}),
    ("cells_cnn", (3, 48, 48), {"width": (16, 8), "depth": (5, 7), "kernel": (3, 5)}),
    ("resnet8", (3, 32, 32), {"width": (16, 6), "depth": (1, 2), "kernel": (3, 5)}),
    ("ds_cnn", (1, 49, 10), {"width": (64, 24), "blocks": (4, 2), "kernel": (3, 5)}),
    ("mobilenet_v1", (3, 64, 64), {"width": (0.25, 0.125), "depth": (5, 1), "kernel": (3, 5)}),
    (
        "once_for_all",
        (3, 48, 48),
        {"width": (1.0, 0.5)}
        | {f"kernel{stage}": (3, 7) for stage in (1, 2, 3)}
        | {f"expansion{stage}": (3, 6) for stage in (1, 2, 3)}
        | {f"depth{stage}": (2, 4) for stage in (1, 2, 3)},
    ),
]


@pytest.mark.parametrize(("file", "shape", "arguments"), SEARCHED, ids=[row[0] for row in SEARCHED])
def test_what_a_search_changes_makes_another_network(file, shape, arguments) -> None:  # type: ignore[no-untyped-def]
    def size(**given: float) -> int:
        network = model(file, **given)
        assert network(torch.rand(1, *shape)).shape[0] == 1
        return sum(p.numel() for p in network.parameters())

    usual = size()
    assert size(**{name: values[0] for name, values in arguments.items()}) == usual
    for name, (_, other) in arguments.items():
        assert size(**{name: other}) != usual, name
    size(**{name: values[1] for name, values in arguments.items()})


def test_each_stage_of_once_for_all_takes_what_the_paper_s_do() -> None:
    images = torch.rand(1, 3, 32, 32)
    for kernel, expansion, depth in ((3, 3, 2), (5, 4, 3), (7, 6, 4)):
        chosen = {"kernel2": kernel, "expansion2": expansion, "depth2": depth}
        network = model("once_for_all", width=0.5, **chosen)
        assert network(images).shape == (1, 2)
        blocks = [m for m in network.features if type(m).__name__ == "_InvertedResidual"]
        assert len(blocks) == 4 + depth and blocks[2].layers[1][0].kernel_size == (kernel, kernel)
        assert blocks[2].layers[1][0].groups == expansion * 8
    with pytest.raises(TypeError, match="kernel1 is 4: give one of 3, 5, 7"):
        model("once_for_all", kernel1=4)


needs_timm = pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")


def timm_network(name: str, **arguments: object) -> nn.Module:
    from edgeforge.torchvision_import import import_torchvision

    import_torchvision()
    import timm

    return timm.create_model(name, **arguments)


@needs_timm
@pytest.mark.parametrize("size", [224, 75])
def test_efficientnet_v2_is_timm_s_with_the_same_weights(size: int) -> None:
    torch.manual_seed(0)
    original, ours = timm_network("tf_efficientnetv2_b0"), model("efficientnet_v2", image_size=size)
    for network in (original, ours):
        network.eval()
    for layer in original.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    ours.load_state_dict(original.state_dict())
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        expected = original(images)
        assert torch.allclose(ours(images), expected, atol=1e-4 * float(expected.abs().max()))


@needs_timm
def test_timm_s_norms_are_split_and_compute_the_same() -> None:
    torch.manual_seed(0)
    wrapped = model("timm_model", name="mobilenetv3_small_050", classes=3)
    torch.manual_seed(0)
    original = timm_network("mobilenetv3_small_050", num_classes=3).eval()
    assert not any(type(layer).__name__ == "BatchNormAct2d" for layer in wrapped.modules())
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(wrapped(images), original(images))


@needs_timm
def test_a_timm_name_that_is_none_is_answered_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"timm has no model 'resnett18'.*resnet18"):
        model("timm_model", name="resnett18")


def test_a_u_net_gives_a_map_of_the_picture_s_size() -> None:
    network = model("unet_tiny", classes=4)
    images = torch.rand(2, 3, 96, 128)
    with torch.no_grad():
        expected = network(images)
        assert expected.shape == (2, 4, 96, 128)
        assert torch.equal(torch.fx.symbolic_trace(network)(images), expected)
    assert model("unet_tiny", classes=1, channels=1, widths=(4, 8))(torch.rand(1, 1, 20, 24)).shape == (1, 1, 20, 24)
