"""Networks that return maps: given on as vectors, pixel by pixel; their loss; changes that masks share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.export.direct import convert_directly
from edgeforge.export.onnx import write_onnx
from edgeforge.recipe.sections.training import Augment, Train
from edgeforge.results.head import IGNORED, Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.tflite.flatbuffer import operators
from edgeforge.train.augment.images import Augmentation
from edgeforge.train.batches import RawImages
from edgeforge.train.head.ending import last_functions
from edgeforge.train.heads_loss import HeadsLoss, targets
from edgeforge.train.network.finished import require_outputs
from edgeforge.train.network.forms import give_maps
from edgeforge.train.network.load import check_output

HEAD = Head("class", ("a", "b", "c"), kind="map", shape=(8, 12, 3))
MAPS = Preprocessing((1, 8, 12), 255.0, (0.5,), (0.2,), HEAD.classes, (HEAD,))
YES = Head("class", ("no", "yes"), kind="map", shape=(8, 12, 1))
ONE = Preprocessing((1, 8, 12), 255.0, (0.5,), (0.2,), YES.classes, (YES,))


class Net(nn.Module):
    def __init__(self, classes: int = 3, up: bool = True) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU())
        self.up = nn.Upsample(scale_factor=2) if up else nn.Identity()
        self.last = nn.Conv2d(5 if up else 4, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.up(self.down(x))
        return self.last(torch.cat([found, x], 1) if found.shape[2:] == x.shape[2:] else found)


def test_outputs_are_the_map_pixel_by_pixel() -> None:
    network, images = Net().eval(), torch.randn(2, 1, 8, 12)
    expected = network(images)
    give_maps(network)
    found = network(images).detach().numpy()
    assert found.shape == (2, HEAD.size) and type(network).__name__ == "Net"
    assert np.array_equal(HEAD.decide(found).reshape(2, 8, 12), expected.argmax(1).numpy())
    check_output(network, MAPS)
    exported = torch.export.export(network, (images[:1],)).module()
    assert np.allclose(exported(images[:1]).detach(), found[:1], atol=1e-6)


def test_no_transpose_is_in_the_tflite_file(tmp_path: Path) -> None:
    network = Net().eval()
    give_maps(network)
    write_onnx(network, MAPS, tmp_path / "net.onnx")
    made = convert_directly(onnx.load(tmp_path / "net.onnx")).model
    found = operators(made)
    assert "TRANSPOSE" not in found and found["CONV_2D"] == 2 and found["RESHAPE"] == 1


UP = "nn.Upsample(scale_factor=2) at its end makes that 8 x 12"
CHANNELS = "make the last layer give 3 channels, for instance with model.args: {classes: 3}"
YES_ALONE = "of two classes one output a pixel says how likely the second is"
FOUND = "is (1, 3, 4, 6), the data has 3 classes for each of 8 x 12 pixels: expected (1, 3, 8, 12)"


@pytest.mark.parametrize(
    ("network", "preprocessing", "says", "fix"),
    [
        (Net(up=False), MAPS, FOUND, UP),
        (Net(classes=5), MAPS, "is (1, 5, 8, 12)", CHANNELS),
        (Net(classes=2), ONE, "expected (1, 1, 8, 12)", YES_ALONE),
        (nn.Sequential(nn.Flatten(), nn.Linear(96, 3)), MAPS, "is (1, 3)", "one tensor (1, 3, 8, 12) from forward"),
    ],
)
def test_a_map_of_another_size_is_named(network: nn.Module, preprocessing: Preprocessing, says: str, fix: str) -> None:
    give_maps(network)
    with pytest.raises(RecipeError) as caught:
        check_output(network, preprocessing)
    assert says in caught.value.reason and fix in (caught.value.fix or "")


def test_a_finished_model_gives_the_vector_itself() -> None:
    with pytest.raises(RecipeError) as caught:
        require_outputs(torch.zeros(1, 3, 8, 12), MAPS)
    assert "output.permute(0, 2, 3, 1).flatten(1)" in (caught.value.fix or "")


def test_a_softmax_before_the_loss_is_found() -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 1), nn.Softmax(1))
    give_maps(network)
    assert last_functions(network, torch.zeros(1, 1, 8, 12)) == ("softmax",)


def test_the_loss_is_that_of_all_pixels() -> None:
    labels = np.random.default_rng(0).integers(0, 3, (4, 96)).astype(np.uint8)
    maps = torch.randn(4, 3, 8, 12)
    outputs = maps.permute(0, 2, 3, 1).flatten(1)
    truth = torch.from_numpy(targets(labels, MAPS.heads))
    wanted = torch.from_numpy(labels).long().reshape(4, 8, 12)
    loss = HeadsLoss(MAPS, Train(), labels)(outputs, truth)
    assert torch.isclose(loss, nn.functional.cross_entropy(maps, wanted))
    counts = np.bincount(labels.reshape(-1))
    weights = torch.tensor(counts.sum() / (3 * counts)).float()
    balanced = HeadsLoss(MAPS, Train(class_weights="balanced"), labels)(outputs, truth)
    assert torch.isclose(balanced, nn.functional.cross_entropy(maps, wanted, weights))
    two = np.minimum(labels, 1)
    yes = HeadsLoss(ONE, Train(), two)(maps[:, :1].flatten(1), torch.from_numpy(targets(two, ONE.heads)))
    expected = nn.functional.binary_cross_entropy_with_logits(
        maps[:, 0], torch.from_numpy(two).reshape(4, 8, 12).float()
    )
    assert torch.isclose(yes, expected)


def test_pixels_of_no_class_are_not_learned() -> None:
    labels = np.random.default_rng(2).integers(0, 3, (4, 96)).astype(np.uint8)
    painted = labels.copy()
    painted[:, ::3] = IGNORED
    painted[3] = IGNORED
    outputs = torch.randn(4, HEAD.size, requires_grad=True)
    loss = HeadsLoss(MAPS, Train(class_weights="balanced"), painted)
    found = loss(outputs, torch.from_numpy(painted))
    pixels, there = outputs.reshape(-1, 3), torch.from_numpy(painted != IGNORED).reshape(-1)
    counts = np.bincount(painted[painted != IGNORED])
    weights = torch.tensor(counts.sum() / (3 * counts)).float()
    wanted = torch.from_numpy(labels.reshape(-1)).long()[there]
    assert torch.isclose(found, nn.functional.cross_entropy(pixels[there], wanted, weights))
    nothing = loss(outputs[3:], torch.from_numpy(painted[3:]))
    nothing.backward()
    assert float(nothing.detach()) == pytest.approx(np.log(3), rel=0.5) and not outputs.grad.any()
    two = np.where(painted == IGNORED, IGNORED, np.minimum(painted, 1)).astype(np.uint8)
    yes = HeadsLoss(ONE, Train(), two)(outputs[:, :96], torch.from_numpy(two))
    flat = outputs[:, :96].reshape(-1)[there]
    assert torch.isclose(yes, nn.functional.binary_cross_entropy_with_logits(flat, (wanted > 0).float()))


def test_masks_turn_with_their_pictures() -> None:
    masks = np.random.default_rng(1).integers(0, 3, (6, 8, 12)).astype(np.uint8)
    pictures = (masks * 100)[:, None]
    augmentation = Augmentation(Augment(flip=True, rotate=True), 3, 255.0)
    data = RawImages(pictures, masks.reshape(6, -1), MAPS, augmentation)
    indices = list(range(6))
    images, wanted = data[indices]
    seen = (images * 0.2 + 0.5) * 255 / 100
    assert torch.equal(seen.round().to(torch.uint8).flatten(1), wanted)
    assert not torch.equal(wanted, data.targets), "some are turned"
    assert torch.equal(data.targets, torch.from_numpy(masks.reshape(6, -1))), "what is kept stays"
